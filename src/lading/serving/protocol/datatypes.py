"""The protocol's datatypes, and the elements of each: checked, packed and unpacked.

An element of a JSON list is checked by the type of the whole list first: a million numbers cost a
look at their types and their extremes.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.npy import Array
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE

BYTES: Final = "BYTES"


@dataclass(frozen=True, slots=True)
class Datatype:
    """One datatype: what Lading and NumPy call it, and the size of an element in bytes."""

    name: str
    dtype: str
    # None for BYTES, whose elements have a length each.
    size: int | None
    # The code of ``array`` or ``struct``.
    code: str


DATATYPES: Final = {
    each.name: each
    for each in (
        Datatype("BOOL", "bool", 1, "?"),
        Datatype("INT8", "int8", 1, "b"),
        Datatype("INT16", "int16", 2, "h"),
        Datatype("INT32", "int32", 4, "i"),
        Datatype("INT64", "int64", 8, "q"),
        Datatype("UINT8", "uint8", 1, "B"),
        Datatype("UINT16", "uint16", 2, "H"),
        Datatype("UINT32", "uint32", 4, "I"),
        Datatype("UINT64", "uint64", 8, "Q"),
        Datatype("FP16", "float16", 2, "e"),
        Datatype("BF16", "bfloat16", 2, ""),
        Datatype("FP32", "float32", 4, "f"),
        Datatype("FP64", "float64", 8, "d"),
        Datatype(BYTES, "string", None, ""),
    )
}
BY_DTYPE: Final = {each.dtype: each for each in DATATYPES.values()}
_FINITE: Final = frozenset({int, float})
_INTEGRAL: Final = frozenset({int})


def datatype(name: object, where: str) -> Datatype:
    """The datatype of that name.

    Raises:
        InvalidInput: the protocol has none.
    """
    found = DATATYPES.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidInput(
            f"{where} has the datatype {str(name)[:40]!r}",
            cause="the protocol has none of that name",
            hint=", ".join(DATATYPES),
        )
    return found


def checked(flat: list[Any], kind: Datatype, where: str) -> list[Any]:
    """The elements of a JSON list as values of a datatype.

    Whole numbers may be written as 1.0; what is not finite is written as text.

    Raises:
        InvalidInput: an element is none; says which, and where.
    """
    types = set(map(type, flat))
    if kind.name == BYTES:
        return _texts(flat, types, where)
    if kind.name == "BOOL":
        return flat if types <= {bool} else _refuse(flat, lambda x: type(x) is bool, kind, where)
    if bounds := INTEGERS.get(kind.dtype):
        return _integers(flat, types, kind, bounds, where)
    return _floats(flat, types, kind, where)


def _texts(flat: list[Any], types: set[type], where: str) -> list[Any]:
    if not types <= {str}:
        _refuse(flat, lambda x: type(x) is str, DATATYPES[BYTES], where)
    try:
        "".join(flat).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where} holds half a character") from error
    return flat


def _integers(
    flat: list[Any], types: set[type], kind: Datatype, bounds: tuple[int, int], where: str
) -> list[Any]:
    least, most = bounds
    if types <= _INTEGRAL and (not flat or (least <= min(flat) and max(flat) <= most)):
        return flat

    def fits(value: Any) -> bool:
        whole = type(value) is int or (type(value) is float and value.is_integer())
        return whole and least <= value <= most

    if not all(map(fits, flat)):
        _refuse(flat, fits, kind, where)
    return list(map(int, flat))


def _floats(flat: list[Any], types: set[type], kind: Datatype, where: str) -> list[Any]:
    most = FLOATS[kind.dtype]
    if types <= _FINITE and (not flat or (-most <= min(flat) and max(flat) <= most)):
        return flat

    def fits(value: Any) -> bool:
        return -most <= value <= most if type(value) in _FINITE else value in NON_FINITE

    if not all(map(fits, flat)):
        _refuse(flat, fits, kind, where)
    return list(map(float, flat))


def _refuse(flat: Iterable[Any], fits: Callable[[Any], bool], kind: Datatype, where: str) -> Any:
    at, value = next((at, value) for at, value in enumerate(flat) if not fits(value))
    raise InvalidInput(f"{where}: element {at} is no {kind.name}", cause=f"got {shown(value)}")


def shown(value: Any) -> str:
    """An element for people, short."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return type(value).__name__ if isinstance(value, (list, dict)) else repr(value)[:60]


def packed(flat: Sequence[Any], kind: Datatype, shape: tuple[int, ...]) -> Array:
    """Checked numbers as an array; of BF16 one of float32, which holds all of its values."""
    if kind.name == "BOOL":
        return Array("bool", shape, memoryview(bytes(flat)))
    if kind.name == "FP16":
        return Array("float16", shape, memoryview(struct.pack(f"<{len(flat)}e", *flat)))
    wide = DATATYPES["FP32"] if kind.name == "BF16" else kind
    numbers = array(wide.code, flat)
    if sys.byteorder == "big":
        numbers.byteswap()
    return Array(wide.dtype, shape, memoryview(numbers).cast("B"))


def unpacked(raw: memoryview, kind: Datatype, shape: tuple[int, ...]) -> Array:
    """The numbers of a binary tensor, little-endian; nothing is copied but for BF16.

    Raises:
        InvalidInput: a boolean is neither 0 nor 1.
    """
    if kind.name == "BF16":
        # The upper half of a float32 each.
        wide = bytearray(2 * len(raw))
        wide[2::4], wide[3::4] = raw[0::2], raw[1::2]
        return Array("float32", shape, memoryview(bytes(wide)))
    if kind.name == "BOOL" and max(raw, default=0) > 1:
        raise InvalidInput("a boolean is written as the byte 0 or 1", cause=f"got {max(raw)}")
    return Array(kind.dtype, shape, raw)


def flattened(data: Any, shape: tuple[int, ...], count: int, where: str) -> list[Any]:
    """The elements of a tensor in JSON, which is flat, or nested as its shape says.

    Raises:
        InvalidInput: it is neither.
    """
    if not isinstance(data, list):
        raise InvalidInput(f"{where}: data is no list", cause=f"got {shown(data)}")
    level = data
    if list in set(map(type, data)):
        level = [data]
        for length in shape:
            if any(type(each) is not list or len(each) != length for each in level):
                raise InvalidInput(f"{where}: data is not nested as its shape {list(shape)} says")
            level = list(chain.from_iterable(level))
    if len(level) != count:
        raise InvalidInput(
            f"{where}: data has {len(level)} elements",
            cause=f"its shape {list(shape)} says {count}",
        )
    return level


def nested(flat: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Lists in lists of a shape; the one element of a tensor without dimensions."""
    if not shape:
        return flat[0]
    if 0 in shape:
        return [nested(flat, shape[1:]) for _ in range(shape[0])]
    level: list[Any] = list(flat)
    for length in reversed(shape[1:]):
        level = [level[at : at + length] for at in range(0, len(level), length)]
    return level
