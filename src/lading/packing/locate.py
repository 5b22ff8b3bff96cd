"""Where in a layer its files lie, found by reading headers here and there.

The same parser that unpacks layers reads them here, so that a file seen through a window is the
file that a pull would write. What a file's bytes are is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lading.errors import IntegrityError, Unsupported
from lading.ports import Window
from lading.spec.archive import BLOCK, ArchiveParser
from lading.transfer.window import AheadWindow

# A layer that holds one file needs a few blocks; in a bundle many headers lie close together.
_AHEAD: Final = 16 * 1024
# Each look may be a request. Bundles of ordinary models need a few dozen.
_MOST_LOOKS: Final = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A file in an archive: by the name it has there, and where its bytes begin."""

    path: str
    offset: int
    size: int


class Archive:
    """An uncompressed tar, read as far as it had to be to find what was asked for."""

    def __init__(self, window: Window) -> None:
        self._found: dict[str, Place] = {}
        self._walk = _walk(window)

    def find(self, path: str) -> Place | None:
        """Where a file is; None where the archive has none of that name.

        Raises:
            IntegrityError: this is no archive, or none that may be unpacked.
            Unsupported: it holds too many files to look for one.
        """
        while path not in self._found:
            place = next(self._walk, None)
            if place is None:
                return None
            self._found[place.path] = place
        return self._found[path]

    def places(self) -> tuple[Place, ...]:
        """Every file, in the order of the archive.

        Raises:
            IntegrityError: this is no archive, or none that may be unpacked.
            Unsupported: it holds too many files to look for all.
        """
        self._found.update((place.path, place) for place in self._walk)
        return tuple(self._found.values())


def _walk(window: Window) -> Iterator[Place]:
    counted = _Counted(window)
    ahead = AheadWindow(counted, _AHEAD)
    sink = _Names()
    parser = ArchiveParser(sink, window.size)
    while not parser.ended:
        # What is left of a block is a file's padding: no header is fed together with another.
        wanted = BLOCK - parser.offset % BLOCK
        block = ahead.read_at(parser.offset, wanted)
        if len(block) < wanted:
            parser.finish()
        parser.feed(memoryview(block))
        if sink.started is not None:
            path, size = sink.started
            sink.started = None
            yield Place(path, parser.offset, size)
            parser.skip(size)


class _Names:
    """A sink that remembers the file that has just begun."""

    def __init__(self) -> None:
        self.started: tuple[str, int] | None = None

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None: ...

    def start_file(self, path: str, size: int) -> None:
        self.started = (path, size)

    def file_bytes(self, piece: memoryview) -> None:
        raise IntegrityError("archive is refused", cause="a file begins before its header ends")

    def end_file(self) -> None: ...


class _Counted:
    """A window that is looked into so many times and no more."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._looks = 0

    @property
    def size(self) -> int:
        return self._window.size

    def read_at(self, offset: int, length: int) -> bytes:
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            raise Unsupported(
                "cannot find a file in this layer",
                cause=f"it holds too many to look for one in {_MOST_LOOKS} reads",
                hint="lading pull brings the whole version, and the cache is read then",
            )
        return self._window.read_at(offset, length)
