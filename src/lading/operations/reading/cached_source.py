"""A store with the cache in front of it: what was read once is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lading.ports import Doubtable, Reader, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.transfer import read
from lading.transfer.window import fetch_range

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lading.cache import Cache
    from lading.packing.artifact import Artifact


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
            kept = read(self._store, descriptor, limit=DOCUMENT_LIMIT)
            self._cache.keep(descriptor, kept)
        if kept is not None:
            with BytesContent(kept).open(offset) as stream:
                yield stream
            return
        unpacked = self._cache.content(descriptor)
        opened = unpacked.open(offset) if unpacked else self._store.fetch(descriptor, offset)
        with opened as reader:
            yield reader

    def fetch_range(
        self, descriptor: Descriptor, offset: int, length: int
    ) -> AbstractContextManager[Reader]:
        """Some of the bytes, always from the store: who has them in the cache reads them there."""
        return fetch_range(self._store, descriptor, offset, length)

    def doubt(self, descriptor: Descriptor) -> bool:
        """What came from the store was wrong: whether it has somebody else to ask."""
        return isinstance(self._store, Doubtable) and self._store.doubt(descriptor)

    def keep_document(self, artifact: Artifact) -> None:
        """Have what is said of a model in the cache, beside its files."""
        config = artifact.manifest.config
        if config.size <= DOCUMENT_LIMIT:
            read(self, config, limit=DOCUMENT_LIMIT)

    def close(self) -> None:
        """Let go of the store's idle connections."""
        from lading.stores.remote.registry import RemoteStore

        if isinstance(self._store, RemoteStore):
            self._store.close()


def _is_small(descriptor: Descriptor) -> bool:
    """Manifests and configs; layers of any size are kept unpacked instead."""
    return descriptor.is_manifest or (
        descriptor.media_type.endswith("+json") and descriptor.size <= DOCUMENT_LIMIT
    )
