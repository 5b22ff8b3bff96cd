"""The content of a layout: one file for each digest, written once and never changed."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.errors import IntegrityError, NotFound
from lading.ports import Content, FileSlice
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest, Hasher
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest, parse
from lading.stores.layout.folder import Folder, Part, local, open_file, read_small

_BUFFER: Final = 256 * 1024
# Not for writing: hard links between layouts share the bytes.
_MODE: Final = 0o444
# ioctl FICLONE on Linux: share the blocks until one side changes them.
_FICLONE: Final = 0x40049409
# What is asked for is about to be named; touching it keeps it young for `collect`. Not more
# often than this, so that a busy store is not all timestamps.
_FRESH_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class FileContent:
    """A blob's bytes, for the kernel to send where it can."""

    path: Path
    size: int

    def open(self, offset: int = 0) -> io.FileIO:
        """A reader from that offset on."""
        fd = _open(self.path, self.size)
        os.lseek(fd, offset, os.SEEK_SET)
        return io.FileIO(fd, "rb")

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The file from that offset on, in one stretch."""
        with self.open() as file:
            yield FileSlice(file.fileno(), offset, self.size - offset)


class Blobs:
    """Every blob of one layout."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def path(self, digest: Digest) -> Path:
        """Where this content lies, or would lie."""
        return self._folder.blob(digest.algorithm, digest.hex)

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this content is here with the right size; if so, it is young again."""
        path = self.path(descriptor.digest)
        with local(f"look for {path}"):
            try:
                status = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return False
        if not stat.S_ISREG(status.st_mode) or status.st_size != descriptor.size:
            return False
        if status.st_mtime < time.time() - _FRESH_SECONDS:
            # In a folder that is only read nothing is collected either.
            with suppress(OSError):
                os.utime(path)
        return True

    def content(self, descriptor: Descriptor) -> FileContent:
        """The content, to be opened as often as needed; not verified."""
        return FileContent(self.path(descriptor.digest), descriptor.size)

    def read(self, digest: Digest) -> bytes:
        """A manifest's bytes, verified.

        Raises:
            NotFound: it is not here.
            InvalidInput: it is larger than a manifest may be.
            IntegrityError: the bytes are not those of the digest.
        """
        raw = read_small(self.path(digest), MANIFEST_LIMIT)
        if raw is None:
            raise _missing(self.path(digest))
        _check(digest, raw, self.path(digest))
        return raw

    def read_manifest(self, digest: Digest, media_type: str | None = None) -> Manifest | Index:
        """A manifest, verified and parsed."""
        return parse(self.read(digest), media_type)

    def write(self, descriptor: Descriptor, content: Content) -> None:
        """Store content under its digest, hashed while it is written.

        Raises:
            IntegrityError: it is not what the descriptor says; nothing is left of it.
        """
        digest = descriptor.digest
        hasher = digest.hasher()
        with self._folder.part(_MODE) as part:
            size = self._pour(content, part, hasher, descriptor.size)
            actual = f"{digest.algorithm}:{hasher.hexdigest()}"
            if (size, actual) != (descriptor.size, digest):
                raise IntegrityError(
                    f"content is not {digest}",
                    cause=f"got {size} of {descriptor.size} bytes, {actual}",
                )
            self._place(part, digest)

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store content and say what it was."""
        hasher = hashlib.sha256()
        with self._folder.part(_MODE) as part:
            size = self._pour(content, part, hasher, None)
            descriptor = Descriptor(media_type, Digest.finish(hasher), size)
            if not self.exists(descriptor):
                self._place(part, descriptor.digest)
        return descriptor

    def take(self, descriptor: Descriptor, source: Blobs) -> bool:
        """Share the blocks or the file of another layout's blob; False where that cannot be."""
        path = source.path(descriptor.digest)
        try:
            fd = _open(path, descriptor.size)
        except (NotFound, IntegrityError):
            return False
        try:
            return self._clone(fd, descriptor) or self._link(path, descriptor)
        finally:
            os.close(fd)

    def _pour(self, content: Content, part: Part, hasher: Hasher, expected: int | None) -> int:
        buffer = memoryview(bytearray(_BUFFER))
        total = 0
        with content.open() as reader:
            while count := reader.readinto(buffer):
                total += count
                if expected is not None and total > expected:
                    break
                piece = buffer[:count]
                hasher.update(piece)
                with local(f"write to {self._folder.path}"):
                    part.write(piece)
        return total

    def _place(self, part: Part, digest: Digest) -> None:
        with local(f"write to {self._folder.path}"):
            part.place(self.path(digest), fsync=self._folder.fsync)

    def _clone(self, fd: int, descriptor: Descriptor) -> bool:
        if sys.platform != "linux":
            return False
        with self._folder.part(_MODE) as part:
            try:
                fcntl.ioctl(part.fd, _FICLONE, fd)
            except OSError:
                return False  # another disk, or a file system that shares no blocks
            self._place(part, descriptor.digest)
        return True

    def _link(self, path: Path, descriptor: Descriptor) -> bool:
        target = self.path(descriptor.digest)
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o222:
            return False  # another tool's file, which somebody may still write to
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
        except FileExistsError:
            pass
        except OSError:
            return False  # another disk, another owner, or too many links
        return self.exists(descriptor)


def _open(path: Path, size: int) -> int:
    """A blob's file descriptor.

    Raises:
        NotFound: it is not there.
        IntegrityError: it is not as long as it should be.
    """
    with local(f"read {path}"):
        try:
            fd, actual = open_file(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _missing(path) from error
    if actual != size:
        os.close(fd)
        raise IntegrityError(f"{path} is damaged", cause=f"{actual} bytes instead of {size}")
    return fd


def _missing(path: Path) -> NotFound:
    digest, layout = f"{path.parent.name}:{path.name}", path.parents[2]
    return NotFound(f"content {digest} is not in {layout}")


def _check(digest: Digest, raw: bytes, path: Path) -> None:
    hasher = digest.hasher()
    hasher.update(raw)
    if hasher.hexdigest() != digest.hex:
        raise IntegrityError(
            f"{path} is damaged",
            cause=f"got {digest.algorithm}:{hasher.hexdigest()}",
            hint="remove that file and copy the content again",
        )
