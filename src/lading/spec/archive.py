"""Tar streams taken apart while they arrive. Pure: bytes in, calls out, no file is touched.

Reads ustar, GNU (long names, base-256 sizes) and PAX (path, size) archives of regular files and
folders, and nothing else: links, devices and sparse files are refused. Python's ``tarfile`` is
not used, since what it tolerates is decided there, not here.
"""

from __future__ import annotations

from typing import Protocol

from lading.errors import IntegrityError
from lading.spec.member_names import refused, safe_path
from lading.spec.tar_header import check_sum, decimal, number, pax_records, short_name

BLOCK = 512
# Long names and PAX records are held in memory; no honest one comes near this.
_EXTENSION_LIMIT = 1024 * 1024
_MEMBER_LIMIT = 1_000_000
# All names are remembered, to find double ones.
_NAMES_LIMIT = 128 * 1024 * 1024

_ZEROS = bytes(BLOCK)

_REGULAR = frozenset(b"\x0007")
_FOLDER = ord("5")
_EXTENSIONS = {ord(kind) for kind in "LKxg"}
_KINDS = {
    ord("1"): "a hard link",
    ord("2"): "a symbolic link",
    ord("3"): "a character device",
    ord("4"): "a block device",
    ord("6"): "a named pipe",
    ord("S"): "a sparse file",
    ord("M"): "a part of another volume",
    ord("V"): "a volume label",
}


class Sink(Protocol):
    """Who is told what is in a stream."""

    def frame(self, piece: memoryview) -> None:
        """Bytes of the stream that belong to no file: headers, padding, the end."""

    def folder(self, path: str) -> None:
        """A folder."""

    def start_file(self, path: str, size: int) -> None:
        """A regular file of so many bytes begins."""

    def file_bytes(self, piece: memoryview) -> None:
        """The next bytes of that file; the view is only good during this call."""

    def end_file(self) -> None:
        """That file is whole."""


class _Nobody:
    """A sink for what nobody needs to be told."""

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None: ...

    def start_file(self, path: str, size: int) -> None: ...

    def file_bytes(self, piece: memoryview) -> None: ...

    def end_file(self) -> None: ...


NO_SINK: Sink = _Nobody()


class Parser(Protocol):
    """What takes a layer's stream apart."""

    sink: Sink
    offset: int

    @property
    def pending(self) -> int:
        """How many bytes of the current file are still to come."""
        ...

    def start(self) -> None:
        """Tell what is known before the first byte; feeding does so by itself."""

    def feed(self, data: memoryview) -> None:
        """Take the next bytes of the stream."""

    def skip(self, count: int) -> None:
        """Take bytes of the current file that are known already; the sink gets none of them."""

    def finish(self) -> None:
        """The stream has ended."""


class RawParser:
    """A layer that is one file and no archive."""

    def __init__(self, sink: Sink, path: str, size: int) -> None:
        self.sink = sink
        self.offset = 0
        self._path = path
        self._size = size
        self._started = False

    @property
    def pending(self) -> int:
        """How many bytes of the file are still to come."""
        return self._size - self.offset

    def start(self) -> None:
        """Tell that the file begins; feeding does so by itself."""
        if not self._started:
            self._started = True
            self.sink.start_file(self._path, self._size)

    def feed(self, data: memoryview) -> None:
        """Take the next bytes of the file."""
        self.start()
        self.sink.file_bytes(data)
        self.offset += len(data)

    def skip(self, count: int) -> None:
        """Take bytes of the file that are known already."""
        self.offset += count

    def finish(self) -> None:
        """The file has ended; its size and digest are checked elsewhere."""
        self.start()
        self.sink.end_file()


