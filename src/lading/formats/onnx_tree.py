"""Where the messages of an ONNX file hold messages, and which files beside it they name.

The numbers of the fields are those of ``onnx.proto``. Every tensor that a runtime may load is
found: of a graph, of graphs in nodes, of functions and what their attributes default to, and of
what training would begin with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lading.formats.cursor import Broken
from lading.formats.nested import Tree, last, nested

if TYPE_CHECKING:
    from lading.ports import Window

TREE: Final[Tree] = {
    "model": {7: "graph", 8: "operators", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "pair"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "operators", 11: "attribute"},
}

# No system has a longer path.
_LONGEST: Final = 4096


def places(window: Window) -> Iterator[str]:
    """The file of every tensor whose values lie outside this one, as the tensor names it.

    Raises:
        Broken: this is no ONNX file that can be read to its end, or a name is no text.
    """
    for _, pair in nested(window, TREE, {"pair"}):
        fields = last(pair)
        if 1 in fields and fields[1].raw(_LONGEST) == b"location":
            raw = fields[2].raw(_LONGEST) if 2 in fields else b""
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                raise Broken("The name of a file with weights is no text.") from error
