"""Content that is looked into here and there, from wherever it is.

Windows only cut and fetch. What they give is not verified: a part of something has no digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from lading.errors import IntegrityError, InvalidInput
from lading.ports import Content, RangeReader, Reader, Source, Window
from lading.spec.descriptor import Descriptor
from lading.spec.stretch import Stretch

# What is fetched at once where much is read in order.
PIECE: Final = 8 * 1024 * 1024


def fetch_range(
    source: Source, descriptor: Descriptor, offset: int, length: int
) -> AbstractContextManager[Reader]:
    """Some of the bytes of some content; from a source without ranges all that follow are left."""
    if isinstance(source, RangeReader):
        return source.fetch_range(descriptor, offset, length)
    return _cut(source.fetch(descriptor, offset), length)


@contextmanager
def _cut(opened: AbstractContextManager[Reader], length: int) -> Iterator[Reader]:
    with opened as reader:
        yield Stretch(reader, length)


@dataclass(frozen=True, slots=True)
class SourceWindow:
    """Content of a source; every look is a request of its own."""

    source: Source
    descriptor: Descriptor

    @property
    def size(self) -> int:
        """What the descriptor says."""
        return self.descriptor.size

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on."""
        length = within(self.size, offset, length)
        if not length:
            return b""
        with fetch_range(self.source, self.descriptor, offset, length) as reader:
            return _drained(reader, length)


@dataclass(frozen=True, slots=True)
class ContentWindow:
    """Content that is opened from any offset for each look: what the cache has unpacked."""

    content: Content

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.content.size

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on."""
        length = within(self.size, offset, length)
        if not length:
            return b""
        with self.content.open(offset) as reader:
            return _drained(Stretch(reader, length), length)


@dataclass(frozen=True, slots=True)
class BytesWindow:
    """Bytes in memory."""

    raw: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.raw)

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on."""
        length = within(self.size, offset, length)
        return self.raw[offset : offset + length]


@dataclass(frozen=True, slots=True)
class PartWindow:
    """A part of another window: a file in its archive."""

    whole: Window
    start: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on."""
        length = within(self.size, offset, length)
        return self.whole.read_at(self.start + offset, length) if length else b""


class AheadWindow:
    """A window that takes more than was asked for, and has it when that is asked for next."""

    def __init__(self, window: Window, ahead: int) -> None:
        self._window = window
        self._ahead = ahead
        self._start = 0
        self._raw = b""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._window.size

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on."""
        length = within(self.size, offset, length)
        position = offset - self._start
        if position < 0 or position + length > len(self._raw):
            if length >= self._ahead:
                return self._window.read_at(offset, length)
            self._start, position = offset, 0
            self._raw = self._window.read_at(offset, self._ahead)
        return self._raw[position : position + length]


def pieces(window: Window, offset: int, length: int, *, first: int = PIECE) -> Iterator[bytes]:
    """So many bytes in order; the first piece may be a small one, and each is larger than the last.

    Raises:
        IntegrityError: there are not so many.
    """
    end, step = offset + length, first
    while offset < end:
        raw = window.read_at(offset, min(step, end - offset))
        if not raw:
            raise IntegrityError("content is cut off", cause=f"{end - offset} bytes are missing")
        yield raw
        offset += len(raw)
        step = min(PIECE, step * 8)


def within(size: int, offset: int, length: int) -> int:
    """How much of that length there is.

    Raises:
        InvalidInput: offset or length is negative.
    """
    if offset < 0 or length < 0:
        raise InvalidInput(f"cannot read {length} bytes at {offset}", hint="neither is negative")
    return max(0, min(length, size - offset))


def _drained(reader: Reader, length: int) -> bytes:
    """Everything a reader gives, which is as much as that; memory follows what arrives.

    Raises:
        IntegrityError: it is less.
    """
    whole: list[bytearray] = []
    left = length
    while left:
        piece = bytearray(min(left, PIECE))
        arrived = _filled(reader, piece)
        whole.append(piece)
        left -= arrived
        if arrived < len(piece):
            raise IntegrityError(
                "content is cut off", cause=f"{length - left} bytes arrived instead of {length}"
            )
    return b"".join(whole)


def _filled(reader: Reader, piece: bytearray) -> int:
    filled = 0
    with memoryview(piece) as buffer:
        while filled < len(buffer) and (count := reader.readinto(buffer[filled:])):
            filled += count
    return filled
