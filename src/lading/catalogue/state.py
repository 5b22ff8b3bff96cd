"""What is known of a repository: its versions, its stages, and when both were so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lading.catalogue.flat import Facts
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.tags import event_of
from lading.spec.version import Version

# Of one repository; each costs two requests when it is first seen.
MOST_VERSIONS: Final = 10_000

_NOTHING: Mapping[str, tuple[Digest, ...]] = {}


@dataclass(frozen=True, slots=True)
class StagesKnown:
    """What the ledger of a repository says, as far as a search asks."""

    stages: Mapping[str, tuple[Digest, ...]] = field(default_factory=lambda: _NOTHING)
    deprecated: frozenset[Digest] = frozenset()
    # What each version was when it was last registered: a version may be removed and pushed anew.
    registered: Mapping[str, Digest] = field(default_factory=dict)
    # Up to which event this was read, and before which none was: those were put away.
    seq: int = 0
    begins: int = 0

    def of(self, digest: str) -> tuple[str, ...]:
        """The stages that name a version."""
        return tuple(stage for stage, members in self.stages.items() if digest in members)


class KnownVersion(NamedTuple):
    """A version that was read before; thousands are made of rows at once, so a tuple."""

    tag: str
    # Of what its tag names: digest, media type and size.
    digest: str
    media_type: str
    size: int
    # The row of its document; None where it has none that could be read.
    document: int | None
    note: str | None

    @property
    def root(self) -> Descriptor:
        """What its tag names."""
        return Descriptor(self.media_type, Digest(self.digest), self.size)


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A version that was just read."""

    tag: str
    # None where not even that could be told.
    root: Descriptor | None
    # What never changes: the document's digest, or the root's of another tool's model.
    source: Digest | None = None
    # None where the catalogue has the document already, or where there is none.
    facts: Facts | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """A repository's names as they were at one moment."""

    # Of versions and events together, and of events alone.
    fingerprint: str = ""
    ledger: str = ""
    stages: StagesKnown = field(default_factory=StagesKnown)


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """All that is known of a repository."""

    base: str
    state: RepositoryState
    versions: tuple[KnownVersion, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The tags of a repository that a search cares for."""

    every: frozenset[str]
    versions: tuple[str, ...]
    events: tuple[str, ...]
    # How many versions are too many, and the lowest.
    left_out: int = 0
    # A short name for the policy that says which events count.
    rules: str = ""

    @classmethod
    def of(cls, tags: Collection[str], rules: str = "") -> Names:
        """Told apart."""
        versions = [tag for tag in tags if Version.from_tag(tag)]
        events = sorted(tag for tag in tags if event_of(tag))
        left_out = len(versions) - MOST_VERSIONS
        if left_out > 0:
            versions.sort(key=lambda tag: Version.from_tag(tag) or tag)
            del versions[:left_out]
        return cls(frozenset(tags), tuple(sorted(versions)), tuple(events), max(0, left_out), rules)

    @property
    def fingerprint(self) -> str:
        """Equal where nothing changed: versions never move, and every other change is an event."""
        return _fingerprint((*self.versions, *self._ledger))

    @property
    def ledger(self) -> str:
        """Equal where no event was added, and the same of them count."""
        return _fingerprint(self._ledger)

    @property
    def _ledger(self) -> tuple[str, ...]:
        # No tag has a space in it.
        return (*self.events, f"under {self.rules}") if self.events and self.rules else self.events


def _fingerprint(tags: Iterable[str]) -> str:
    """A short name for a set of tags."""
    return hashlib.sha256("\n".join(sorted(tags)).encode()).hexdigest()
