"""Arrays in NumPy's file format, written and read without NumPy.

Only what a stored example needs: booleans, integers and floats, little-endian, in C order. What
is read may be hostile: the header is bounded and parsed as literals, and the length of the data
must be what the header says.
"""

from __future__ import annotations

import ast
import math
import struct
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from lading.errors import InvalidInput

_MAGIC: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 10_000
_MOST_DIMENSIONS: Final = 64
_ALIGNMENT: Final = 64

# By type: NumPy's code, the code of Python's memoryview, the size of an item.
_CODES: Final[dict[str, tuple[str, str, int]]] = {
    "bool": ("|b1", "?", 1),
    "int8": ("|i1", "b", 1),
    "int16": ("<i2", "h", 2),
    "int32": ("<i4", "i", 4),
    "int64": ("<i8", "q", 8),
    "uint8": ("|u1", "B", 1),
    "uint16": ("<u2", "H", 2),
    "uint32": ("<u4", "I", 4),
    "uint64": ("<u8", "Q", 8),
    "float16": ("<f2", "e", 2),
    "float32": ("<f4", "f", 4),
    "float64": ("<f8", "d", 8),
}
_DTYPES: Final = {code: dtype for dtype, (code, _, _) in _CODES.items()}


@dataclass(frozen=True, slots=True)
class Array:
    """An array as bytes: little-endian, in C order."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def tolist(self) -> Any:
        """Nested lists of Python's numbers; one number for an array without dimensions."""
        values = struct.iter_unpack("<" + _CODES[self.dtype][1], self.data)
        flat: list[Any] = [value for (value,) in values]
        if not self.shape:
            return flat[0]
        for length in reversed(self.shape[1:]):
            # An array without elements has rows all the same, as many as the shape says.
            flat = [flat[at : at + length] for at in range(0, len(flat), length)] if length else []
        return flat if math.prod(self.shape) else _hollow(self.shape)


def _hollow(shape: tuple[int, ...]) -> list[Any]:
    if not shape or shape[0] == 0:
        return []
    if math.prod(shape[: shape.index(0)]) > 1_000_000:
        raise InvalidInput("the array has millions of empty rows", cause=f"shape {shape}")
    return [_hollow(shape[1:]) for _ in range(shape[0])]


def can_hold(dtype: str) -> bool:
    """Whether the file format, as it is written here, has this type."""
    return dtype in _CODES


def item_size(dtype: str) -> int:
    """How many bytes an element has."""
    return _CODES[dtype][2]


def write(array: Array) -> bytes:
    """The bytes of a ``.npy`` file, version 1.0."""
    shape = repr(array.shape)
    code = _CODES[array.dtype][0]
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}"
    length = len(_MAGIC) + 4 + len(header) + 1
    padded = header + " " * (-length % _ALIGNMENT) + "\n"
    return (
        _MAGIC + b"\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + bytes(array.data)
    )


def read(raw: bytes, what: str = "the array") -> Array:
    """The array in a ``.npy`` file; its data is not copied.

    Raises:
        InvalidInput: it is none, is in Fortran order, has objects or structures, or lies about
            its length.
    """
    header, start = _header(raw, what)
    dtype = _DTYPES.get(str(header.get("descr")))
    shape = header.get("shape")
    if dtype is None:
        raise InvalidInput(
            f"{what} has elements of a type that is not read",
            cause=str(header.get("descr"))[:80],
            hint="booleans, integers and floats, little-endian",
        )
    if header.get("fortran_order") is not False or not _is_shape(shape):
        raise InvalidInput(
            f"{what} is not in C order, or has no proper shape", hint="numpy.ascontiguousarray"
        )
    data = memoryview(raw)[start:]
    size = math.prod(shape) * item_size(dtype)
    if len(data) != size:
        raise InvalidInput(f"{what} is damaged", cause=f"{len(data)} bytes of {size}")
    return Array(dtype, shape, data)


def _header(raw: bytes, what: str) -> tuple[dict[str, Any], int]:
    if raw[:6] != _MAGIC or len(raw) < 12:
        raise InvalidInput(f"{what} is no .npy file")
    wide = raw[6] >= 2
    start = 12 if wide else 10
    length = struct.unpack("<I" if wide else "<H", raw[8:start])[0]
    if length > _LONGEST_HEADER or len(raw) < start + length:
        raise InvalidInput(f"{what} is damaged", cause=f"a header of {length} bytes")
    try:
        value = ast.literal_eval(raw[start : start + length].decode("latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise InvalidInput(f"{what} is damaged", cause="the header cannot be read") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is damaged", cause="the header is no dictionary")
    return value, start + length


def _is_shape(shape: Any) -> TypeGuard[tuple[int, ...]]:
    return (
        isinstance(shape, tuple)
        and len(shape) <= _MOST_DIMENSIONS
        and all(type(length) is int and length >= 0 for length in shape)
    )
