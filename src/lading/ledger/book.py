"""What was read of a repository's ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lading.ledger.fold import Border, State, fold
from lading.ledger.index import LedgerIndex
from lading.ledger.line import Line
from lading.ports import Lister, Store
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import REMOVED, Recorded
from lading.spec.tags import LEDGER, event_of


class LedgerStore(Store, Lister, Protocol):
    """A store that a ledger can be kept in."""


class Shelf(Protocol):
    """Where events that were read once are kept: they never change."""

    def blob(self, digest: Digest) -> bytes | None:
        """Bytes that were kept."""
        ...

    def keep(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep some bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about the ledger that is not as it should be."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Book:
    """The events of a repository as far as they were read, and every tag beside them.

    A *whole* book was made from the events themselves, all of them. One that is not took the
    index's word for those it lists, and begins where a full part of the ledger was put away.
    """

    names: frozenset[str]
    lines: Mapping[str, Line]
    listed: LedgerIndex | None = None
    records: Mapping[str, Recorded] = field(default_factory=dict, repr=False)
    # The lines that lie in full parts of the ledger, where those were read.
    put_away: frozenset[str] = frozenset()
    whole: bool = False
    troubles: tuple[Trouble, ...] = ()

    @property
    def border(self) -> Border | None:
        """Where the lines begin."""
        return None if self.whole or self.listed is None else self.listed.border

    @property
    def unlisted(self) -> tuple[Line, ...]:
        """The events that the index does not list: committed, and not yet shown."""
        listed = {line.mark for line in self.listed.lines} if self.listed else set()
        return tuple(
            line
            for mark, line in self.lines.items()
            if mark not in listed and mark not in self.put_away
        )

    @property
    def untagged(self) -> tuple[Line, ...]:
        """The events whose own tag is gone."""
        return tuple(line for line in self.lines.values() if line.tag not in self.names)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever recorded here."""
        return not self.lines and self.border is None

    def state(
        self,
        *,
        protected: Collection[str] = frozenset(),
        refused: Collection[Digest] | None = None,
    ) -> State:
        """What follows from the events."""
        return fold(self.lines.values(), border=self.border, protected=protected, refused=refused)

    def ordered(self) -> tuple[Recorded, ...]:
        """The events themselves, parents before children; all of them in a whole book only."""
        return tuple(sorted(self.records.values(), key=lambda recorded: recorded.order))


def given(lines: Iterable[Line]) -> dict[str, tuple[Digest, ...]]:
    """To which content each version was registered, by its tag; the first content first."""
    found: dict[str, dict[Digest, None]] = {}
    for line in sorted(lines, key=lambda line: line.order):
        if line.kind == "registered" and line.version:
            found.setdefault(line.version.replace("+", "_"), {})[line.subject] = None
    return {tag: tuple(digests) for tag, digests in found.items()}


def removed(book: Book) -> dict[tuple[str, Digest], str]:
    """Who removed which version in order, as tag and content; a whole book knows them all."""
    said = (recorded.event for recorded in book.ordered())
    return {
        (event.version.replace("+", "_"), event.digest): event.actor
        for event in said
        if event.kind == "noted" and event.reason == REMOVED and event.version
    }


def event_tags(names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The tags of events among some names, lowest first, by the mark in them.

    An event has one tag of its own; whoever may write can give it others, which count for nothing.
    """
    tags: dict[str, list[str]] = {}
    for name in sorted(names):
        if found := event_of(name):
            tags.setdefault(found[1], []).append(name)
    return {mark: tuple(each) for mark, each in tags.items()}


def seq_in(tag: str) -> int:
    """The number in an event's tag."""
    found = event_of(tag)
    assert found is not None
    return found[0]


def tags_until(names: Collection[str], seq: int) -> dict[str, tuple[str, ...]]:
    """Those of them whose number is at most this."""
    return event_tags([name for name in names if event_of(name) and seq_in(name) <= seq])


def is_ledger(name: str) -> bool:
    """Whether a tag belongs to the ledger: the index, a full part of it, or an event."""
    return name == LEDGER or name.startswith(f"{LEDGER}-") or event_of(name) is not None
