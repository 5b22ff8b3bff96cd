"""The header of a safetensors file: what tensors there are, of which type, and where they lie.

The format: eight bytes with the length of the header, little end first; the header, a flat JSON
object; the bytes of the tensors, without holes. :func:`header` is strict and keeps every tensor;
the facts of :func:`look_at` are counted in one pass and need little memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput
from lading.formats.bounds import product
from lading.formats.cursor import Broken

if TYPE_CHECKING:
    from lading.formats.draft import Draft
    from lading.ports import Window

# The library reads no longer header; here facts are counted from shorter ones only.
HEADER_LIMIT: Final = 100_000_000
LOOK_LIMIT: Final = 16 * 1024 * 1024
# A character beyond ASCII makes all others of a text as wide as itself.
_WIDE_LIMIT: Final = LOOK_LIMIT // 4
_METADATA: Final = "__metadata__"
_METADATA_LIMIT: Final = 1024 * 1024

# What the format calls a type: our name, and its size in bits.
_TYPES: Final = {
    "BOOL": ("bool", 8),
    "F4": ("f4", 4),
    "F6_E2M3": ("f6_e2m3", 6),
    "F6_E3M2": ("f6_e3m2", 6),
    "F8_E4M3": ("f8_e4m3", 8),
    "F8_E5M2": ("f8_e5m2", 8),
    "F8_E8M0": ("f8_e8m0", 8),
    "F8_E4M3FNUZ": ("f8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("f8_e5m2fnuz", 8),
    "I8": ("int8", 8),
    "I16": ("int16", 16),
    "I32": ("int32", 32),
    "I64": ("int64", 64),
    "U8": ("uint8", 8),
    "U16": ("uint16", 16),
    "U32": ("uint32", 32),
    "U64": ("uint64", 64),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F32": ("float32", 32),
    "F64": ("float64", 64),
    "C64": ("complex64", 64),
}
_FRAMEWORKS: Final = {"pt": "pytorch", "tf": "tensorflow", "flax": "flax", "mlx": "mlx"}

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_KEY: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*+"[ \t\r\n]*+:[ \t\r\n]*+')
# The description of a tensor holds lists, but no other object.
_FLAT: Final = re.compile(r"\{[^{}]{0,4096}+\}")


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor: its type by Arrow's name, its shape, and where its bytes lie in the window."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """Everything a header says, in its own order."""

    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]


def header(window: Window) -> SafetensorsHeader:
    """The header, every tensor checked against the file; offsets count from the window's start.

    Raises:
        InvalidInput: it lies: about its own length, about a tensor's size or place.
    """
    try:
        text, data = _header_text(window, HEADER_LIMIT)
        tensors: dict[str, TensorEntry] = {}
        metadata: dict[str, str] = {}
        seen: set[str] = set()
        for name, value in _entries(text):
            if name in seen:
                raise Broken(f"It names {name[:100]!r} twice.")
            seen.add(name)
            if name == _METADATA:
                metadata = _metadata(value)
            else:
                tensors[name] = _entry(name, value, data)
        _check_places([(t.offset, t.offset + t.length) for t in tensors.values()], data, window)
    except Broken as error:
        raise InvalidInput("the safetensors header is wrong", cause=str(error)) from error
    return SafetensorsHeader(tensors, metadata)


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the header says.

    Raises:
        Broken: it cannot be read on.
    """
    text, data = _header_text(window, LOOK_LIMIT)
    places: list[tuple[int, int]] = []
    for name, value in _entries(text):
        if name == _METADATA:
            _tell_metadata(_metadata(value), draft)
            continue
        entry = _entry(name, value, data)
        places.append((entry.offset, entry.offset + entry.length))
        draft.add(entry.dtype, product(entry.shape))
    draft.tensors = len(places)
    _check_places(places, data, window)


