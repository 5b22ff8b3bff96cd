"""The folder of a layout: its lock, its temporary files and its two small files.

What is written appears whole, by renaming. What a killed process left behind is recognised by
its lock, which the kernel let go, and removed: process numbers mean nothing across containers.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput, LocalFailure, NotFound
from lading.spec.encoding import decode_object, encode
from lading.stores.layout.index import LayoutIndex

_LOCK: Final = ".lading.lock"
_PART: Final = ".lading-part-"
_MARKER: Final = "oci-layout"
_INDEX: Final = "index.json"
_VERSION: Final = "1.0.0"
_MARKER_LIMIT: Final = 4096
_INDEX_LIMIT: Final = 64 * 1024 * 1024

_HINTS: Final = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space: the quota is used up",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "look at the owner and the mode of that folder",
    errno.EPERM: "look at the owner and the mode of that folder",
}


@contextmanager
def local(doing: str) -> Iterator[None]:
    """Say what the machine refused.

    Raises:
        LocalFailure: for every OSError.
    """
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise LocalFailure(f"cannot {doing}", cause=cause, hint=_HINTS.get(error.errno or 0)) from (
            error
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A file being written, under a temporary name."""

    fd: int
    path: Path

    def write(self, piece: memoryview | bytes) -> None:
        """Write all of it."""
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self.fd, rest) :]

    def place(self, target: Path, *, fsync: bool) -> None:
        """Give the finished file its name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if fsync:
            os.fsync(self.fd)
        self.path.replace(target)
        if fsync:
            _fsync_folder(target.parent)


class Folder:
    """One layout's folder.

    Raises:
        NotFound: it is not there, and is not to be made.
        InvalidInput: it is something else, or a layout of another version.
        LocalFailure: this machine does not let it be read.
    """

    def __init__(self, path: Path, *, create: bool, fsync: bool) -> None:
        self.path = path.absolute()
        self.fsync = fsync
        self._known = False
        self._swept = False
        if not self.is_layout() and not create:
            raise NotFound(f"there is no OCI layout in {path}", cause=f"{_MARKER} is missing")

    def blob(self, algorithm: str, name: str) -> Path:
        """Where some content lies."""
        return self.path / "blobs" / algorithm / name

    def is_layout(self) -> bool:
        """Whether a layout is here; if not, one can be made."""
        self._known = self._known or self._has_marker()
        return self._known

    def read_index(self) -> LayoutIndex:
        """What index.json says; nothing yet where the layout is still to be made.

        Raises:
            InvalidInput: it is missing or damaged.
        """
        begun = self.is_layout()
        where = self.path / _INDEX
        raw = read_small(where, _INDEX_LIMIT)
        if raw is not None:
            return LayoutIndex.parse(raw, str(where))
        if begun and self._has_content():
            raise InvalidInput(
                f"{where} is missing",
                cause="its blobs are there, but nothing says what they are",
                hint="copy the layout again from where it came from",
            )
        return LayoutIndex()

    def write_index(self, index: LayoutIndex) -> None:
        """Replace index.json; the lock must be held."""
        with local(f"write {self.path / _INDEX}"):
            self._replace(_INDEX, index.encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes index.json or removes content meanwhile; waits for its turn.

        The folder is made a layout if it is none yet.
        """
        with local(f"write to {self.path}"):
            self.path.mkdir(parents=True, exist_ok=True)
            # Reading is enough to lock: the lock may have been made by another user.
            flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            fd = os.open(self.path / _LOCK, flags, 0o666)
        try:
            with local(f"lock {self.path}"):
                fcntl.flock(fd, fcntl.LOCK_EX)
            with local(f"make a layout in {self.path}"):
                self._initialise()
            yield
        finally:
            os.close(fd)

    @contextmanager
    def part(self, mode: int) -> Iterator[Part]:
        """A temporary file with that mode; gone afterwards unless it was placed."""
        self._sweep_once()
        with local(f"write to {self.path}"):
            part = self._new_part(mode)
        try:
            yield part
        finally:
            os.close(part.fd)
            with suppress(OSError):
                part.path.unlink()

    def sweep(self) -> None:
        """Remove what killed writers left; what is being written stays."""
        with suppress(OSError):
            for name in os.listdir(self.path):
                if name.startswith(_PART):
                    remove_abandoned(self.path / name)

    def _sweep_once(self) -> None:
        if self._swept:
            return
        if not self.is_layout() or not (self.path / _INDEX).exists():
            with self.locked():
                pass
        self.sweep()
        self._swept = True

    def _new_part(self, mode: int) -> Part:
        while True:
            path = self.path / (_PART + os.urandom(9).hex())
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return Part(fd, path)
            # Swept away between its making and its locking.
            os.close(fd)

    def _initialise(self) -> None:
        # The marker last: whoever sees it may write content, and content without an index is
        # a damaged layout.
        if not (self.path / _INDEX).exists() and not self._has_content():
            (self.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            self._replace(_INDEX, LayoutIndex().encode())
        if not self.is_layout():
            self._replace(_MARKER, encode({"imageLayoutVersion": _VERSION}))

    def _replace(self, name: str, raw: bytes) -> None:
        part = self._new_part(0o666)
        try:
            part.write(raw)
            part.place(self.path / name, fsync=self.fsync)
        finally:
            os.close(part.fd)
            part.path.unlink(missing_ok=True)

    def _has_marker(self) -> bool:
        where = self.path / _MARKER
        raw = read_small(where, _MARKER_LIMIT)
        if raw is None and self._is_blank():
            return False
        # Somebody may have made the layout between the two looks.
        raw = raw or read_small(where, _MARKER_LIMIT)
        if raw is None:
            raise InvalidInput(
                f"{self.path} is no OCI layout",
                cause=f"it has other things in it and no {_MARKER}",
                hint="name a layout, an empty folder, or one that does not exist yet",
            )
        version = decode_object(raw, str(where)).get("imageLayoutVersion")
        if version != _VERSION:
            raise InvalidInput(
                f"{self.path} is a layout of a version that is not known",
                cause=f"{_MARKER} says {version!r}"[:200],
                hint=f"known is {_VERSION}",
            )
        return True

    def _is_blank(self) -> bool:
        """Whether there is nothing here, or nothing but the beginnings of a layout."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return True
        except NotADirectoryError:
            return False
        except OSError as error:
            raise LocalFailure(f"cannot read {self.path}", cause=error.strerror) from error
        begun = {name for name in names if not name.startswith(".lading")}
        return begun <= {"blobs", _INDEX} and not self._has_content()

    def _has_content(self) -> bool:
        return next((self.path / "blobs").glob("*/*"), None) is not None


def open_file(path: Path) -> tuple[int, int]:
    """A regular file's descriptor and size.

    Raises:
        OSError: it cannot be opened.
        InvalidInput: it is no regular file.
    """
    # Without O_NONBLOCK a pipe that lies there would be waited for.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise InvalidInput(f"{path} is no regular file")
    return fd, status.st_size


def read_small(path: Path, limit: int) -> bytes | None:
    """A small file, or None where there is none.

    Raises:
        InvalidInput: it is larger than the limit, or no regular file.
        LocalFailure: this machine does not let it be read.
    """
    with local(f"read {path}"):
        try:
            fd, size = open_file(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with io.FileIO(fd, "rb") as file:
            if size <= limit:
                return file.readall()
    raise InvalidInput(f"{path} is too large", cause=f"{size} bytes, the limit is {limit}")


def remove_abandoned(path: Path) -> None:
    """Remove a temporary file, unless somebody holds its lock."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(fd)


def _fsync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
