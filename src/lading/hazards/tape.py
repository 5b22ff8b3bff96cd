"""A stream of bytes read forwards, never holding more than a little of it."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

_CHUNK: Final = 256 * 1024
# Names of classes are short. Longer arguments are counted and passed over.
_LINE_LIMIT: Final = 64 * 1024


class Malformed(Exception):
    """The bytes are not what their instructions say: whoever reads them stops here."""


class Unfollowed(Malformed):
    """Others may read on from here; what they would find is not known."""


class Tape:
    """Bytes one after the other, with the place in them."""

    __slots__ = ("_forward", "_stream", "at")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._forward = not stream.seekable()
        self.at = 0

    def take(self, count: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            Malformed: there are not that many.
        """
        raw = self._stream.read(count)
        while len(raw) < count:
            more = self._stream.read(count - len(raw))
            if not more:
                raise Malformed("it ends in the middle of an instruction")
            raw += more
        self.at += count
        return raw

    def skip(self, count: int) -> None:
        """Pass over so many bytes.

        Raises:
            Malformed: there are not that many.
        """
        if count > _CHUNK and not self._forward:
            here = self._stream.tell()
            end = self._stream.seek(0, io.SEEK_END)
            if here + count > end:
                raise Malformed("it ends in the middle of an instruction")
            self._stream.seek(here + count)
            self.at += count
            return
        while count:
            count -= len(self.take(min(count, _CHUNK)))

    def line(self) -> bytes:
        """The bytes before the next newline.

        Raises:
            Malformed: there is none.
            Unfollowed: it is absurdly far away.
        """
        raw = self._stream.readline(_LINE_LIMIT + 1)
        if len(raw) > _LINE_LIMIT:
            raise Unfollowed("a line is longer than can be followed")
        if not raw.endswith(b"\n"):
            raise Malformed("a line does not end")
        self.at += len(raw)
        return raw[:-1]

    def value_line(self) -> bytes | None:
        """The bytes before the next newline; None where they are too many to be looked at.

        Raises:
            Malformed: there is no newline.
        """
        raw = self._stream.readline(_LINE_LIMIT)
        self.at += len(raw)
        if raw.endswith(b"\n"):
            return raw[:-1]
        while raw and not raw.endswith(b"\n"):
            raw = self._stream.readline(_LINE_LIMIT)
            self.at += len(raw)
        if not raw:
            raise Malformed("a line does not end")
        return None

    def next(self) -> int | None:
        """The next byte, or None at the end."""
        raw = self._stream.read(1)
        if not raw:
            return None
        self.at += 1
        return raw[0]
