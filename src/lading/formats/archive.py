"""Zip archives as model files use them: listed and read in pieces, never unpacked.

The standard library reads the archive's directory; what it may read is bounded here, so that a
directory that lies about its size costs nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from lading.formats.cursor import Broken, Cursor, Stream

if TYPE_CHECKING:
    import zipfile

    from lading.ports import Window

# A directory of this size lists some 20,000 members.
_READ: Final = 2 * 1024 * 1024
# Of all members together, as they are stored.
_TOTAL: Final = 256 * 1024 * 1024
# Of one member, decompressed.
_MEMBER: Final = 64 * 1024 * 1024
_STORED, _DEFLATED = 0, 8
_ENCRYPTED: Final = 1


class _WindowFile:
    """As much of a file as the standard library's reader of zip archives asks for."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._position = 0
        self._left = _TOTAL

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._position, self._window.size)[whence]
        if start + offset < 0:
            raise OSError("a place before the beginning")
        self._position = start + offset
        return self._position

    def read(self, length: int = -1) -> bytes:
        left = max(0, self._window.size - self._position)
        length = left if length < 0 else min(length, left)
        if length > _READ:
            raise Broken("The archive has too many members, or its directory lies.")
        self._left -= length
        if self._left < 0:
            raise Broken("The archive was not read any further: what it holds is too large.")
        data = self._window.read_at(self._position, length) if length else b""
        self._position += len(data)
        return data


class Archive:
    """A zip archive, looked into."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = tuple(archive.namelist())
        self._known = frozenset(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def find(self, ending: str) -> str | None:
        """The shortest name that is this, or ends with it after a slash."""
        found = [name for name in self.names if f"/{name}".endswith(f"/{ending}")]
        return min(found, key=len, default=None)

    @contextmanager
    def open(self, name: str) -> Iterator[Cursor]:
        """The content of a member, read forwards.

        Raises:
            Broken: it cannot be read: encrypted, damaged, or packed in some unusual way.
        """
        from zipfile import BadZipFile

        info = self._archive.getinfo(name)
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (_STORED, _DEFLATED):
            raise Broken("A member is encrypted, or packed in a way that is not read.")
        try:
            with self._archive.open(info) as member:
                yield Cursor(Stream(member.read, _MEMBER))
        except (BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError) as bad:
            if isinstance(bad, Broken):
                raise
            raise Broken("A member of the archive is damaged.") from bad

    def read(self, name: str, limit: int) -> bytes:
        """The content of a member, if it is not longer.

        Raises:
            Broken: it is longer, or cannot be read.
        """
        with self.open(name) as cursor:
            data = cursor.peek(limit + 1)
        if len(data) > limit:
            raise Broken(f"A member of the archive is larger than {limit:,} bytes.")
        return data


@contextmanager
def opened(window: Window) -> Iterator[Archive]:
    """The archive that a file is.

    Raises:
        Broken: it is none that can be read.
    """
    from struct import error as struct_error
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(cast("IO[bytes]", _WindowFile(window)))
    except (BadZipFile, OSError, struct_error, NotImplementedError, ValueError) as bad:
        if isinstance(bad, Broken):
            raise
        raise Broken("The archive's directory cannot be read.") from bad
    with archive:
        yield Archive(archive)
