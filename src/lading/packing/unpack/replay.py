"""A layer's stream seen again, from its frame and its files.

The frame is believed in nothing: a parser reads its bytes as if they had just arrived, and what
the frame tells of files and folders must be what the parser finds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable

from lading.errors import IntegrityError
from lading.packing.unpack.disk import BUFFER_SIZE
from lading.packing.unpack.frame import File, Folder, Record, Run
from lading.spec.archive import Parser
from lading.spec.digest import Hasher

# A file's end is where a crash of the whole machine leaves its mark.
_PAGE = 4096


class Replay:
    """Shows a parser and a hasher what they would have seen so far.

    ``opened`` gives a descriptor of a file, wherever it is by now; where it raises
    FileNotFoundError, the file was not begun.
    """

    def __init__(self, parser: Parser, hasher: Hasher, opened: Callable[[File], int]) -> None:
        self._parser = parser
        self._hasher = hasher
        self._opened = opened
        self._witness = _Witness()
        self._buffer = memoryview(bytearray(BUFFER_SIZE))

    def run(self, records: Iterable[Record]) -> File | None:
        """The last file that had begun, which alone may be in pieces; None where there is none.

        Raises:
            IntegrityError: frame and files do not belong together.
            OSError: a file cannot be read.
        """
        last: File | None = None
        self._parser.sink = self._witness
        self._parser.start()
        for record in records:
            if isinstance(record, Run):
                self._check_between()
                self._hasher.update(record.raw)
                self._parser.feed(memoryview(record.raw))
            elif isinstance(record, File):
                self._witness.expect(record)
                self._file(record)
                last = record
            elif isinstance(record, Folder):
                self._witness.expect(record)
        if self._witness.told:
            raise _contradiction()
        return last

    def _check_between(self) -> None:
        if self._parser.pending or self._witness.told:
            raise _contradiction()

    def _file(self, record: File) -> None:
        try:
            fileno = self._opened(record)
        except FileNotFoundError:
            return
        try:
            self._hash(fileno, record.size)
        finally:
            os.close(fileno)

    def _hash(self, fileno: int, size: int) -> None:
        status = os.fstat(fileno)
        if not stat.S_ISREG(status.st_mode) or status.st_size > size:
            raise _contradiction()
        end = size if status.st_size == size else status.st_size - status.st_size % _PAGE
        position = 0
        while position < end:
            count = os.preadv(fileno, [self._buffer[: end - position]], position)
            if not count:
                raise _contradiction()
            self._hasher.update(self._buffer[:count])
            position += count
        self._parser.skip(end)


class _Witness:
    """A sink that remembers what it was told until the frame says the same."""

    def __init__(self) -> None:
        self.told: list[Record] = []

    def expect(self, record: Record) -> None:
        """Compare with what was told first.

        Raises:
            IntegrityError: it was something else; a skipped file is always, since its bytes are
                not here.
        """
        if not self.told or self.told.pop(0) != record:
            raise _contradiction()

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None:
        self.told.append(Folder(path))

    def start_file(self, path: str, size: int) -> None:
        self.told.append(File(path, size))

    def file_bytes(self, piece: memoryview) -> None: ...

    def end_file(self) -> None: ...


def _contradiction() -> IntegrityError:
    return IntegrityError("what is staged of a layer does not belong together")
