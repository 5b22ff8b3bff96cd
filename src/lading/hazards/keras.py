"""Keras: layers that carry code, and layers of modules that Keras does not know."""

from __future__ import annotations

import json
import re
from typing import BinaryIO, Final

from lading.hazards.findings import DANGEROUS, SUSPICIOUS, Search

_JSON_LIMIT: Final = 16 * 1024 * 1024
_ITEMS_LIMIT: Final = 1_000_000
_CHUNK: Final = 4 * 1024 * 1024
_OVERLAP: Final = 512
_OWN: Final = re.compile(r"(keras|tf_keras|tensorflow(\.python)?\.keras|builtins)([.>].*)?")
# A Lambda layer is Python's marshalled bytecode: Keras runs it once somebody switches the safe
# mode off, older Keras without asking.
_WHY_LAMBDA: Final = "the layer is a Python function, stored as bytecode"
_CLASS: Final = re.compile(rb'"class_name"\s*:\s*"((?:[^"\\]|\\.){0,200})"')


def look_config(stream: BinaryIO, where: str, search: Search) -> None:
    """The ``config.json`` of a ``.keras`` archive."""
    raw = stream.read(_JSON_LIMIT + 1)
    try:
        if len(raw) > _JSON_LIMIT:
            raise ValueError("it is larger than 16 MiB")
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        search.add(where, "a model that cannot be read", SUSPICIOUS, str(error))
        return
    waiting = [value]
    seen = 0
    while waiting:
        item = waiting.pop()
        seen += 1
        if seen > _ITEMS_LIMIT:
            search.add(where, "a model that cannot be read", SUSPICIOUS, "it has too many parts")
            return
        if isinstance(item, dict):
            _judge(item, where, search)
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _judge(item: dict[str, object], where: str, search: Search) -> None:
    kind, module, registered = (
        item.get(key) for key in ("class_name", "module", "registered_name")
    )
    if not isinstance(kind, str):
        return
    if kind in ("Lambda", "__lambda__"):
        search.add(where, f"{kind} layer" if kind == "Lambda" else kind, DANGEROUS, _WHY_LAMBDA)
        return
    if isinstance(module, str) and module and not _OWN.fullmatch(module):
        why = "Keras would import it: it is none of its own modules"
        search.add(where, f"{module}.{kind}", SUSPICIOUS, why)
    elif isinstance(registered, str) and ">" in registered and not _OWN.match(registered):
        search.add(where, registered, SUSPICIOUS, "it needs code that the model does not hold")


def look_bytes(stream: BinaryIO, where: str, search: Search) -> None:
    """HDF5 and SavedModel's metadata hold the same JSON somewhere among their bytes.

    All of them are read: attributes may lie anywhere, and h5py is not needed for a search.
    """
    before = b""
    while chunk := stream.read(_CHUNK):
        text = before + chunk
        for match in _CLASS.finditer(text):
            if match[1] in (b"Lambda", b"__lambda__", b"TensorFlowOpLayer>Lambda"):
                search.add(where, "Lambda layer", DANGEROUS, _WHY_LAMBDA)
                return
            if b"\\" in match[1]:
                why = "the name of a layer is written in escapes"
                search.add(where, "a disguised layer", SUSPICIOUS, why)
        before = text[-_OVERLAP:]
