"""A stream of bytes read forwards, never holding more than a little of it."""

from __future__ import annotations

import io
from typing import BinaryIO, Final, cast

# Most of what is probed ends at once, so the first piece is small.
_FIRST_CHUNK: Final = 4 * 1024
_CHUNK: Final = 64 * 1024
# Names of classes are short. Longer arguments are counted and passed over.
_LINE_LIMIT: Final = 64 * 1024


class Malformed(Exception):
    """The bytes are not what their instructions say: whoever reads them stops here."""


class Unfollowed(Malformed):
    """Others may read on from here; what they would find is not known."""


def some(stream: BinaryIO, most: int) -> bytes:
    """Some bytes, none only at the end. Damage behind them is met by the next call, not by this."""
    return cast(io.BufferedReader, stream).read1(most)


def beginning(stream: BinaryIO, most: int) -> bytes:
    """The first bytes, as far as they are whole.

    Raises:
        Malformed: not even the first one is.
    """
    head = some(stream, most)
    try:
        while len(head) < most and (more := some(stream, most - len(head))):
            head += more
    except Malformed:
        return head
    return head


class Tape:
    """Bytes one after the other, with the place in them."""

    __slots__ = ("_before", "_buffer", "_place", "_stream")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._place = 0
        self._before = 0

    @property
    def at(self) -> int:
        """How many bytes lie behind."""
        return self._before + self._place

    def next(self) -> int | None:
        """The next byte, or None at the end."""
        if self._place >= len(self._buffer) and not self._fill():
            return None
        code = self._buffer[self._place]
        self._place += 1
        return code

    def take(self, count: int) -> bytes:
        """Exactly so many bytes; never ask for many.

        Raises:
            Malformed: there are not that many.
        """
        end = self._place + count
        if end <= len(self._buffer):
            raw = self._buffer[self._place : end]
            self._place = end
            return raw
        parts = []
        while count:
            if self._place >= len(self._buffer) and not self._fill():
                raise Malformed("it ends in the middle of an instruction")
            part = self._buffer[self._place : self._place + count]
            self._place += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """Pass over so many bytes.

        Raises:
            Malformed: there are not that many.
        """
        here = min(count, len(self._buffer) - self._place)
        self._place += here
        count -= here
        if count > _CHUNK and self._stream.seekable():
            self._jump(count)
            return
        while count:
            if not self._fill():
                raise Malformed("it ends in the middle of an instruction")
            self._place = min(count, len(self._buffer))
            count -= self._place

    def line(self) -> bytes:
        """The bytes before the next newline.

        Raises:
            Malformed: there is none.
            Unfollowed: it is absurdly far away.
        """
        raw = self.value_line()
        if raw is None:
            raise Unfollowed("a line is longer than can be followed")
        return raw

    def value_line(self) -> bytes | None:
        """The bytes before the next newline; None where they are too many to be looked at.

        Raises:
            Malformed: there is no newline.
        """
        parts: list[bytes] = []
        length = 0
        while True:
            if self._place >= len(self._buffer) and not self._fill():
                raise Malformed("a line does not end")
            end = self._buffer.find(b"\n", self._place)
            stop = len(self._buffer) if end < 0 else end
            length += stop - self._place
            if length <= _LINE_LIMIT:
                parts.append(self._buffer[self._place : stop])
            self._place = stop if end < 0 else end + 1
            if end >= 0:
                return b"".join(parts) if length <= _LINE_LIMIT else None

    def _fill(self) -> bool:
        """Read the next piece; whether there was one."""
        self._before += len(self._buffer)
        self._buffer = some(self._stream, _CHUNK if self._before else _FIRST_CHUNK)
        self._place = 0
        return bool(self._buffer)

    def _jump(self, count: int) -> None:
        here = self._stream.tell()
        if here + count > self._stream.seek(0, io.SEEK_END):
            raise Malformed("it ends in the middle of an instruction")
        self._stream.seek(here + count)
        self._before += len(self._buffer) + count
        self._buffer = b""
        self._place = 0
