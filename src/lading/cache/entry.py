"""What the cache shows of the things in it, and how it knows them to be unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lading.spec.digest import Digest

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
