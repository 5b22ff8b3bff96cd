"""A store with the cache in front of it: what was read once is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lading.errors import NotFound
from lading.operations import stores
from lading.ports import Reader, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.tags import LATEST
from lading.spec.version import Version
from lading.transfer import read
from lading.transfer.window import fetch_range

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lading.cache import Cache
    from lading.packing.artifact import Artifact
    from lading.settings import Settings
    from lading.spec.reference import Reference


def reach(
    place: Reference, cache: Cache, settings: Settings, *, offline: bool
) -> tuple[CachedSource, Descriptor]:
    """The place of a reference behind the cache, and what the reference names there.

    By digest, and offline, what was asked before is not asked again.

    Raises:
        NotFound: there is no such version, or not in the cache and the registry may not be asked.
    """
    remote = place.host is not None
    store: Source = OfflineSource()
    if not (offline and remote):
        # Whoever asks for this one thing knows better than the settings.
        store = stores.open_store(place, replace(settings, offline=offline))
    source = CachedSource(store, cache)
    if not remote:
        return source, _checked(store, place, stores.resolve(store, place), settings)
    known = cache.recall(str(place)) if offline or place.digest else None
    if known is None:
        if offline:
            raise NotFound(f"{place} is not in the cache", hint="pull it once without --offline")
        known = _checked(store, place, stores.resolve(store, place), settings)
        cache.remember(str(place), known)
        cache.remember(str(place.with_digest(known.digest)), known)
    return source, known


def _checked(store: Source, place: Reference, root: Descriptor, settings: Settings) -> Descriptor:
    """What is named, after the ledger was asked where that is a stage."""
    if place.digest or place.tag in (None, LATEST) or Version.from_tag(place.tag or ""):
        return root  # most are, and need nothing of what a ledger is
    from lading.operations.lifecycle.stages import checked

    return checked(store, place, root, settings)  # type: ignore[arg-type]  # never offline


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

    def keep_document(self, artifact: Artifact) -> None:
        """Have what is said of a model in the cache, beside its files."""
        config = artifact.manifest.config
        if config.size <= DOCUMENT_LIMIT:
            read(self, config, limit=DOCUMENT_LIMIT)

    def close(self) -> None:
        """Let go of the store's idle connections."""
        from lading.stores.remote.registry import RemoteStore

        if isinstance(self._store, RemoteStore):
            self._store.client.close()


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
        descriptor.media_type.endswith("+json") and descriptor.size <= DOCUMENT_LIMIT
    )
