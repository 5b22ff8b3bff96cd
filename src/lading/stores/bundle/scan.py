"""What lies where in a tar file: its headers are read, its content is passed over.

Whoever made the file may be anybody. Names lead nowhere, since nothing is unpacked; what other
readers of the same file could take otherwise (links, sparse files, one name twice, a size that the
file does not have) is refused all the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from lading.errors import IntegrityError
from lading.spec.archive import BLOCK, ArchiveParser

# GNU tar fills its last record with zeros, of this size at the most that anybody writes.
_LONGEST_END: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member's content lies in its archive."""

    offset: int
    size: int


@dataclass(slots=True)
class _Begun:
    """Told of members; remembers the file that begins."""

    file: tuple[str, int] | None = field(default=None)

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None: ...

    def start_file(self, path: str, size: int) -> None:
        self.file = path, size

    def file_bytes(self, piece: memoryview) -> None: ...

    def end_file(self) -> None: ...


def scan(fd: int, size: int) -> dict[str, Place]:
    """Every file in an archive of so many bytes.

    Raises:
        IntegrityError: it is no archive, cut off, or one that is refused; names the member.
        OSError: it cannot be read.
    """
    begun = _Begun()
    parser = ArchiveParser(begun, size)
    found: dict[str, Place] = {}
    position = 0
    while position < size and not parser.ended:
        piece = os.pread(fd, -position % BLOCK or BLOCK, position)
        if not piece:
            break
        parser.feed(memoryview(piece))
        position += len(piece)
        if begun.file:
            name, length = begun.file
            begun.file = None
            found[name] = Place(position, length)
        if pending := parser.pending:
            parser.skip(pending)
            position += pending
    if size - position > _LONGEST_END:
        raise IntegrityError("archive is refused", cause="something follows its end mark")
    parser.feed(memoryview(os.pread(fd, size - position, position)))
    parser.finish()
    return found
