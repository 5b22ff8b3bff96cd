"""Bytes that are looked into here and there: a file, or bytes in memory.

A file is neither mapped nor read whole: a mapped file that shrinks kills whoever looks at it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from types import TracebackType

# A named pipe would let whoever opens it wait for a writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class BytesWindow:
    """Bytes in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many bytes there are in all."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on: as many as were asked for, fewer only at the end."""
        return self._data[offset : offset + length]


class FileWindow:
    """A file of this machine, open until it is closed.

    Raises:
        OSError: the file cannot be opened, or is no regular file.
    """

    __slots__ = ("_descriptor", "size")

    def __init__(self, path: Path | str) -> None:
        self._descriptor = os.open(path, _FLAGS)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        self.size = status.st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on: as many as were asked for, fewer only at the end.

        Raises:
            OSError: the disk does not give them.
        """
        if offset >= self.size:
            # The system takes no offset that is larger than any file.
            return b""
        data = os.pread(self._descriptor, length, offset)
        # One call may be interrupted, and gives at most 2 GiB.
        while 0 < len(data) < length:
            more = os.pread(self._descriptor, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FileWindow:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
