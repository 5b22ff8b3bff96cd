"""Layers as unpacked trees, and the way back: the exact bytes of a layer from its files."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.cache.blobs import used
from lading.cache.entry import SETTLED
from lading.cache.folders import made, opened, reading
from lading.errors import IntegrityError
from lading.packing.unpack.disk import Walker, closing, open_file, open_folder, remove_tree
from lading.packing.unpack.frame import Contents, File, FrameReader, Record, Run
from lading.packing.unpack.receive import key_of
from lading.packing.unpack.staging import publish
from lading.ports import FileSlice, Reader
from lading.spec.descriptor import Descriptor

if TYPE_CHECKING:
    from lading.packing.unpack.folder import FolderTarget

LAYERS = "layers"
FRAME = ".frame"


class Layers:
    """The folder ``layers``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def contents(self, descriptor: Descriptor) -> Contents | None:
        """What a layer holds, if every file of it is here, unchanged; None otherwise."""
        key = key_of(descriptor)
        with (
            contextlib.suppress(OSError, IntegrityError),
            opened(self._root, LAYERS, descriptor.digest.algorithm) as folder,
        ):
            contents = Contents.of(records(key, folder))
            if is_complete(key, folder, contents):
                used(f"{key}{FRAME}", folder)
                return contents
        return None

    def content(self, descriptor: Descriptor) -> LayerContent | None:
        """A layer's bytes; None where it is not here, or was compressed when it came."""
        contents = self.contents(descriptor)
        if contents is None or contents.uncompressed is not None:
            return None
        folder = self._root / LAYERS / descriptor.digest.algorithm
        return LayerContent(folder, key_of(descriptor), descriptor.size)

    def archive(self, descriptor: Descriptor) -> LayerContent | None:
        """A layer's bytes below its compression; None where it is not here."""
        contents = self.contents(descriptor)
        if contents is None:
            return None
        folder = self._root / LAYERS / descriptor.digest.algorithm
        size, key = descriptor.size, key_of(descriptor)
        if contents.uncompressed is not None:
            with opened(folder) as fileno:
                size = stream_size(key, fileno)
        return LayerContent(folder, key, size)

    def place(self, descriptor: Descriptor, target: FolderTarget, *, link: bool) -> bool:
        """Stage a layer's files in a folder; False where the layer is not here."""
        if self.contents(descriptor) is None:
            return False
        with reading(self._root):
            return self._place(descriptor, target, link=link)

    def _place(self, descriptor: Descriptor, target: FolderTarget, *, link: bool) -> bool:
        contents = self.contents(descriptor)
        if contents is None:
            return False
        with (
            opened(self._root, LAYERS, descriptor.digest.algorithm) as folder,
            closing(open_folder(key_of(descriptor), folder)) as tree,
        ):
            target.adopt(descriptor, tree, contents, link=link)
        return True

    def publish(self, descriptor: Descriptor, staging: int, stage: str) -> None:
        """Take a whole stage in, in the place of whatever is left of that layer."""
        key = key_of(descriptor)
        with made(self._root, LAYERS, descriptor.digest.algorithm) as folder:
            remove_layer(key, folder)
            publish(staging, stage, folder, key)


@dataclass(frozen=True, slots=True)
class LayerContent:
    """The bytes of a layer as it came: its frame and its files, put together again."""

    folder: Path
    key: str
    size: int

    def segments(self, offset: int = 0) -> Generator[bytes | FileSlice, None, None]:
        """The pieces from that offset on.

        Raises:
            IntegrityError: the layer is damaged; to be fetched again.
        """
        position = 0
        try:
            with (
                opened(self.folder) as folder,
                closing(open_folder(self.key, folder)) as tree,
                contextlib.closing(Walker(tree)) as walker,
            ):
                for record in records(self.key, folder):
                    length = _length(record)
                    start = max(0, offset - position)
                    position += length
                    if start < length:
                        yield from _piece(record, start, walker)
        except OSError as error:
            raise self._damaged(str(error)) from error
        if position != self.size:
            raise self._damaged(f"{position} bytes instead of {self.size}")

    @contextlib.contextmanager
    def open(self, offset: int = 0) -> Iterator[Reader]:
        """A reader from that offset on."""
        with contextlib.closing(self.segments(offset)) as pieces:
            yield _SegmentReader(pieces)

    def _damaged(self, cause: str) -> IntegrityError:
        return IntegrityError(f"cached layer {self.key[:12]} is damaged", cause=cause)


class _SegmentReader:
    """Pieces as a stream."""

    def __init__(self, pieces: Iterator[bytes | FileSlice]) -> None:
        self._pieces = pieces
        self._raw = memoryview(b"")
        self._slice: FileSlice | None = None
        self._done = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 at the end."""
        while True:
            if count := min(len(self._raw), len(buffer)):
                buffer[:count] = self._raw[:count]
                self._raw = self._raw[count:]
                return count
            if self._slice and (count := self._read_slice(self._slice, buffer)):
                return count
            piece = next(self._pieces, None)
            if piece is None or not len(buffer):
                return 0
            if isinstance(piece, FileSlice):
                self._slice, self._done = piece, 0
            else:
                self._slice, self._raw = None, memoryview(piece)

    def _read_slice(self, piece: FileSlice, buffer: memoryview) -> int:
        wanted = buffer[: piece.length - self._done]
        if not wanted:
            return 0
        count = os.preadv(piece.fileno, [wanted], piece.offset + self._done)
        if not count:
            raise IntegrityError("a cached file became shorter while it was read")
        self._done += count
        return count


def records(key: str, folder: int) -> Iterator[Record]:
    """The frame of a layer.

    Raises:
        OSError: there is none.
        IntegrityError: it is damaged.
    """
    with closing(open_file(f"{key}{FRAME}", folder)) as fileno:
        yield from FrameReader(fileno).records()


def stream_size(key: str, folder: int) -> int:
    """How long the stream of a layer was, below its compression.

    Raises:
        OSError: it has no frame.
        IntegrityError: its frame is damaged.
    """
    return sum(map(_length, records(key, folder)))


def is_complete(key: str, folder: int, contents: Contents) -> bool:
    """Whether every file of a layer is there with its size."""
    with closing(open_folder(key, folder)) as tree, contextlib.closing(Walker(tree)) as walker:
        return all(_is_there(file, walker) for file in contents.files)


def remove_layer(key: str, folder: int) -> int:
    """Remove a layer; how many bytes that set free."""
    freed = remove_tree(key, folder)
    return freed + remove_tree(f"{key}{FRAME}", folder)


def _is_there(file: File, walker: Walker) -> bool:
    status = walker.entry(file.path)
    return status is not None and _matches(status, file)


def _matches(status: os.stat_result, file: File) -> bool:
    # An edit, perhaps through a snapshot's link, shows in the time.
    is_settled = status.st_mtime == SETTLED
    return stat.S_ISREG(status.st_mode) and status.st_size == file.size and is_settled


def _length(record: Record) -> int:
    if isinstance(record, Run):
        return len(record.raw)
    return record.size if isinstance(record, File) else 0


def _piece(record: Record, start: int, walker: Walker) -> Iterator[bytes | FileSlice]:
    if isinstance(record, Run):
        yield record.raw[start:]
    elif isinstance(record, File):
        with walker.opened(record.path) as fileno:
            if not _matches(os.fstat(fileno), record):
                raise IntegrityError(f"cached file {record.path!r} was changed"[:300])
            yield FileSlice(fileno, start, record.size - start)
