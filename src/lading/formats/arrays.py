"""NumPy's files: the header of an array, and of each array in an archive.

A header is a Python literal; it is matched, not evaluated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lading.formats.archive import Archive
from lading.formats.bounds import decoded, product
from lading.formats.cursor import Broken, Cursor, Near
from lading.formats.draft import Draft, spoken

if TYPE_CHECKING:
    from lading.ports import Window

MAGIC: Final = b"\x93NUMPY"
_HEADER: Final = 64 * 1024
_MEMBERS: Final = 1024
_RANK: Final = 64
_DESCR: Final = re.compile(r"""['"]descr['"]: *(?:['"]([^'"]{1,64})['"]|(\[))""")
_SHAPE: Final = re.compile(r"""['"]shape['"]: *\(([0-9, L]{0,1024})\)""")
_OBJECT: Final = "object"
_KINDS: Final = {"f": "float", "i": "int", "u": "uint", "c": "complex"}


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the header of one array says.

    Raises:
        Broken: there is none.
    """
    dtype, shape = _header(Cursor(Near(window)))
    draft.tensors = 1
    draft.tell(shape=list(shape), dtype=dtype)
    _add(dtype, shape, draft)


def look_at_archive(archive: Archive, draft: Draft) -> None:
    """Fill in what the headers of an archive's arrays say.

    Raises:
        Broken: a member cannot be read.
    """
    members = [name for name in archive.names if name.endswith(".npy")]
    draft.tensors = len(members)
    if len(members) > _MEMBERS:
        draft.note(f"Only the first {_MEMBERS:,} arrays were looked at.")
    arrays = {}
    for name in members[:_MEMBERS]:
        with archive.open(name) as cursor:
            dtype, shape = _header(cursor)
        arrays[name.removesuffix(".npy")] = {"dtype": dtype, "shape": list(shape)}
        _add(dtype, shape, draft)
    draft.tell(arrays=arrays)


def is_archive(archive: Archive) -> bool:
    """Whether an archive holds arrays and nothing else."""
    return bool(archive.names) and all(name.endswith(".npy") for name in archive.names)


def _add(dtype: str, shape: tuple[int, ...], draft: Draft) -> None:
    if dtype == _OBJECT:
        draft.note("It holds Python objects, which are pickled.")
    else:
        draft.add(dtype, product(shape))


def _header(cursor: Cursor) -> tuple[str, tuple[int, ...]]:
    """The type and the shape."""
    if cursor.take(len(MAGIC)) != MAGIC:
        raise Broken("An array has no header.")
    version = cursor.byte()
    cursor.skip(1)
    length = cursor.u16() if version == 1 else cursor.u32()
    if length > _HEADER:
        raise Broken(f"A header of {length:,} bytes is longer than is read.")
    text = decoded(cursor.take(length), _HEADER)
    descr, shape = _DESCR.search(text), _SHAPE.search(text)
    if descr is None or shape is None:
        raise Broken("A header does not say of which type or shape the array is.")
    lengths = [part.strip(" L") for part in shape[1].split(",")]
    dims = tuple(int(part) for part in lengths if part.isdecimal() and len(part) < 20)
    return _dtype(descr[1]), dims[:_RANK]


def _dtype(code: str | None) -> str:
    """The type by Arrow's name where it has one."""
    if code is None:
        return "record"
    code = code.lstrip("<>=|")
    kind, size = code[:1], code[1:]
    if kind == "b":
        return "bool"
    if kind == "O":
        return _OBJECT
    if kind in _KINDS and size.isdecimal() and len(size) < 3:
        name = f"{_KINDS[kind]}{8 * int(size)}"
        return spoken(name) or name
    return {"U": "string", "S": "binary", "M": "timestamp", "m": "duration"}.get(kind, code)
