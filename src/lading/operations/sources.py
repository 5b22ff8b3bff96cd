"""A store with the cache in front of it: what was read once is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lading.errors import NotFound
from lading.ports import Reader, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.transfer import read

if TYPE_CHECKING:
    from lading.cache import Cache

# Documents and manifests are kept as blobs; what is larger is a layer and kept unpacked.
_KEPT = 1024 * 1024


class CachedSource:
    """A source whose small content is kept, and whose unpacked layers are shown again as tar."""

    def __init__(self, store: Source, cache: Cache) -> None:
        self._store = store
        self._cache = cache

    def resolve(self, name: str) -> Descriptor:
        """What a name means now: always asked, for names move."""
        return self._store.resolve(name)

    @contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """The bytes, from the cache where it has them."""
        kept = self._cache.blob(descriptor.digest)
        if kept is None and _is_small(descriptor):
            kept = read(self._store, descriptor)
            self._cache.keep(descriptor, kept)
        if kept is not None:
            with BytesContent(kept).open(offset) as stream:
                yield stream
            return
        unpacked = self._cache.content(descriptor)
        opened = unpacked.open(offset) if unpacked else self._store.fetch(descriptor, offset)
        with opened as reader:
            yield reader


class OfflineSource:
    """What stands in for a registry that may not be asked."""

    def resolve(self, name: str) -> Descriptor:
        """Nothing has a name here."""
        raise NotFound(f"{name} is not known without the registry", hint="leave out --offline")

    @contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """Nothing is here."""
        del offset
        raise NotFound(
            f"{descriptor.digest.short} is not in the cache", hint="pull it once without --offline"
        )
        yield


def _is_small(descriptor: Descriptor) -> bool:
    """Manifests and configs; layers of any size are kept unpacked instead."""
    return descriptor.is_manifest or (
        descriptor.media_type.endswith("+json") and descriptor.size <= _KEPT
    )
