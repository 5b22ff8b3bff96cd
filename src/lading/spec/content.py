"""Content that is already in memory: manifests, configs and other small things."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BytesContent:
    """Some bytes as content that can be opened from any offset."""

    raw: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.raw)

    def open(self, offset: int = 0) -> AbstractContextManager[io.BytesIO]:
        """A reader from that offset on."""
        return io.BytesIO(self.raw[offset:])

    def segments(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from that offset on, in one piece."""
        yield self.raw[offset:]
