"""Reading forwards: through a window, or through a stream that nobody can jump in.

Every read is bounded here, so that a length that lies costs nothing. Nothing knows a format.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from lading.ports import Window


BLOCK: Final = 64 * 1024
# Nothing that is wanted as one piece is larger.
LARGEST: Final = 16 * 1024 * 1024

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")


class Broken(ValueError):
    """What is wrong with a file, as a sentence; becomes a note."""


class Source(Protocol):
    """Where a cursor gets its bytes from."""

    def read(self, length: int) -> bytes:
        """Some of the next bytes, at most so many; none only at the end."""
        ...

    def skip(self, length: int) -> None:
        """Leave bytes out.

        Raises:
            Broken: there are not so many.
        """
        ...


class Near:
    """A stretch of a window as a source: leaving out costs nothing."""

    __slots__ = ("_end", "_position", "_window")

    def __init__(self, window: Window, start: int = 0, length: int | None = None) -> None:
        self._window = window
        self._position = start
        self._end = window.size if length is None else min(window.size, start + length)

    def read(self, length: int) -> bytes:
        """Some of the next bytes, at most so many; none only at the end."""
        length = min(length, self._end - self._position)
        data = self._window.read_at(self._position, length) if length > 0 else b""
        self._position += len(data)
        return data

    def skip(self, length: int) -> None:
        """Leave bytes out.

        Raises:
            Broken: there are not so many.
        """
        if length > self._end - self._position:
            raise Broken("It ends before what it announces does.")
        self._position += length


class Stream:
    """What a function reads, as a source: leaving out means reading, so there is an end to it."""

    __slots__ = ("_left", "_limit", "_read")

    def __init__(self, read: Callable[[int], bytes], limit: int) -> None:
        self._read = read
        self._limit = self._left = limit

    def read(self, length: int) -> bytes:
        """Some of the next bytes, at most so many; none only at the end.

        Raises:
            Broken: more was read than is read of one file.
        """
        data = self._read(length)
        self._left -= len(data)
        if self._left < 0:
            raise Broken(f"It was not read beyond {self._limit >> 20} MiB of decompressed bytes.")
        return data

    def skip(self, length: int) -> None:
        """Leave bytes out.

        Raises:
            Broken: there are not so many, or more than are read of one file.
        """
        while length > 0:
            data = self.read(min(length, BLOCK))
            if not data:
                raise Broken("It ends before what it announces does.")
            length -= len(data)


class Cursor:
    """A place in a source that moves forwards."""

    __slots__ = ("_at", "_buffer", "_passed", "_source")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0
        # Bytes that lie before the buffer.
        self._passed = 0

    @property
    def position(self) -> int:
        """How many bytes were read or left out."""
        return self._passed + self._at

    def ended(self) -> bool:
        """Whether nothing follows."""
        return self._at >= len(self._buffer) and not self._fill(1)

    def byte(self) -> int:
        """The next byte.

        Raises:
            Broken: there is none.
        """
        if self._at >= len(self._buffer) and not self._fill(1):
            raise Broken("It ends in the middle.")
        self._at += 1
        return self._buffer[self._at - 1]

    def take(self, length: int) -> bytes:
        """The next bytes, exactly so many.

        Raises:
            Broken: there are not so many, or they are too many to be taken as one piece.
        """
        end = self._at + length
        if end > len(self._buffer):
            if length > LARGEST:
                raise Broken(f"A piece of {length:,} bytes is announced where none is so large.")
            if not self._fill(length):
                raise Broken("It ends in the middle.")
            end = self._at + length
        data = self._buffer[self._at : end]
        self._at = end
        return data

    def peek(self, length: int) -> bytes:
        """The next bytes, at most so many, without going on."""
        if self._at + length > len(self._buffer):
            self._fill(length)
        return self._buffer[self._at : self._at + length]

    def skip(self, length: int) -> None:
        """Go on without reading.

        Raises:
            Broken: there are not so many bytes.
        """
        kept = len(self._buffer) - self._at
        if length <= kept:
            self._at += length
            return
        self._source.skip(length - kept)
        self._passed += len(self._buffer) + length - kept
        self._buffer, self._at = b"", 0

    def pass_over(self, pattern: re.Pattern[bytes]) -> None:
        """Go on behind what matches here, as far as it is in memory already."""
        if match := pattern.match(self._buffer, self._at):
            self._at = match.end()

    def line(self, limit: int = 4096) -> bytes:
        """The next bytes up to the end of a line, which is left out.

        Raises:
            Broken: there is no such end within the limit.
        """
        end = self._buffer.find(b"\n", self._at)
        while end < 0:
            known = len(self._buffer) - self._at
            if known > limit or not self._fill(known + 1):
                break
            end = self._buffer.find(b"\n", known)
        if end < 0 or end - self._at > limit:
            raise Broken(f"A line is longer than {limit:,} bytes, or does not end.")
        line = self._buffer[self._at : end]
        self._at = end + 1
        return line

    def u16(self) -> int:
        """The next two bytes as a number, little end first."""
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        """The next four bytes as a number, little end first."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """The next eight bytes as a number, little end first."""
        return int(_U64.unpack(self.take(8))[0])

    def _fill(self, length: int) -> bool:
        """Whether the buffer holds so many bytes from here on, after reading as far as needed."""
        pieces = [self._buffer[self._at :]]
        missing = length - len(pieces[0])
        while missing > 0:
            piece = self._source.read(max(missing, BLOCK))
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        self._passed += self._at
        self._buffer, self._at = b"".join(pieces), 0
        return missing <= 0
