"""What the cache shows of the things in it, and how it knows them to be unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.spec.descriptor import Descriptor

Kind = Literal["snapshot", "layer", "blob", "unfinished"]

# What bears this time is as it was when it was made: any change gives it another. 2000-01-01,
# since zip files know no time before 1980.
SETTLED = 946_684_800


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One thing in the cache. ``size`` counts what no entry before it in the list has: the
    files of layers and snapshots are mostly the same ones."""

    digest: Digest
    kind: Kind
    size: int
    used: float
    path: Path


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a reference meant, and when it was asked: in seconds since 1970, where that is known."""

    descriptor: Descriptor
    time: int | None
