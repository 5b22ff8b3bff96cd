"""Where rows go: into a file (``file_sink``), or out as they come."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from lading.errors import LocalFailure
from lading.serving.batch.frame import Frame


class Sink(Protocol):
    """Where the bytes of rows go."""

    @property
    def frame(self) -> Frame:
        """How far it is."""

    def append(self, rows: bytes, rejects: bytes, frame: Frame) -> None:
        """Add a whole batch; the frame says what is done with it, but for sizes."""

    def finish(self, end: bytes, make: Callable[[BinaryIO, Path], None] | None) -> str:
        """End it; the digest of what was written."""


def failed(path: Path | str, error: OSError) -> LocalFailure:
    """The error for a disk that is in the way."""
    return LocalFailure(
        f"cannot write {path}",
        cause=error.strerror or str(error),
        hint="what is whole is kept: mend it and run the same again, to go on",
    )


def _gone(path: Path | str, error: OSError) -> LocalFailure:
    """The same where nothing is kept."""
    return LocalFailure(
        f"cannot write {path}",
        cause=error.strerror or str(error),
        hint="a stream is not gone on with; -o FILE is",
    )


def write_all(stream: BinaryIO, raw: bytes) -> None:
    """Write every byte: a stream without a buffer may take fewer at once.

    Raises:
        OSError: it cannot, or would have to wait where it must not.
    """
    view = memoryview(raw)
    while view:
        written: int | None = stream.write(view)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, "it takes nothing now, and cannot be waited for")
        view = view[written:]


class StreamSink:
    """Out as it comes: nobody can go on with it, and nobody reads it twice."""

    def __init__(self, stream: BinaryIO, name: str, rejects: Path | None) -> None:
        self.frame = Frame({})
        self._stream = stream
        self._name = name
        self._hash = hashlib.sha256()
        self._rejects = rejects
        if rejects is not None:
            self._reject(b"", "wb")

    def append(self, rows: bytes, rejects: bytes, frame: Frame) -> None:
        """Write."""
        self._write(rows)
        if rejects:
            self._reject(rejects, "ab")
        self.frame = frame

    def finish(self, end: bytes, make: Callable[[BinaryIO, Path], None] | None) -> str:
        """Write the end."""
        self._write(end)
        return f"sha256:{self._hash.hexdigest()}"

    def _write(self, raw: bytes) -> None:
        self._hash.update(raw)
        try:
            write_all(self._stream, raw)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _gone(self._name, error) from error

    def _reject(self, raw: bytes, mode: str) -> None:
        assert self._rejects is not None
        try:
            with self._rejects.open(mode) as file:
                file.write(raw)
        except OSError as error:
            raise _gone(self._rejects, error) from error
