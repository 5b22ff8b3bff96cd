"""ONNX models and TensorFlow's SavedModels: what their graphs read, write and call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from lading.formats.cursor import Broken
from lading.formats.protobuf import Message, message
from lading.hazards.findings import DANGEROUS, SUSPICIOUS, Search
from lading.hazards.windows import FileWindow

_DEEPEST: Final = 64
_FIELDS_LIMIT: Final = 5_000_000
_TEXT_LIMIT: Final = 64 * 1024
# The fields of wanted messages that hold texts: keys, values, domains.
_TEXTS: Final = (1, 2, 10)
_END: Final[tuple[int, Message | int | None]] = (0, None)

# Where messages hold messages: the message, the field, and the message in it.
_ONNX: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 8: "operators", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "pair"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "operators"},
}
# onnxruntime's own, and what exporters of PyTorch define inside the model itself.
_DOMAINS: Final = re.compile(
    r"|ai\.onnx(\..+)?|com\.microsoft(\..+)?|org\.pytorch\..+|pkg\..+|this|local"
)
_SAVED: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {2: "metagraph"},
    "metagraph": {2: "graph"},
    "graph": {1: "node", 2: "library"},
    "library": {1: "function"},
    "function": {3: "node"},
    "node": {2: "operation"},
}
# modelscan's rule: these read and write any file; the others call Python.
_OPERATIONS: Final = {
    "ReadFile": "reads a file of whoever runs it",
    "WriteFile": "writes a file of whoever runs it",
    "PyFunc": "calls Python",
    "PyFuncStateless": "calls Python",
    "EagerPyFunc": "calls Python",
}


def look_onnx(file: BinaryIO, where: str, search: Search) -> None:
    """Find data outside the folder, and operators that need somebody's library."""
    visitor = _Visitor(file, _ONNX, {"pair", "operators", "function"})
    domains: set[str] = set()
    own: set[str] = set()
    try:
        for name, fields in visitor.visit():
            if name == "pair":
                _judge_place(fields, where, search)
            elif name == "operators":
                domains.add(fields.get(1, ""))
            elif name == "function":
                own.add(fields.get(10, ""))
    except Broken as error:
        search.add(where, "a broken ONNX file", SUSPICIOUS, str(error))
    for domain in sorted(domains - own):
        if not _DOMAINS.fullmatch(domain):
            why = "it runs only with a library of code for them"
            search.add(where, f"operators of {domain}", SUSPICIOUS, why)


def _judge_place(fields: Mapping[int, str], where: str, search: Search) -> None:
    if fields.get(1) != "location":
        return
    place = fields.get(2, "")
    parts = re.split(r"[/\\]", place)
    if ".." in parts or place[:1] in ("/", "\\", "~") or re.match(r"[A-Za-z]:|\w+://", place):
        why = f"its weights come from {place!r}, outside the model"
        search.add(where, "external data", DANGEROUS, why)


def look_saved_model(file: BinaryIO, where: str, search: Search) -> None:
    """Find operations that touch files or call Python."""
    visitor = _Visitor(file, _SAVED, {"operation"})
    try:
        for _, fields in visitor.visit():
            operation = fields.get(0, "")
            if why := _OPERATIONS.get(operation):
                search.add(where, operation, DANGEROUS, f"the graph {why}")
    except Broken as error:
        search.add(where, "a broken SavedModel", SUSPICIOUS, str(error))


class _Visitor:
    """Walks messages in messages without recursion, and gathers the texts of a few."""

    def __init__(
        self, file: BinaryIO, tree: Mapping[str, Mapping[int, str]], wanted: set[str]
    ) -> None:
        self._message = message(FileWindow(file), _FIELDS_LIMIT)
        self._tree = tree
        self._wanted = wanted

    def visit(self) -> Iterator[tuple[str, Mapping[int, str]]]:
        """Every wanted message, as the texts of its fields; a message after those it holds."""
        open_ones = [("model", self._message.fields(), _texts())]
        while open_ones:
            name, fields, texts = open_ones[-1]
            number, value = next(fields, _END)
            if value is None:
                open_ones.pop()
                if name in self._wanted:
                    yield name, texts
            elif isinstance(value, int):
                continue
            elif (below := self._tree.get(name, {}).get(number)) == "operation":
                yield below, {0: value.text(_TEXT_LIMIT)}
            elif below is not None:
                if len(open_ones) > _DEEPEST:
                    raise Broken("It is nested too deeply.")
                open_ones.append((below, value.fields(), _texts()))
            elif name in self._wanted and value.length and number in _TEXTS:
                texts.setdefault(number, value.text(_TEXT_LIMIT))


def _texts() -> dict[int, str]:
    return {}
