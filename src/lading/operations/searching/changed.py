"""A repository whose tags are not those that are known: what has to be read of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.catalogue.state import KnownRepository, KnownVersion, Names, StagesKnown

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.spec.reference import Reference

# Whether a version may matter, by its place and its tag alone.
Wanted = Callable[["Reference", str], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """A repository whose tags are not those that are known, or that is to be read anew."""

    place: Reference
    base: str
    store: AnyStore
    names: Names
    # What was known, and what of that is believed.
    before: KnownRepository | None
    known: KnownRepository | None
    stages: StagesKnown
    wanted: Wanted | None
    # The ledger could not be read: it is what it was, and is asked again the next time.
    incomplete: bool = False

    @property
    def ledger_changed(self) -> bool:
        """Whether there are other events than at the last look."""
        return self.known is None or self.known.state.ledger != self.names.ledger

    @property
    def kept(self) -> tuple[KnownVersion, ...]:
        """The versions that need not be read."""
        if self.known is None:
            return ()
        # Where events were put away that nobody here saw, a version may have been pushed anew.
        missed = self.stages.begins > self.known.state.stages.seq
        now = set(self.names.versions)
        return tuple(
            v for v in self.known.versions if v.tag in now and not self._is_anew(v, missed)
        )

    def _is_anew(self, version: KnownVersion, missed: bool) -> bool:
        registered = self.stages.registered.get(version.tag)
        return missed if registered is None else registered != version.digest

    @property
    def unread(self) -> tuple[str, ...]:
        """The tags of the versions that are to be read."""
        return tuple(tag for tag in self._strange if self._is_wanted(tag))

    @property
    def passed_over(self) -> int:
        """How many versions are not known, and need not be."""
        return sum(not self._is_wanted(tag) for tag in self._strange)

    @property
    def _strange(self) -> list[str]:
        kept = {version.tag for version in self.kept}
        return [tag for tag in self.names.versions if tag not in kept]

    def _is_wanted(self, tag: str) -> bool:
        return self.wanted is None or self.wanted(self.place, tag)
