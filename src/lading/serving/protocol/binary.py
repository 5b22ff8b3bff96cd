"""The binary tensor extension: a JSON header, and the bytes of tensors behind it.

What the header says of lengths is held against what there is, to the byte, before any of it is
used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from lading.errors import InvalidInput

HEADER: Final = "Inference-Header-Content-Length"
_LENGTH: Final = struct.Struct("<I")


def split(body: bytes, header: str | None) -> tuple[bytes, memoryview]:
    """The JSON of a request, and the bytes behind it.

    Raises:
        InvalidInput: the length is none, or there are fewer bytes.
    """
    if header is None:
        return body, memoryview(b"")
    text = header.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise InvalidInput(f"{HEADER} is no length", cause=repr(header[:40]))
    length = int(text)
    if not 0 < length <= len(body):
        raise InvalidInput(f"{HEADER} says {length} bytes", cause=f"the body has {len(body)}")
    return body[:length], memoryview(body)[length:]


class Tail:
    """The bytes behind the JSON, taken tensor by tensor, in the order of the inputs."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._taken = 0

    def take(self, size: int, where: str) -> memoryview:
        """The next bytes.

        Raises:
            InvalidInput: there are not so many.
        """
        left = len(self._raw) - self._taken
        if not 0 <= size <= left:
            raise InvalidInput(
                f"{where}: binary_data_size says {size} bytes", cause=f"{left} bytes are left"
            )
        part = self._raw[self._taken : self._taken + size]
        self._taken += size
        return part

    def demand_empty(self) -> None:
        """Refuse bytes that no tensor claims.

        Raises:
            InvalidInput: there are some.
        """
        if left := len(self._raw) - self._taken:
            raise InvalidInput(
                f"{left} bytes behind the JSON belong to no input",
                hint="an input says how many are its own: parameters.binary_data_size",
            )


def elements(raw: memoryview, count: int, where: str) -> list[bytes]:
    """The elements of a BYTES tensor: each has its length before it, four bytes.

    Raises:
        InvalidInput: there are more or fewer than ``count``, or one ends beyond the end.
    """
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        if len(found) == count:
            raise InvalidInput(f"{where}: there are bytes behind its {count} elements")
        if len(raw) - at < _LENGTH.size:
            raise InvalidInput(f"{where}: element {len(found)} is cut off within its length")
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if length > len(raw) - at:
            raise InvalidInput(
                f"{where}: element {len(found)} says {length} bytes",
                cause=f"{len(raw) - at} are left",
            )
        found.append(bytes(raw[at : at + length]))
        at += length
    if len(found) < count:
        raise InvalidInput(
            f"{where}: it holds {len(found)} elements", cause=f"its shape says {count}"
        )
    return found


def joined(texts: Iterable[bytes]) -> bytes:
    """The elements of a BYTES tensor as one."""
    return b"".join(_with_length(texts))


def _with_length(texts: Iterable[bytes]) -> Iterator[bytes]:
    for text in texts:
        yield _LENGTH.pack(len(text))
        yield text
