"""Look after the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.cache import Cache
from lading.operations import stores

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class CachedEntry:
    """One thing in the cache."""

    digest: str
    kind: str
    size: int
    used: float
    path: str


@dataclass(frozen=True, slots=True)
class CacheListResult:
    """Everything in the cache."""

    folder: str
    size: int
    entries: tuple[CachedEntry, ...]


@dataclass(frozen=True, slots=True)
class CachePruneResult:
    """What was freed, in bytes."""

    folder: str
    freed: int


@dataclass(frozen=True, slots=True)
class CacheVerifyResult:
    """What was damaged, and is removed."""

    folder: str
    damaged: tuple[str, ...]


def cache_list(*, settings: Settings | None = None) -> CacheListResult:
    """What the cache holds, and since when it was not used."""
    settings = stores.settled(settings)
    entries = tuple(
        CachedEntry(entry.digest, entry.kind, entry.size, entry.used, str(entry.path))
        for entry in Cache(settings.cache).entries()
    )
    return CacheListResult(str(settings.cache), sum(entry.size for entry in entries), entries)


def cache_prune(
    *,
    older_than_days: float | None = None,
    everything: bool = False,
    settings: Settings | None = None,
) -> CachePruneResult:
    """Free what was not used for so long, or everything; the next pull fetches it again."""
    settings = stores.settled(settings)
    seconds = None if older_than_days is None else older_than_days * 86400
    freed = Cache(settings.cache).prune(older_than=seconds, everything=everything)
    return CachePruneResult(str(settings.cache), freed)


def cache_verify(*, settings: Settings | None = None) -> CacheVerifyResult:
    """Hash everything in the cache again; what is damaged is removed and fetched anew."""
    settings = stores.settled(settings)
    damaged = Cache(settings.cache).verify()
    return CacheVerifyResult(str(settings.cache), tuple(entry.digest for entry in damaged))
