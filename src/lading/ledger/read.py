"""Reading the ledger: lightly, by its index and what that does not list, or event by event."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.artifact import MANIFEST_LIMIT, demand_own_tag, unseal
from lading.ledger.book import (
    Book,
    LedgerStore,
    Shelf,
    Trouble,
    event_tags,
    seq_in,
    tags_until,
)
from lading.ledger.fold import Border, combined
from lading.ledger.index import LedgerIndex
from lading.ledger.line import Line
from lading.ledger.line import mark as mark_of
from lading.ledger.place import sound
from lading.ledger.put_away import PutAway, parsed_index, resolved
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.tags import LEDGER, event_of, event_tag
from lading.transfer import read
from lading.transfer.pool import run

_log = logging.getLogger(__name__)

JOBS: Final = 8
# Anybody may write events that name parents which never were, 64 each.
_MOST_LOST: Final = 256

# An event, and how large its manifest is.
_Found = tuple[Recorded, int]


def read_book(
    store: LedgerStore,
    *,
    whole: bool = False,
    names: Iterable[str] | None = None,
    shelf: Shelf | None = None,
    jobs: int = JOBS,
) -> Book:
    """The ledger of a repository: two requests, and one for each event the index does not list.

    A whole book costs a request for each event that is not on the shelf.

    Raises:
        LadingError: the store cannot be read. What is wrong with the ledger itself is among the
            book's troubles.
    """
    reading = _Reading(store, frozenset(store.names() if names is None else names), shelf, jobs)
    return reading.book(whole=whole)


def reread(store: LedgerStore, book: Book, *, shelf: Shelf | None = None) -> Book:
    """The book with what was written since: one request, and one for each new event.

    The index is not read again: whoever writes it last answers for it.
    """
    reading = _Reading(store, frozenset(store.names()), shelf, JOBS)
    return reading.continued(book)


@dataclass(slots=True)
class _Reading:
    store: LedgerStore
    names: frozenset[str]
    shelf: Shelf | None
    jobs: int
    troubles: list[Trouble] = field(default_factory=list)
    # What the full parts of the ledger list, once they were read.
    away: dict[str, Line] | None = None

    def book(self, *, whole: bool) -> Book:
        listed = self._index()
        hints = {line.mark: line for line in listed.lines} if listed else {}
        border = listed.border if listed else None
        if whole or (listed and border and self._is_late(listed, border, hints)):
            return self._whole(listed, hints)
        # The list alone says that these were events: worth a look.
        found = self._by_digest(line for line in hints.values() if line.tag not in self.names)
        unread = self._doubtful(event_tags(self.names), hints)
        found |= self._tagged(tag for tag in unread if not border or seq_in(tag) > border.seq)
        lines = {mark: line for mark, line in hints.items() if line.tag in self.names}
        lines = self._sound(lines | self._lines(found, hints), border)
        book = Book(
            self.names,
            lines,
            listed,
            {mark: recorded for mark, (recorded, _) in found.items() if mark in lines},
            troubles=self._told(),
        )
        if border and book.state().missing:
            return self._whole(listed, hints)
        return book

    def continued(self, book: Book) -> Book:
        own = {line.tag for line in book.lines.values()}
        found = self._tagged(
            name for name in self.names - book.names - own if event_of(name) is not None
        )
        found = {mark: each for mark, each in found.items() if mark not in book.lines}
        border = book.border
        lines = self._sound({**book.lines, **self._lines(found, {})}, border)
        records = {mark: recorded for mark, (recorded, _) in found.items() if mark in lines}
        continued = replace(
            book,
            names=self.names,
            lines=lines,
            records={**book.records, **records},
            troubles=self._told(book.troubles),
        )
        late = border and any(line.seq <= border.seq for line in lines.values())
        if late or (border and continued.state().missing):
            return self.book(whole=True)
        return continued

    def _is_late(self, listed: LedgerIndex, border: Border, hints: Mapping[str, Line]) -> bool:
        """Whether an event belongs behind the border that whoever drew it had not seen."""
        if any(line.seq <= border.seq for line in hints.values()) or not self._stands(border):
            return True
        older = tags_until(self.names, border.seq)
        if len(older) == border.count and combined(older) == border.marks:
            return False
        away = self._put_away(listed)
        lines = self._lines(self._tagged(self._doubtful(older, away)), away)
        kept = self._sound(away | lines)
        return any(mark in kept and away.get(mark) != line for mark, line in lines.items())

    def _stands(self, border: Border) -> bool:
        """Whether the border's number is that of its head; what comes later is counted from it."""
        own = event_tag(border.seq, border.head)
        if event_tags(self.names).get(mark_of(border.head)) == (own,):
            return True
        try:
            head, _ = self._unsealed(self.store.resolve(border.head))
        except (NotFound, InvalidInput, IntegrityError) as error:
            _log.debug("nobody can tell where the ledger's border is: %s", error)
            return False
        return head.event.seq == border.seq

    def _whole(self, listed: LedgerIndex | None, hints: Mapping[str, Line]) -> Book:
        """Every event, read itself; those whose tag is gone, from the lists."""
        away = self._put_away(listed)
        hints = {**away, **hints}
        found = self._by_digest(hints.values())
        read_so = {mark: Line.of(recorded, size) for mark, (recorded, size) in found.items()}
        found |= self._tagged(self._doubtful(event_tags(self.names), read_so))
        self._follow_parents(found)
        lines = self._sound(self._lines(found, hints))
        return Book(
            self.names,
            lines,
            listed,
            {mark: recorded for mark, (recorded, _) in found.items() if mark in lines},
            # What was put away wrongly is to be listed anew.
            put_away=frozenset(mark for mark, hint in away.items() if lines.get(mark) == hint),
            whole=True,
            troubles=self._told(),
        )

    @staticmethod
    def _doubtful(tags: Mapping[str, tuple[str, ...]], known: Mapping[str, Line]) -> Iterator[str]:
        """The tags that have to be read: all of an event that has not its own and no other."""
        for mark, each in tags.items():
            if mark not in known or each != (known[mark].tag,):
                yield from each

    def _lines(self, found: Mapping[str, _Found], hints: Mapping[str, Line]) -> dict[str, Line]:
        """The lines of events that were read, whatever the index said of them."""
        lines: dict[str, Line] = {}
        for mark, (recorded, size) in found.items():
            lines[mark] = Line.of(recorded, size)
            if hint := hints.get(mark):
                # Who judged is not known here; whoever has a policy judges again.
                lines[mark] = replace(lines[mark], refused=hint.refused)
                if lines[mark] != hint:
                    tag = lines[mark].tag
                    self._tell("hint", f"the ledger's index is wrong about the event {tag}")
        return lines

    def _put_away(self, listed: LedgerIndex | None) -> dict[str, Line]:
        """What the full parts of the ledger list."""
        if self.away is None:
            away = PutAway.of(self.store, self.names)
            segments = listed.segments if listed else ()
            self.away = {line.mark: line for part in segments for line in away.lines(part)}
            for what in away.troubles:
                self._tell("segment", what)
        return self.away

    def _follow_parents(self, found: dict[str, _Found]) -> None:
        """Add events that neither a tag nor a list names any more, where others came after them."""
        asked = set(found)
        room = _MOST_LOST
        while lost := _parents(found, asked):
            if len(lost) > room:
                self._tell(
                    "many",
                    f"more than {_MOST_LOST} events are gone that others were written after;"
                    " the older ones were not looked for",
                )
                lost = lost[:room]
            room -= len(lost)
            asked.update(map(mark_of, lost))

            def look(digest: Digest) -> None:
                with suppress(NotFound, InvalidInput, IntegrityError):
                    found[mark_of(digest)] = self._unsealed(self.store.resolve(digest))

            run(look, lost, jobs=self.jobs, on_failure=lambda: None)
            if not room:
                return

    def _index(self) -> LedgerIndex | None:
        if LEDGER not in self.names:
            return None
        try:
            descriptor = resolved(self.store, LEDGER, self.names)
            return parsed_index(self.store, descriptor)
        except NotFound as gone:
            self._tell("index", f"the ledger's index cannot be read: {gone}")
        except (InvalidInput, IntegrityError) as damaged:
            self._tell("index", f"the ledger's index is damaged: {damaged}")
        return None

    def _by_digest(self, lines: Iterable[Line]) -> dict[str, _Found]:
        """Listed events; without those that are gone or damaged (their tag may still help)."""
        found: dict[str, _Found] = {}

        def look(line: Line) -> None:
            try:
                found[line.mark] = self._kept(line) or self._unsealed(
                    self.store.resolve(line.digest)
                )
            except (NotFound, InvalidInput, IntegrityError) as error:
                if line.tag not in self.names:
                    self._tell("lost", f"the event {line.tag} is gone: {error}")

        run(look, lines, jobs=self.jobs, on_failure=lambda: None)
        return found

    def _kept(self, line: Line) -> _Found | None:
        """The event as it lies on the shelf, if it does, unharmed."""
        raw = self.shelf.blob(line.digest) if self.shelf else None
        if raw is None or Digest.of(raw) != line.digest:
            return None
        descriptor = Descriptor(mediatypes.IMAGE_MANIFEST, line.digest, len(raw))
        return unseal(self.store, descriptor, raw), len(raw)

    def _tagged(self, tags: Iterable[str]) -> dict[str, _Found]:
        """The events under some tags, by their marks."""
        found: dict[str, _Found] = {}

        def look(tag: str) -> None:
            try:
                recorded, size = self._unsealed(resolved(self.store, tag, self.names))
                demand_own_tag(recorded, tag)
            except (NotFound, InvalidInput, IntegrityError) as error:
                self._tell("strange", f"the tag {tag} names no event that counts: {error}")
            else:
                found[tag] = recorded, size

        run(look, sorted(tags), jobs=self.jobs, on_failure=lambda: None)
        # The lowest last, so that everybody takes the same of two whose marks somebody made alike.
        return {mark_of(found[tag][0].digest): found[tag] for tag in sorted(found, reverse=True)}

    def _unsealed(self, descriptor: Descriptor) -> _Found:
        raw = read(self.store, descriptor, limit=MANIFEST_LIMIT)
        recorded = unseal(self.store, descriptor, raw)
        if self.shelf:
            self.shelf.keep(descriptor, raw)
        return recorded, len(raw)

    def _sound(self, lines: Mapping[str, Line], border: Border | None = None) -> dict[str, Line]:
        """The lines whose place in the order is the one that their parents give them."""
        kept = sound(lines.values(), border)
        for mark, line in lines.items():
            if mark not in kept:
                self._tell("seq", f"the event {line.tag} claims a place that is not its own")
        return kept

    def _told(self, before: tuple[Trouble, ...] = ()) -> tuple[Trouble, ...]:
        """Every trouble once, in the same order whichever thread was quicker."""
        told = dict.fromkeys((*before, *self.troubles))
        return tuple(sorted(told, key=lambda trouble: (trouble.kind, trouble.what)))

    def _tell(self, kind: str, what: str) -> None:
        self.troubles.append(Trouble(kind, what))


def _parents(found: Mapping[str, _Found], asked: Collection[str]) -> list[Digest]:
    """The parents that were not asked for, those of the newest events first."""
    newest = sorted(
        (recorded for recorded, _ in found.values()), key=lambda each: each.order, reverse=True
    )
    parents = (parent for recorded in newest for parent in recorded.event.parents)
    return [parent for parent in dict.fromkeys(parents) if mark_of(parent) not in asked]
