"""A bundle being written: once, from beginning to end, under a temporary name until it is whole.

A place in the file is set aside for each content as it comes, since its size is known; so many may
come at once, and none waits in memory or in a file of its own. Content that turns out wrong leaves
its place to nobody: a file with such a hole gets no name.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tarfile import GNU_FORMAT, TarInfo
from typing import Final

from lading.errors import Conflict, IntegrityError
from lading.ports import Content
from lading.spec.archive import BLOCK
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.encoding import encode
from lading.stores.bundle.archive import INDEX, MARKER, VERSION, Archive
from lading.stores.bundle.names import index_of
from lading.stores.bundle.scan import Place
from lading.stores.layout.folder import local, remove_abandoned

_BUFFER: Final = 1024 * 1024
_END: Final = bytes(2 * BLOCK)


@dataclass(slots=True)
class NewArchive(Archive):
    """The file that is being written; many threads may add to it."""

    # What it will be called.
    final: Path = field(default_factory=Path)
    fd: int = -1
    end: int = 0
    holes: int = 0
    # What each repository has of it.
    own: dict[str, set[Digest]] = field(default_factory=dict)
    coming: set[Digest] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __str__(self) -> str:
        return str(self.final)

    def write(self, descriptor: Descriptor, content: Content) -> None:
        """Write content, once, whoever else brings it at the same moment.

        Raises:
            IntegrityError: it is not what the descriptor says; nobody will see it.
            LocalFailure: the disk is full, or refuses.
        """
        digest = descriptor.digest
        with self.changed:
            self.changed.wait_for(lambda: digest not in self.coming)
            if digest in self.places:
                self.content(descriptor)
                return
            self.coming.add(digest)
            header = _header(_path_of(digest), descriptor.size)
            begin, place = self._set_aside(header, descriptor.size)
        done = False
        try:
            self._write(header, begin)
            self._pour(descriptor, content, place)
            done = True
        finally:
            with self.changed:
                self.coming.discard(digest)
                if done:
                    self.places[digest] = place
                elif self.end == _after(place):
                    self.end = begin
                else:
                    self.holes += 1
                self.changed.notify_all()

    def seal(self) -> None:
        """Write what is only known at the end.

        Raises:
            IntegrityError: some content did not come whole.
            LocalFailure: the disk is full, or refuses.
        """
        if self.holes:
            raise IntegrityError(f"{self} cannot be finished", cause="content did not come whole")
        with self.changed:
            self._member(INDEX, index_of(self.repositories).encode())
            self._write(_END, self.end)
            with local(f"write {self}"):
                os.ftruncate(self.fd, self.end + len(_END))

    def begin(self) -> None:
        """Write what every layout begins with."""
        self._member(MARKER, encode({"imageLayoutVersion": VERSION}))

    def _member(self, name: str, raw: bytes) -> None:
        header = _header(name, len(raw))
        begin, place = self._set_aside(header, len(raw))
        self._write(header, begin)
        self._write(raw + bytes(-len(raw) % BLOCK), place.offset)

    def _set_aside(self, header: bytes, size: int) -> tuple[int, Place]:
        begin = self.end
        place = Place(begin + len(header), size)
        self.end = _after(place)
        return begin, place

    def _pour(self, descriptor: Descriptor, content: Content, place: Place) -> None:
        hasher = descriptor.digest.hasher()
        buffer = memoryview(bytearray(min(_BUFFER, max(1, place.size))))
        total = 0
        with content.open() as reader:
            while count := reader.readinto(buffer):
                if total + count > place.size:
                    total += count
                    break
                hasher.update(buffer[:count])
                self._write(buffer[:count], place.offset + total)
                total += count
        if (total, hasher.hexdigest()) != (descriptor.size, descriptor.digest.hex):
            raise IntegrityError(
                f"content is not {descriptor.digest}",
                cause=f"got {total} of {descriptor.size} bytes,"
                f" {descriptor.digest.algorithm}:{hasher.hexdigest()}",
            )
        self._write(bytes(-place.size % BLOCK), place.offset + place.size)

    def _write(self, piece: memoryview | bytes, offset: int) -> None:
        rest = memoryview(piece)
        with local(f"write {self}"):
            while rest:
                count = os.pwrite(self.fd, rest, offset)
                rest, offset = rest[count:], offset + count


@contextmanager
def new_archive(path: Path, *, fsync: bool = False) -> Iterator[NewArchive]:
    """A bundle to be filled; it gets its name when all went well, and is gone otherwise.

    Raises:
        Conflict: there is something of that name.
        LocalFailure: this machine does not let it be written.
    """
    _refuse_other(path)
    begun = f".{path.name}.lading-part-"
    with local(f"write {path}"):
        for name in os.listdir(path.parent):
            if name.startswith(begun):
                # Somebody was killed; what is being written stays, for its lock is held.
                remove_abandoned(path.parent / name)
        fd, part = _new_part(path.parent, begun)
    try:
        archive = NewArchive(part, final=path, fd=fd)
        archive.begin()
        yield archive
        archive.seal()
        with local(f"write {path}"):
            if fsync:
                os.fsync(fd)
            _name(part, path)
    finally:
        os.close(fd)
        with suppress(OSError):
            part.unlink()


def _new_part(folder: Path, begun: str) -> tuple[int, Path]:
    while True:
        part = folder / (begun + os.urandom(9).hex())
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd, part
        os.close(fd)  # taken for an abandoned one before it was locked


def _name(part: Path, path: Path) -> None:
    """Give a whole file its name, which nobody else may have taken meanwhile.

    Raises:
        Conflict: somebody has.
    """
    try:
        path.hardlink_to(part)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:
        # Sticks that are carried about know no second name for a file.
        _refuse_other(path)
        part.rename(path)


def _refuse_other(path: Path) -> None:
    if os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> Conflict:
    return Conflict(f"{path} exists", hint="choose another name, or remove it")


def _path_of(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _after(place: Place) -> int:
    return place.offset + place.size + -place.size % BLOCK


def _header(name: str, size: int) -> bytes:
    member = TarInfo(name)
    member.size = size
    return member.tobuf(GNU_FORMAT)
