"""ONNX models and TensorFlow's SavedModels: what their graphs read, write and call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Final

from lading.formats.cursor import Broken
from lading.formats.nested import Tree, last, nested
from lading.formats.onnx_tree import TREE
from lading.hazards.findings import DANGEROUS, SUSPICIOUS, Search
from lading.hazards.windows import FileWindow

if TYPE_CHECKING:
    from lading.formats.protobuf import Message

_TEXT_LIMIT: Final = 64 * 1024
# onnxruntime's own, and what exporters of PyTorch define inside the model itself.
_DOMAINS: Final = re.compile(
    r"|ai\.onnx(\..+)?|com\.microsoft(\..+)?|org\.pytorch\..+|pkg\..+|this|local"
)
_SAVED: Final[Tree] = {
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
    domains: set[str] = set()
    own: set[str] = set()
    try:
        for name, found in nested(FileWindow(file), TREE, {"pair", "operators", "function"}):
            if name == "pair":
                _judge_place(_texts(found, 1, 2), where, search)
            elif name == "operators":
                domains.add(_texts(found, 1)[1])
            elif name == "function":
                own.add(_texts(found, 10)[10])
    except Broken as error:
        search.add(where, "a broken ONNX file", SUSPICIOUS, str(error))
    for domain in sorted(domains - own):
        if not _DOMAINS.fullmatch(domain):
            why = "it runs only with a library of code for them"
            search.add(where, f"operators of {domain}", SUSPICIOUS, why)


def _judge_place(fields: Mapping[int, str], where: str, search: Search) -> None:
    if fields[1] != "location":
        return
    place = fields[2]
    parts = re.split(r"[/\\]", place)
    if ".." in parts or place[:1] in ("/", "\\", "~") or re.match(r"[A-Za-z]:|\w+://", place):
        why = f"its weights come from {place!r}, outside the model"
        search.add(where, "external data", DANGEROUS, why)


def look_saved_model(file: BinaryIO, where: str, search: Search) -> None:
    """Find operations that touch files or call Python."""
    try:
        for _, found in nested(FileWindow(file), _SAVED, {"operation"}):
            operation = found.text(_TEXT_LIMIT)
            if why := _OPERATIONS.get(operation):
                search.add(where, operation, DANGEROUS, f"the graph {why}")
    except Broken as error:
        search.add(where, "a broken SavedModel", SUSPICIOUS, str(error))


def _texts(found: Message, *numbers: int) -> Mapping[int, str]:
    """The fields of a message that are texts; empty where they are not there."""
    fields = last(found)
    return {
        number: fields[number].text(_TEXT_LIMIT) if number in fields else "" for number in numbers
    }
