"""Files shown as one tar, without there ever being one.

GNU tar with nothing in it that differs between machines: no times, owners or modes of the files
themselves. Sizes from 8 GiB on are in base 256, names above 100 bytes in GNU's long form; PAX is
not used, because Clair breaks on it above 8 GiB. Folders come first (kit never makes the parents
of a file by itself), everything is sorted, nothing is a link.

Reading a tar is not done here.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from lading.errors import LocalFailure
from lading.packing.scan import FileIdentity
from lading.ports import FileSlice
from lading.spec.digest import Digest

_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_BUFFER: Final = 256 * 1024
# Below this a file is copied together with its neighbours; above, the kernel may send it alone.
_WORTH_A_SLICE: Final = 64 * 1024
# A named pipe put in a file's place must not make anybody wait.
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

_FILE, _FOLDER, _LONG_NAME = b"0", b"5", b"L"
_LONGEST_NAME: Final = 100
_LARGEST_OCTAL: Final = 0o77777777777


@dataclass(frozen=True, slots=True)
class FileMember:
    """A file on disk under its name in the archive."""

    name: str
    location: Path
    identity: FileIdentity

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.identity.size

    @property
    def key(self) -> str:
        """What its bytes are known by without being read."""
        return self.identity.key


@dataclass(frozen=True, slots=True)
class BytesMember:
    """A file in memory under its name in the archive."""

    name: str
    raw: bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.raw)

    @property
    def key(self) -> str:
        """What its bytes are known by."""
        return hashlib.sha256(self.raw).hexdigest()


TarMember = FileMember | BytesMember


class TarView:
    """Content that is a tar of some members and folders; the parents of each come by themselves.

    Every file is checked to be the one that was looked at when it is opened, and once more when
    its last byte was read.
    """

    __slots__ = ("folders", "members", "size")

    def __init__(self, members: Iterable[TarMember], folders: Iterable[str] = ()) -> None:
        self.members = tuple(sorted(members, key=lambda member: member.name))
        self.folders = tuple(sorted(_with_parents(self.members, folders)))
        self.size = (
            sum(_header_size(folder + "/") for folder in self.folders)
            + sum(_extent(member) for member in self.members)
            + len(_END)
        )

    @property
    def key(self) -> str:
        """Equal keys mean equal bytes: the names, and what each file is known by."""
        parts = ["lading tar 1", *self.folders, ""]
        for member in self.members:
            parts += (member.name, member.key)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def open(self, offset: int = 0) -> TarReader:
        """A reader from that offset on, which fills whole buffers however small the files are."""
        return TarReader(self._pieces(offset))

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The pieces from that offset on: small files together, large ones each a slice.

        Raises:
            LocalFailure: a file cannot be read, or is not what it was.
        """
        batch = bytearray()
        for piece in self._pieces(offset):
            if isinstance(piece, bytes):
                batch += piece
            elif piece.length < _WORTH_A_SLICE:
                with _OpenStretch(piece) as file:
                    batch += file.read()
            else:
                if batch:
                    yield bytes(batch)
                    batch.clear()
                with _OpenStretch(piece) as file:
                    yield FileSlice(file.fileno, piece.offset, piece.length)
                    file.check()
            if len(batch) >= _BUFFER:
                yield bytes(batch)
                batch.clear()
        if batch:
            yield bytes(batch)

    def chunks(self) -> Iterator[tuple[FileMember | None, bytes | memoryview]]:
        """Everything once, in chunks, with the file that each is of; None for what is between.

        A chunk of a file is gone when the next one is asked for.

        Raises:
            LocalFailure: a file cannot be read, or is not what it was.
        """
        buffer = memoryview(bytearray(_BUFFER))
        for piece in self._pieces(0):
            if isinstance(piece, bytes):
                yield None, piece
                continue
            with _OpenStretch(piece) as file:
                while count := file.readinto(buffer):
                    yield piece.member, buffer[:count]

    def digest(self) -> Digest:
        """The digest of everything, which is read for it.

        Raises:
            LocalFailure: a file cannot be read, or is not what it was.
        """
        hasher = hashlib.sha256()
        for _, chunk in self.chunks():
            hasher.update(chunk)
        return Digest.finish(hasher)

    def _pieces(self, offset: int) -> Iterator[bytes | _Stretch]:
        """What comes from that offset on; headers are made only when they are asked for."""
        skip = offset
        for folder in self.folders:
            extent = _header_size(folder + "/")
            if skip < extent:
                yield _header(folder + "/", 0, _FOLDER)[skip:]
            skip = max(0, skip - extent)
        for member in self.members:
            extent = _extent(member)
            if skip < extent:
                yield from _member_pieces(member, skip)
            skip = max(0, skip - extent)
        yield _END[skip:]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some bytes of a file, to its end."""

    member: FileMember
    offset: int

    @property
    def length(self) -> int:
        return self.member.size - self.offset


def _member_pieces(member: TarMember, skip: int) -> Iterator[bytes | _Stretch]:
    header = _header_size(member.name)
    if skip < header:
        yield _header(member.name, member.size, _FILE)[skip:]
    skip = max(0, skip - header)
    if isinstance(member, BytesMember):
        yield member.raw[skip:]
    elif skip < member.size or not member.size:
        # An empty file is opened, too: it may have been filled since it was looked at.
        yield _Stretch(member, skip)
    yield bytes(_padding(member.size) - max(0, skip - member.size))


class AbsentView(TarView):
    """A tar that is somewhere else already: its size is known, and nobody opens it."""

    __slots__ = ()

    def __init__(self, size: int) -> None:
        super().__init__(())
        self.size = size

    def open(self, offset: int = 0) -> TarReader:
        """Nothing: whoever asks has forgotten that it need not be moved."""
        raise ValueError("this layer is in the registry, not here")


class TarReader:
    """A tar as a stream; open it in a ``with`` statement."""

    __slots__ = ("_file", "_pieces", "_rest")

    def __init__(self, pieces: Iterator[bytes | _Stretch]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._file: _OpenStretch | None = None

    def __enter__(self) -> TarReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer, all of it unless the end comes first.

        Raises:
            LocalFailure: a file cannot be read, or is not what it was.
        """
        filled, wanted = 0, len(buffer)
        while filled < wanted and self._ready():
            space = buffer[filled:]
            filled += self._file.readinto(space) if self._file else self._copy(space)
        return filled

    def _ready(self) -> bool:
        """Have something to give; False at the end."""
        while not self._rest:
            if self._file is not None:
                if self._file.left:
                    return True
                self._close()
            piece = next(self._pieces, None)
            if piece is None:
                return False
            if isinstance(piece, _Stretch):
                self._file = _OpenStretch(piece)
            else:
                self._rest = memoryview(piece)
        return True

    def _copy(self, space: memoryview) -> int:
        count = min(len(self._rest), len(space))
        space[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _OpenStretch:
    """A stretch of a file that is open; it is closed at the end of a ``with`` statement."""

    __slots__ = ("_member", "fileno", "left")

    def __init__(self, stretch: _Stretch) -> None:
        self._member = stretch.member
        self.left = stretch.length
        try:
            self.fileno = os.open(stretch.member.location, _OPEN)
        except OSError as error:
            raise _unreadable(stretch.member, error) from error
        try:
            self.check()
            if stretch.offset:
                os.lseek(self.fileno, stretch.offset, os.SEEK_SET)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> _OpenStretch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readinto(self, buffer: memoryview) -> int:
        """Some bytes straight into the buffer; 0 at the end of the stretch, and only there."""
        if not self.left:
            return 0
        try:
            count = os.readv(self.fileno, [buffer[: self.left]])
        except OSError as error:
            raise _unreadable(self._member, error) from error
        if not count:
            raise _changed(self._member, "it became shorter")
        self.left -= count
        if not self.left:
            self.check()
        return count

    def read(self) -> bytes:
        """The whole stretch; for small files."""
        whole = bytearray(self.left)
        filled = 0
        with memoryview(whole) as buffer:
            while count := self.readinto(buffer[filled:]):
                filled += count
        return bytes(whole)

    def check(self) -> None:
        """Be sure that the file is what it was.

        Raises:
            LocalFailure: it is not.
        """
        if FileIdentity.of(os.fstat(self.fileno)) != self._member.identity:
            raise _changed(self._member, None)

    def close(self) -> None:
        os.close(self.fileno)


def _changed(member: FileMember, cause: str | None) -> LocalFailure:
    return LocalFailure(
        f"{member.location} changed while it was read",
        cause=cause,
        hint="push again when nothing writes to it",
    )


def _unreadable(member: FileMember, error: OSError) -> LocalFailure:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return _changed(member, "it is gone")
    if error.errno == errno.ELOOP:
        return _changed(member, "it became a link")
    return LocalFailure(f"cannot read {member.location}", cause=error.strerror)


def _with_parents(members: Iterable[TarMember], folders: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = {member.name.rpartition("/")[0] for member in members} | set(folders)
    while waiting:
        found |= waiting
        waiting = {folder.rpartition("/")[0] for folder in waiting} - found
    return found - {""}


def _padding(size: int) -> int:
    return -size % _BLOCK


def _extent(member: TarMember) -> int:
    return _header_size(member.name) + member.size + _padding(member.size)


def _header_size(name: str) -> int:
    length = len(name) if name.isascii() else len(name.encode())
    if length <= _LONGEST_NAME:
        return _BLOCK
    return 2 * _BLOCK + length + 1 + _padding(length + 1)


def _header(name: str, size: int, kind: bytes) -> bytes:
    raw = name.encode()
    if len(raw) <= _LONGEST_NAME:
        return _block(raw, size, kind)
    long = _block(b"././@LongLink", len(raw) + 1, _LONG_NAME)
    padded = raw + bytes(1 + _padding(len(raw) + 1))
    # Whoever knows no long names sees the beginning of it.
    return long + padded + _block(raw[:_LONGEST_NAME], size, kind)


# What follows the size: the time, a place for the checksum (counted as spaces), the kind. Then,
# after a hundred bytes for a link's target, GNU's mark; no owner's name, no device, no prefix.
_MODES: Final = {
    kind: b"%07o\0" % mode + b"0000000\0" * 2
    for kind, mode in ((_FILE, 0o644), (_FOLDER, 0o755), (_LONG_NAME, 0o644))
}
_TIME: Final = b"%011o\0" % 0
_REST: Final = bytes(100) + b"ustar  \0" + bytes(247)
_CHECKSUM_SPACES: Final = 8 * b" "


def _block(name: bytes, size: int, kind: bytes) -> bytes:
    before = name.ljust(_LONGEST_NAME, b"\0") + _MODES[kind] + _number(size) + _TIME
    checksum = sum(before) + sum(_CHECKSUM_SPACES) + kind[0] + _REST_SUM
    return before + b"%06o\0 " % checksum + kind + _REST


_REST_SUM: Final = sum(_REST)


def _number(size: int) -> bytes:
    if size <= _LARGEST_OCTAL:
        return b"%011o\0" % size
    return b"\x80" + size.to_bytes(11, "big")