def _tell_metadata(metadata: Mapping[str, str], draft: Draft) -> None:
    draft.framework = _FRAMEWORKS.get(metadata.get("format", ""))
    draft.tell(metadata=metadata)


def _header_text(window: Window, limit: int) -> tuple[str, int]:
    """The header as text, and where the tensors begin."""
    size = int.from_bytes(window.read_at(0, 8), "little")
    if size > window.size - 8:
        raise Broken("The header is said to be longer than the file.")
    if size > limit:
        raise Broken(f"A header of {size:,} bytes is longer than is read ({limit:,} bytes).")
    raw = window.read_at(8, size)
    if len(raw) != size:
        raise Broken("The file became shorter while it was read.")
    if limit == LOOK_LIMIT and size > _WIDE_LIMIT and not raw.isascii():
        raise Broken(f"A header of {size:,} bytes that is not ASCII is longer than is read.")
    try:
        return raw.decode(), 8 + size
    except UnicodeDecodeError as error:
        raise Broken("The header is not UTF-8.") from error


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    """The fields of the object in that text, one at a time: a header may hold very many."""
    if not text.startswith("{"):
        raise Broken("The header is not a JSON object.")
    at = _after_space(text, 1)
    if text.startswith("}", at):
        at += 1
    else:
        while True:
            name, at = _name(text, at)
            value, at = _value(text, at, name)
            yield name, value
            at = _after_space(text, at)
            if text.startswith("}", at):
                at += 1
                break
            if not text.startswith(",", at):
                raise Broken("The header is not JSON that can be read.")
            at = _after_space(text, at + 1)
    if text[at:].strip(" \t\r\n"):
        raise Broken("Something follows the header's JSON.")


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _name(text: str, at: int) -> tuple[str, int]:
    match = _KEY.match(text, at)
    if match is None:
        raise Broken("The header is not JSON that can be read.")
    quoted = match.group()
    return str(_json(quoted[: quoted.rindex('"') + 1])), match.end()


def _value(text: str, at: int, name: str) -> tuple[Any, int]:
    if name == _METADATA:
        # Texts may hold braces, so only a parser finds the end.
        try:
            value, length = json.JSONDecoder().raw_decode(text[at : at + _METADATA_LIMIT])
        except (ValueError, RecursionError) as error:
            raise Broken("The metadata is too long, or not JSON that can be read.") from error
        return value, at + length
    match = _FLAT.match(text, at)
    if match is None:
        raise Broken(f"The tensor {name[:100]!r} is not described as it must be.")
    return _json(match.group()), match.end()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken("The header is not JSON that can be read.") from error


def _metadata(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise Broken("The metadata is not an object of texts.")
    return value


def _entry(name: str, value: object, data: int) -> TensorEntry:
    """The tensor as it is described, with its bytes where the data begins."""
    what = f"The tensor {name[:100]!r}"
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise Broken(f"{what} is not described as it must be.")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or not _are_counts(shape) or not _are_counts(offsets):
        raise Broken(f"{what} is not described as it must be.")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise Broken(f"{what} does not say where it begins and ends.")
    ours, bits = _TYPES.get(dtype, (dtype.lower(), 0))
    begin, end = offsets
    # The size of a type that is new to us cannot be checked.
    if bits and product(shape) * bits != (end - begin) * 8:
        raise Broken(f"{what} has {end - begin:,} bytes, which its type and shape do not make.")
    return TensorEntry(ours, tuple(shape), data + begin, end - begin)


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(type(part) is int and part >= 0 for part in value)


def _check_places(places: list[tuple[int, int]], data: int, window: Window) -> None:
    """Demand that the tensors fill the rest of the file, each byte once."""
    expected = data
    for begin, end in sorted(places):
        if begin != expected:
            raise Broken("Tensors overlap." if begin < expected else "There are holes in the data.")
        expected = end
    if expected > window.size:
        raise Broken("A tensor lies outside the file.")
    if expected < window.size:
        raise Broken("There are bytes that belong to no tensor.")
