"""NumPy's own files: numbers are never unpickled, and objects always are.

So the header decides. Where it cannot be told what it says, what follows is looked at as anything
else is.
"""

from __future__ import annotations

import ast
import re
from typing import BinaryIO, Final

from lading.hazards import pickles
from lading.hazards.findings import SUSPICIOUS, Search

MAGIC: Final = b"\x93NUMPY"
_ABSURD: Final = 1024 * 1024
# What NumPy itself evaluates unless it is told otherwise.
_LONGEST: Final = 10_000
_FIELDS_LIMIT: Final = 10_000
_OBJECTS: Final = re.compile(rb"""['"][<>|=]?O\d*['"]|object""")
_NUMBERS: Final = re.compile(r"[<>|=]?[biufcSUVmM]\d+(\[\w+\])?")


def look(stream: BinaryIO, where: str, search: Search) -> None:
    """Look into an array: where its items are objects, a pickle follows the header."""
    start = stream.read(8)
    length = int.from_bytes(stream.read(2 if start[6:7] == b"\x01" else 4), "little")
    if length > _ABSURD:
        search.add(where, "a broken array", SUSPICIOUS, "its header is absurdly long")
        return
    header = stream.read(length)
    if not _holds_numbers(header):
        objects = _OBJECTS.search(header) is not None
        pickles.look(stream, where, search, named=objects, script=False)


def _holds_numbers(header: bytes) -> bool:
    """Whether every item is certain to be plain bytes, read as NumPy reads the header."""
    if len(header) > _LONGEST:
        return False
    try:
        value = ast.literal_eval(header.decode("latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    waiting = [value.get("descr") if isinstance(value, dict) else None]
    for _ in range(_FIELDS_LIMIT):
        if not waiting:
            return True
        kind = waiting.pop()
        if isinstance(kind, list) and all(isinstance(f, tuple) and len(f) > 1 for f in kind):
            waiting += [field[1] for field in kind]
        elif not isinstance(kind, str) or not _NUMBERS.fullmatch(kind):
            return False
    return False
