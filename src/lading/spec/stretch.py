"""A stream that ends early: so many bytes, whatever follows them."""

from __future__ import annotations

from typing import Protocol


class _Stream(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Stretch:
    """The next so many bytes of a stream."""

    __slots__ = ("_left", "_stream")

    def __init__(self, stream: _Stream, length: int) -> None:
        self._stream = stream
        self._left = length

    def readinto(self, buffer: memoryview, /) -> int:
        """Some of the bytes; 0 at the end of the stretch, or of the stream."""
        if self._left <= 0:
            return 0
        count = self._stream.readinto(buffer[: self._left]) or 0
        self._left -= count
        return count
