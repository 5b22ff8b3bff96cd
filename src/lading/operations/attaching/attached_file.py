"""A file that is attached as it is: read twice, once for its digest and once to be sent."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.errors import Conflict, InvalidInput, LocalFailure
from lading.ports import FileSlice
from lading.spec.digest import Digest

# Evidence is read by people and verifiers; models are pushed.
LARGEST: Final = 16 * 1024**3

# The same on every machine: what an operating system knows of names differs.
_MEDIA_TYPES: Final = {
    ".cdx.json": "application/vnd.cyclonedx+json",
    ".spdx.json": "application/spdx+json",
    ".sarif.json": "application/sarif+json",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".sarif": "application/sarif+json",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file's bytes as content; whoever stores them checks the digest."""

    path: Path
    size: int
    digest: Digest

    @classmethod
    def of(cls, path: Path) -> AttachedFile:
        """A file, hashed.

        Raises:
            InvalidInput: there is no such file, or nobody could store it.
            LocalFailure: it cannot be read.
        """
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if not 0 < size <= LARGEST:
                raise InvalidInput(
                    f"{path} cannot be attached",
                    cause="it is empty" if not size else f"{size} bytes, the limit is {LARGEST}",
                )
            try:
                hasher = hashlib.file_digest(file, "sha256")
            except OSError as error:
                raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
        return cls(path, size, Digest(f"sha256:{hasher.hexdigest()}"))

    def open(self, offset: int = 0) -> io.FileIO:
        """A reader from that offset on.

        Raises:
            Conflict: the file is another one by now.
        """
        file = _opened(self.path)
        if os.fstat(file.fileno()).st_size != self.size:
            file.close()
            raise Conflict(
                f"{self.path} changed while it was read", hint="attach it when it is whole"
            )
        file.seek(offset)
        return file

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The file from that offset on, in one stretch."""
        with self.open() as file:
            yield FileSlice(file.fileno(), offset, self.size - offset)


def read_small(path: Path, limit: int) -> bytes:
    """A file that is read whole.

    Raises:
        InvalidInput: there is no such file, or it is larger than the limit.
        LocalFailure: it cannot be read.
    """
    try:
        with _opened(path) as file, io.BufferedReader(file) as buffered:
            raw = buffered.read(limit + 1)
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
    if len(raw) > limit:
        raise InvalidInput(f"{path} is too large", cause=f"over {limit} bytes")
    return raw


def guessed(path: Path) -> str:
    """The media type that a file's name stands for."""
    name = path.name.lower()
    for suffix, media_type in _MEDIA_TYPES.items():
        if name.endswith(suffix):
            return media_type
    return "application/octet-stream"


def _opened(path: Path) -> io.FileIO:
    """A regular file; a pipe in its place is not waited for."""
    try:
        fileno = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InvalidInput(f"there is no file {str(path)[:200]!r}") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
    if not stat.S_ISREG(os.fstat(fileno).st_mode):
        os.close(fileno)
        raise InvalidInput(f"{path} is no file", hint="pack a folder first, or push it")
    return io.FileIO(fileno, "rb")
