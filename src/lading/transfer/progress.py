"""What is told about a transfer while it runs. Nothing is drawn here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from lading.ports import Content, FileSlice, Keyed, Reader, Segmented
from lading.spec.descriptor import Descriptor
from lading.spec.mediatypes import FILEPATH, TITLE


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of one piece of content, and where the whole stands."""

    kind: Literal["started", "advanced", "finished", "skipped"]
    label: str
    digest: str | None
    done: int
    size: int
    total_done: int
    total_size: int


# The kernel is given at most so much at a time, so that progress is seen.
_STRETCH = 16 * 1024 * 1024

OnProgress = Callable[[Progress], None]


def label(descriptor: Descriptor) -> str:
    """What a person would call this content."""
    annotations = descriptor.annotations
    kind = "config " if descriptor.media_type.endswith("+json") else ""
    return annotations.get(TITLE) or annotations.get(FILEPATH) or kind + descriptor.digest.short


class Meter:
    """Counts bytes over all transfers and tells the listener, one call at a time."""

    def __init__(self, on_progress: OnProgress | None, total_size: int) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._total_size = total_size
        self._total_done = 0
        self._cancelled = False

    def cancel(self) -> None:
        """Make every tracked reader stop at its next step."""
        self._cancelled = True

    def expect(self, total_size: int) -> None:
        """Now that more is known: this is how much there is in all."""
        self._total_size = total_size

    def track(self, name: str, digest: str | None, size: int) -> Track:
        """The counter for one piece of content."""
        return Track(self, name, digest, size)

    def tell(
        self,
        kind: Literal["started", "advanced", "finished", "skipped"],
        track: Track,
        advance: int,
    ) -> None:
        """Count, and say so."""
        if self._cancelled:
            raise Cancelled
        if self._on_progress is None:
            return
        with self._lock:
            self._total_done += advance
            self._on_progress(
                Progress(
                    kind,
                    track.name,
                    track.digest,
                    track.done,
                    track.size,
                    self._total_done,
                    self._total_size,
                )
            )


class Track:
    """How far one piece of content is; going back (a retry) counts back."""

    def __init__(self, meter: Meter, name: str, digest: str | None, size: int) -> None:
        self._meter = meter
        self.name = name
        self.digest = digest
        self.size = size
        self.done = 0

    def start(self) -> None:
        """The first byte is about to move."""
        self._meter.tell("started", self, 0)

    def at(self, position: int) -> None:
        """So much of it has moved."""
        advance, self.done = position - self.done, position
        self._meter.tell("advanced", self, advance)

    def finish(self) -> None:
        """It is there."""
        advance, self.done = self.size - self.done, self.size
        self._meter.tell("finished", self, advance)

    def skip(self) -> None:
        """It was there already."""
        advance, self.done = self.size - self.done, self.size
        self._meter.tell("skipped", self, advance)


class Cancelled(Exception):  # an order to stop, not an error anybody sees
    """Another transfer failed or the person interrupted: stop reading."""


class _CountingReader:
    __slots__ = ("_position", "_reader", "_track")

    def __init__(self, reader: Reader, track: Track, position: int) -> None:
        self._reader = reader
        self._track = track
        self._position = position

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._reader.readinto(buffer)
        self._position += count
        self._track.at(self._position)
        return count


class Counted:
    """Content that tells how much of it has been read."""

    def __init__(self, content: Content, track: Track) -> None:
        self._content = content
        self._track = track

    @property
    def size(self) -> int:
        """How many bytes there are in all."""
        return self._content.size

    @property
    def key(self) -> str:
        """The key of the content below; empty where it has none."""
        return self._content.key if isinstance(self._content, Keyed) else ""

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Reader]:
        """A counted reader from that offset on."""
        with self._content.open(offset) as reader:
            yield _CountingReader(reader, self._track, offset)


class CountedSegments(Counted):
    """The same for content that the kernel can send by itself."""

    def __init__(self, content: SegmentedContent, track: Track) -> None:
        super().__init__(content, track)
        self._segmented = content

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The pieces, long stretches cut so that progress is seen."""
        position = offset
        for segment in self._segmented.segments(offset):
            for piece in _cut(segment):
                yield piece
                position += piece.length if isinstance(piece, FileSlice) else len(piece)
                self._track.at(position)


class SegmentedContent(Content, Segmented, Protocol):
    """Content with both ways to be read."""


def counted(content: Content, track: Track) -> Content:
    """The content, counted, with the fast way kept where it has one."""
    if isinstance(content, Segmented):
        return CountedSegments(cast(SegmentedContent, content), track)
    return Counted(content, track)


def _cut(segment: bytes | FileSlice) -> Iterator[bytes | FileSlice]:
    if not isinstance(segment, FileSlice):
        yield segment
        return
    end = segment.offset + segment.length
    for start in range(segment.offset, end, _STRETCH):
        yield FileSlice(segment.fileno, start, min(_STRETCH, end - start))
