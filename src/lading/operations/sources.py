"""Where a reference leads, with the cache in front of it, and with a registry or without."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lading.errors import NotFound, Unavailable
from lading.operations import stores
from lading.operations.lifecycle.own_version import demand_own_version
from lading.operations.reading.cached_source import CachedSource
from lading.ports import Reader, Source
from lading.spec.descriptor import Descriptor
from lading.spec.tags import LATEST
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.cache import Cache
    from lading.settings import Settings
    from lading.spec.reference import Reference

_log = logging.getLogger(__name__)


def reach(
    place: Reference, cache: Cache, settings: Settings, *, offline: bool
) -> tuple[CachedSource, Descriptor]:
    """The place of a reference behind the cache, and what the reference names there.

    By digest, and offline, what was asked before is not asked again. Where nobody answers, it is
    what this machine saw last, which is said: by digest it is right, by name it has its time.

    Raises:
        NotFound: there is no such version, or not in the cache and the registry may not be asked.
        Unavailable: nobody answers, and this machine never saw it.
        IntegrityError: a stage's tag is not what the ledger says, or a version's names another one.
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
    if known is None and offline:
        known = _by_digest(place, cache)
        if known is None:
            raise NotFound(f"{place} is not in the cache", hint="pull it once without --offline")
    if known is None:
        try:
            known = _checked(store, place, stores.resolve(store, place), settings)
        except Unavailable as down:
            known = seen_last(place, cache, down)
            if place.digest:
                _log.warning("%s: %s comes from the cache", down, place)
            return source, known
        # What a mirror says of a name may be behind what this machine saw itself.
        if place.digest or stores.spokesman(store) is None:
            cache.remember(str(place), known)
        cache.remember(str(place.with_digest(known.digest)), known)
    return source, known


def seen_last(place: Reference, cache: Cache, down: Unavailable) -> Descriptor:
    """What a reference named when this machine last asked: for when nobody answers.

    Raises:
        Unavailable: it never did; the error that is given.
    """
    if place.digest:
        if known := cache.recall(str(place)) or _by_digest(place, cache):
            return known
        raise down
    last = cache.recall_when(str(place))
    if last is None:
        raise down
    _log.warning(
        "%s: %s is %s here, as this machine saw it last, %s",
        *(down, place, last.descriptor.digest, _when(last.time)),
    )
    return last.descriptor


def _by_digest(place: Reference, cache: Cache) -> Descriptor | None:
    """A version that came from elsewhere: a digest is the same everywhere."""
    if place.digest is None:
        return None
    try:
        return cache.resolve(place.digest)
    except NotFound:
        return None


def _when(time: int | None) -> str:
    if time is None:
        return "nobody noted when"
    return f"on {datetime.fromtimestamp(time, UTC):%Y-%m-%d at %H:%M} UTC"


def _checked(store: Source, place: Reference, root: Descriptor, settings: Settings) -> Descriptor:
    """What is named, after a version was asked which it is, or the ledger about a stage."""
    if place.digest or place.tag in (None, LATEST):
        return root
    if Version.from_tag(place.tag or ""):  # most are, and need nothing of what a ledger is
        if not settings.unchecked:
            demand_own_version(store, place, root)
        return root
    from lading.operations.lifecycle.stages import checked

    return checked(store, place, root, settings)  # type: ignore[arg-type]  # never offline


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
