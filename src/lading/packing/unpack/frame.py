"""What a layer's stream holds besides its files: enough to show it again, byte for byte.

A frame is a list of records (bytes of headers and padding; which file's bytes come now) in
compressed chunks. Each chunk stands alone, so a frame that was cut off by a crash is good up to
its last whole chunk: that is what an interrupted transfer resumes by. What is written and read
here is bytes; which file they lie in is :mod:`lading.packing.unpack.staging`'s matter.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lading.errors import IntegrityError
from lading.spec.member_names import safe_path

_MAGIC = b"lading frame 1\n"
_CHUNK = struct.Struct(">II")
_PATH = struct.Struct(">cQH")
_BYTES = struct.Struct(">cI")
# A chunk is written when its records reach this.
_CHUNK_SIZE = 1024 * 1024
# Extended headers and the end of an archive come in pieces no longer than a buffer.
_CHUNK_LIMIT = 4 * _CHUNK_SIZE


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of the stream itself."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class File:
    """Here come the bytes of this file; where it was skipped they are nowhere."""

    path: str
    size: int
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the stream names."""

    path: str


@dataclass(frozen=True, slots=True)
class Uncompressed:
    """The digest of the stream below the compression, where there was one."""

    digest: str


Record = Run | File | Folder | Uncompressed


@dataclass(frozen=True, slots=True)
class Contents:
    """What a layer holds, by the names it has in the archive."""

    files: tuple[File, ...]
    folders: tuple[str, ...]
    uncompressed: str | None = None

    @classmethod
    def of(cls, records: Iterator[Record]) -> Contents:
        """The contents that some records tell of."""
        files: list[File] = []
        folders: list[str] = []
        uncompressed = None
        for record in records:
            if isinstance(record, File):
                files.append(record)
            elif isinstance(record, Folder):
                folders.append(record.path)
            elif isinstance(record, Uncompressed):
                uncompressed = record.digest
        return cls(tuple(files), tuple(folders), uncompressed)


class FrameLog:
    """Writes a frame to an open file, a chunk at a time; memory stays flat."""

    def __init__(self, fileno: int, *, fresh: bool = True) -> None:
        self._fileno = fileno
        self._records = bytearray()
        self._run = bytearray()
        if fresh:
            _write(fileno, _MAGIC)

    def run(self, piece: memoryview | bytes) -> None:
        """Bytes of the stream itself."""
        self._run += piece
        if len(self._run) >= _CHUNK_SIZE:
            self.flush()

    def file(self, path: str, size: int, *, skipped: bool = False) -> None:
        """The bytes of a file come now."""
        self._path(b"S" if skipped else b"F", path, size)

    def folder(self, path: str) -> None:
        """The stream names a folder."""
        self._path(b"D", path, 0)

    def uncompressed(self, digest: str) -> None:
        """The digest of the stream below its compression."""
        self._path(b"U", digest, 0)

    def flush(self) -> None:
        """Write what there is, so that a crash does not lose it."""
        import zlib

        self._end_run()
        if self._records:
            chunk = zlib.compress(self._records, 1)
            _write(self._fileno, _CHUNK.pack(len(chunk), len(self._records)) + chunk)
            self._records.clear()

    def _path(self, kind: bytes, path: str, size: int) -> None:
        self._end_run()
        raw = path.encode()
        self._records += _PATH.pack(kind, size, len(raw)) + raw
        if len(self._records) >= _CHUNK_SIZE:
            self.flush()

    def _end_run(self) -> None:
        if self._run:
            self._records += _BYTES.pack(b"B", len(self._run))
            self._records += self._run
            self._run.clear()


@dataclass(slots=True)
class FrameReader:
    """Reads a frame back; ``end`` is where its last whole chunk ends."""

    fileno: int
    end: int = 0

    def records(self, *, torn: bool = False) -> Iterator[Record]:
        """The records in order; with ``torn``, as far as they go.

        Raises:
            IntegrityError: this is no frame, or a damaged one.
        """
        try:
            yield from self._chunks()
        except IntegrityError:
            if not torn:
                raise

    def _chunks(self) -> Iterator[Record]:
        if os.pread(self.fileno, len(_MAGIC), 0) != _MAGIC:
            raise _damaged()
        self.end = len(_MAGIC)
        while head := os.pread(self.fileno, _CHUNK.size, self.end):
            if len(head) != _CHUNK.size:
                raise _damaged()
            length, size = _CHUNK.unpack(head)
            if max(length, size) > _CHUNK_LIMIT:
                raise _damaged()
            chunk = os.pread(self.fileno, length, self.end + _CHUNK.size)
            records = _inflated(chunk, length, size)
            self.end += _CHUNK.size + length
            yield from _parse(records)


def _inflated(chunk: bytes, length: int, size: int) -> bytes:
    import zlib

    inflate = zlib.decompressobj()
    try:
        records = inflate.decompress(chunk, _CHUNK_LIMIT)
    except zlib.error as error:
        raise _damaged() from error
    if not inflate.eof or inflate.unused_data or (len(chunk), len(records)) != (length, size):
        raise _damaged()
    return records


def _parse(raw: bytes) -> Iterator[Record]:
    position = 0
    try:
        while position < len(raw):
            if raw[position] == ord("B"):
                _, length = _BYTES.unpack_from(raw, position)
                position += _BYTES.size
                yield Run(raw[position : position + length])
            else:
                kind, size, length = _PATH.unpack_from(raw, position)
                position += _PATH.size
                yield _record(kind, raw[position : position + length], size)
            position += length
        if position != len(raw):
            raise _damaged()
    except struct.error as error:
        raise _damaged() from error


def _record(kind: bytes, raw: bytes, size: int) -> Record:
    if kind == b"U":
        return Uncompressed(raw.decode("ascii", "replace"))
    # The names were checked when they arrived, but a frame may have been written by anybody.
    path = safe_path(raw)
    if kind in b"FS":
        return File(path, size, skipped=kind == b"S")
    if kind == b"D":
        return Folder(path)
    raise _damaged()


def _damaged() -> IntegrityError:
    return IntegrityError("the frame of a layer is damaged")


def _write(fileno: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(fileno, view) :]