class ArchiveParser:
    """A tar stream, fed in pieces of any size.

    ``size`` is the length of the whole stream where it is known: a member that claims more than
    what remains is refused at once.
    """

    def __init__(self, sink: Sink, size: int | None = None) -> None:
        self.sink = sink
        self.offset = 0
        self._size = size
        self._carry = bytearray()
        self._body = 0
        self._padding = 0
        self._ended = False
        self._members = 0
        self._extension: bytearray | None = None
        self._extension_kind = 0
        self._long_name: bytes | None = None
        self._records: dict[bytes, bytes] | None = None
        self._files: set[str] = set()
        self._folders: dict[str, bool] = {}
        self._names_size = 0

    @property
    def files(self) -> set[str]:
        """The paths of all files so far."""
        return self._files

    @property
    def ended(self) -> bool:
        """Whether the mark that ends an archive was seen."""
        return self._ended

    @property
    def pending(self) -> int:
        """How many bytes of the current file are still to come."""
        return self._body if self._extension is None else 0

    def start(self) -> None:
        """Tell what is known before the first byte: nothing."""

    def feed(self, data: memoryview) -> None:
        """Take the next bytes of the stream.

        Raises:
            IntegrityError: this is no archive, or none that may be unpacked; names the member.
        """
        position, end = 0, len(data)
        while position < end:
            if self._body:
                taken = self._take_body(data[position : position + self._body])
            elif self._ended:
                taken = self._take_end(data[position:])
            elif self._padding:
                taken = self._take_padding(data[position : position + self._padding])
            else:
                taken = self._take_header(data[position : position + BLOCK - len(self._carry)])
            position += taken
            self.offset += taken

    def skip(self, count: int) -> None:
        """Take bytes of the current file that are known already; the sink gets none of them."""
        self._body -= count
        self.offset += count
        if count and not self._body:
            self.sink.end_file()

    def finish(self) -> None:
        """The stream has ended.

        Raises:
            IntegrityError: the archive has not.
        """
        if not self._ended:
            raise IntegrityError(
                "archive is cut off", cause=f"it ends after {self.offset} bytes without an end mark"
            )

    def _take_body(self, piece: memoryview) -> int:
        taken = len(piece)
        if self._extension is not None:
            self.sink.frame(piece)
            self._extension += piece
            self._body -= taken
            if not self._body:
                self._end_extension(bytes(self._extension))
            return taken
        self.sink.file_bytes(piece)
        self._body -= taken
        if not self._body:
            self.sink.end_file()
        return taken

    def _take_padding(self, piece: memoryview) -> int:
        self.sink.frame(piece)
        self._padding -= len(piece)
        return len(piece)

    def _take_end(self, piece: memoryview) -> int:
        # GNU tar fills its last record with zeros; anything else would be hidden cargo.
        if bytes(piece).strip(b"\0"):
            raise IntegrityError("archive is refused", cause="something follows its end mark")
        self.sink.frame(piece)
        return len(piece)

    def _take_header(self, piece: memoryview) -> int:
        taken = len(piece)
        if taken < BLOCK:
            self._carry += piece
            if len(self._carry) < BLOCK:
                return taken
            block = bytes(self._carry)
            self._carry.clear()
        else:
            block = bytes(piece)
        self.sink.frame(memoryview(block))
        self._read_header(block, self.offset + taken)
        return taken

    def _read_header(self, block: bytes, position: int) -> None:
        if block == _ZEROS:
            if self._long_name is not None or self._records is not None:
                raise IntegrityError("archive is refused", cause="a long name without its member")
            self._ended = True
            return
        check_sum(block)
        self._members += 1
        if self._members > _MEMBER_LIMIT:
            raise IntegrityError(
                "archive is refused", cause=f"it has more than {_MEMBER_LIMIT} members"
            )
        kind = block[156]
        size = number(block[124:136], block)
        if kind in _EXTENSIONS:
            self._start_extension(kind, size, block)
        else:
            self._start_member(kind, size, block, position)

    def _start_extension(self, kind: int, size: int, block: bytes) -> None:
        if not 0 < size <= _EXTENSION_LIMIT:
            raise refused(short_name(block), f"a name or header of {size} bytes")
        self._extension = bytearray()
        self._extension_kind = kind
        self._body = size
        self._padding = -size % BLOCK

    def _end_extension(self, raw: bytes) -> None:
        self._extension = None
        kind = chr(self._extension_kind)
        if kind == "L":
            if self._long_name is not None:
                raise refused(raw, "it has two long names")
            self._long_name = raw.rstrip(b"\0")
        elif kind in "xg":
            records = pax_records(raw)
            if kind == "x":
                if self._records is not None:
                    raise refused(raw, "it has two extended headers")
                self._records = records
            elif {b"path", b"size"} & records.keys():
                raise IntegrityError(
                    "archive is refused", cause="a global header names or sizes every member"
                )

    def _start_member(self, kind: int, size: int, block: bytes, position: int) -> None:
        records = self._records or {}
        raw = records.get(b"path") or self._long_name or short_name(block)
        if b"size" in records:
            size = decimal(records[b"size"], raw)
        self._records = self._long_name = None
        if kind != _FOLDER and kind not in _REGULAR:
            raise refused(raw, f"it is {_KINDS.get(kind, f'of unknown type {chr(kind)!r}')}")
        while raw.startswith(b"./"):
            raw = raw[2:]
        # Before POSIX a folder was a file whose name ends in a slash.
        if kind == _FOLDER or raw.endswith(b"/"):
            self._folder(raw, size)
            return
        if self._size is not None and size > self._size - position:
            raise refused(raw, f"it claims {size} bytes, more than the whole layer has left")
        path = safe_path(raw)
        self._claim(path)
        self._body = size
        self._padding = -size % BLOCK
        self.sink.start_file(path, size)
        if not size:
            self.sink.end_file()

    def _folder(self, raw: bytes, size: int) -> None:
        if size:
            raise refused(raw, f"it is a folder of {size} bytes")
        if raw in (b"", b"."):
            return  # `tar -C folder .` begins with the folder itself
        path = safe_path(raw.rstrip(b"/") or raw)
        self._claim_parents(path)
        if path in self._files or self._folders.get(path):
            raise refused(path, "there is another member of that name")
        self._folders[path] = True
        self._count_name(path)
        self.sink.folder(path)

    def _claim(self, path: str) -> None:
        self._claim_parents(path)
        if path in self._files or path in self._folders:
            raise refused(path, "there is another member of that name")
        self._files.add(path)
        self._count_name(path)

    def _claim_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        while parent and parent not in self._folders:
            if parent in self._files:
                raise refused(path, f"{parent!r} is a file")
            self._folders[parent] = False
            self._count_name(parent)
            parent = parent.rpartition("/")[0]

    def _count_name(self, path: str) -> None:
        self._names_size += len(path)
        if self._names_size > _NAMES_LIMIT:
            raise IntegrityError("archive is refused", cause="its names alone would fill memory")
