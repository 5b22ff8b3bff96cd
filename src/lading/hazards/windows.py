"""Stretches of files, and files made of what was unpacked, that can be looked into anywhere."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from lading.hazards.findings import Exhausted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_IN_MEMORY: Final = 4 * 1024 * 1024
_CHUNK: Final = 256 * 1024


class Stretch(io.RawIOBase):
    """Some bytes of a file, as a file of their own. Closing it leaves the whole one open."""

    def __init__(self, whole: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._whole = whole
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def seekable(self) -> bool:
        """Any place can be gone to."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; before the beginning means the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Some bytes from the place on; 0 at the end."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._at))
        if not count:
            return 0
        self._whole.seek(self._start + self._at)
        raw = self._whole.read(count)
        view[: len(raw)] = raw
        self._at += len(raw)
        return len(raw)


class Capped(io.RawIOBase):
    """A file whose reader believes every size it is told: what it may ask for at once is capped."""

    def __init__(self, whole: BinaryIO, most: int) -> None:
        super().__init__()
        self._whole = whole
        self._most = most

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def seekable(self) -> bool:
        """Any place can be gone to."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._whole.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._whole.tell()

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes.

        Raises:
            Exhausted: it is too much to be a header or a list of entries.
        """
        if size > self._most:
            raise Exhausted("its list of contents is larger than can be followed")
        return self._whole.read(self._most if size < 0 else size)


class FileWindow:
    """A file that can be gone through anywhere, as the readers of formats take it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on: as many as were asked for, fewer only at the end."""
        self._file.seek(offset)
        return self._file.read(length)


def stretch(whole: BinaryIO, start: int, size: int) -> BinaryIO:
    """A buffered stretch of a file."""
    return cast(BinaryIO, io.BufferedReader(Stretch(whole, start, size), 8192))


@contextmanager
def spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """What a stream holds, as a file: small ones in memory, others on the disk until the end."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
        file.seek(0)
        yield cast(BinaryIO, file)
