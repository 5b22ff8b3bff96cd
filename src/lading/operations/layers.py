"""The layers of a version as windows: from the cache, whole where they are small, else in parts.

Which file is in which layer is known by whoever asks.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from lading.errors import Unsupported
from lading.packing.locate import Archive, Place
from lading.packing.unpack.placement import entitled
from lading.packing.unpack.receive import title_of
from lading.packing.unpack.streams import decompressed, form_of
from lading.spec.content import BytesContent
from lading.transfer import read
from lading.transfer.window import BytesWindow, ContentWindow, PartWindow, SourceWindow

if TYPE_CHECKING:
    from lading.cache import Cache
    from lading.operations.reading.cached_source import CachedSource
    from lading.ports import Window
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest

# One request for all of it costs no more than a few for parts of it, and can be verified.
WHOLE: Final = 4 * 1024 * 1024
# A compressed layer has no parts: it is read whole up to this size, and what it holds up to that.
_COMPRESSED: Final = 64 * 1024 * 1024
_COMPRESSIONS: Final = frozenset({"gzip", "zstd"})
_SWOLLEN: Final = 256 * 1024 * 1024


class LayerWindows:
    """Looks into layers; safe to use from many threads."""

    def __init__(self, source: CachedSource, cache: Cache) -> None:
        self._source = source
        self._cache = cache
        self._lock = threading.RLock()
        self._windows: dict[Digest, Window] = {}
        self._contents: dict[Digest, _Contents] = {}

    def file(self, layer: Descriptor, path: str) -> PartWindow | None:
        """A file of a layer by its name there; None where it has none of that name.

        Raises:
            IntegrityError: the layer is no archive, or none that may be unpacked.
            Unsupported: it is compressed and large, or holds too many files.
        """
        with self._lock:
            window = self._window(layer)
            place = self._contents_of(layer, window).find(path)
        return PartWindow(window, place.offset, place.size) if place else None

    def files(self, layer: Descriptor) -> tuple[Place, ...]:
        """The files of a layer, under the names that a pull gives them.

        Raises:
            IntegrityError, Unsupported: as for one file.
        """
        with self._lock:
            return self._contents_of(layer, self._window(layer)).places()

    def verified(self, layer: Descriptor, path: str) -> bytes | None:
        """A file of a layer that is read whole, so that its digest can be verified; None where
        it has none of that name.

        A compressed layer that was pulled was verified then: its bytes as they came are gone.

        Raises:
            IntegrityError: the layer's bytes are not what its descriptor says.
        """
        content = self._cache.archive(layer) if form_of(layer.media_type) in _COMPRESSIONS else None
        window: Window = (
            ContentWindow(content)
            if content
            else BytesWindow(_plain(layer, read(self._source, layer, limit=layer.size)))
        )
        place = _contents(layer, window).find(path)
        return window.read_at(place.offset, place.size) if place else None

    def _contents_of(self, layer: Descriptor, window: Window) -> _Contents:
        known = self._contents.get(layer.digest)
        if known is None:
            known = self._contents[layer.digest] = _contents(layer, window)
        return known

    def _window(self, layer: Descriptor) -> Window:
        known = self._windows.get(layer.digest)
        if known is None:
            known = self._windows[layer.digest] = self._opened(layer)
        return known

    def _opened(self, layer: Descriptor) -> Window:
        form = form_of(layer.media_type)
        if form is None:
            raise Unsupported(f"cannot read a layer of type {layer.media_type[:200]!r}")
        if content := self._cache.archive(layer):
            return ContentWindow(content)
        if form in _COMPRESSIONS:
            if layer.size > _COMPRESSED:
                raise _too_large(f"it is compressed and has {layer.size} bytes")
            return BytesWindow(_plain(layer, read(self._source, layer, limit=_COMPRESSED)))
        if layer.size <= WHOLE:
            raw = read(self._source, layer, limit=WHOLE)
            self._cache.keep(layer, raw)
            return BytesWindow(raw)
        return SourceWindow(self._source, layer)


class _Contents(Protocol):
    """The files of a layer by name."""

    def find(self, path: str) -> Place | None: ...

    def places(self) -> tuple[Place, ...]: ...


@dataclass(frozen=True, slots=True)
class _One:
    """The contents of a layer whose one file is named outside of it."""

    place: Place

    def find(self, path: str) -> Place | None:
        return self.place if path == self.place.path else None

    def places(self) -> tuple[Place, ...]:
        return (self.place,)


def _contents(layer: Descriptor, window: Window) -> _Contents:
    title = title_of(layer)
    if form_of(layer.media_type) == "raw":
        return _One(Place(title or "", 0, window.size))
    archive = Archive(window)
    if title is not None and len(places := archive.places()) == 1:
        # Old modctl's archive holds the base name, and an annotation the folder.
        (place,) = places
        if name := entitled(title, place.path):
            return _One(replace(place, path=name))
    return archive


def _plain(layer: Descriptor, raw: bytes) -> bytes:
    """What is below the compression of a layer, if it has any."""
    form = form_of(layer.media_type)
    if form not in _COMPRESSIONS:
        return raw
    whole = bytearray()
    buffer = memoryview(bytearray(1024 * 1024))
    with BytesContent(raw).open() as stream:
        reader = decompressed(stream, form)
        while count := reader.readinto(buffer):
            whole += buffer[:count]
            if len(whole) > _SWOLLEN:
                raise _too_large("it is compressed, and holds more than 256 MiB")
    return bytes(whole)


def _too_large(cause: str) -> Unsupported:
    return Unsupported(
        "cannot read a part of this layer",
        cause=cause,
        hint="lading pull brings the whole version, and the cache is read then",
    )
