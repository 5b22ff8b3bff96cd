"""Reading the ledger: lightly, by its index and what that does not list, or event by event."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.artifact import demand_own_tag, unseal
from lading.ledger.book import Book, LedgerStore, Shelf, Trouble, event_tags
from lading.ledger.index import LedgerIndex, Segment, read_index
from lading.ledger.line import Line
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.event import Recorded
from lading.spec.manifest import Index, parse
from lading.spec.tags import LEDGER, event_of
from lading.transfer import read
from lading.transfer.pool import run

_log = logging.getLogger(__name__)

_TRIES: Final = 4
_PAUSE: Final = 0.05
JOBS: Final = 8


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

    def book(self, *, whole: bool) -> Book:
        listed = self._index()
        lines = {line.mark: line for line in listed.lines} if listed else {}
        tags = event_tags(self.names)
        border = listed.border if listed else None
        if border and not whole:
            older = [mark for mark, tag in tags.items() if _seq(tag) <= border.seq]
            # More than were put away: somebody wrote who had not seen the border.
            whole = len(older) > border.count
            tags = {mark: tag for mark, tag in tags.items() if _seq(tag) > border.seq}
        if whole:
            return self._whole(listed, lines)
        new = self._tagged(tag for mark, tag in tags.items() if mark not in lines)
        lines |= {mark: Line.of(recorded, size) for mark, (recorded, size) in new.items()}
        book = Book(
            self.names,
            self._sound(lines),
            listed,
            {mark: recorded for mark, (recorded, _) in new.items()},
            troubles=tuple(self.troubles),
        )
        if border and book.state().missing:
            return self._whole(listed, lines)
        return book

    def continued(self, book: Book) -> Book:
        known = event_tags(book.names) | dict.fromkeys(book.lines, "")
        tags = event_tags(self.names)
        new = self._tagged(tag for mark, tag in tags.items() if mark not in known)
        added = {mark: Line.of(recorded, size) for mark, (recorded, size) in new.items()}
        continued = replace(
            book,
            names=self.names,
            lines=self._sound({**book.lines, **added}),
            records={**book.records, **{mark: found for mark, (found, _) in new.items()}},
            troubles=(*book.troubles, *self.troubles),
        )
        if book.border and continued.state().missing:
            return replace(self.book(whole=True), troubles=continued.troubles)
        return continued

    def _whole(self, listed: LedgerIndex | None, lines: dict[str, Line]) -> Book:
        """Every event, read itself; those whose tag is gone, from the lists."""
        away: dict[str, Line] = {}
        for segment in listed.segments if listed else ():
            away |= {line.mark: line for line in self._segment(segment)}
        hinted = {**away, **lines}
        records: dict[str, tuple[Recorded, int]] = {}

        def look(line: Line) -> None:
            if found := self._listed(line):
                records[line.mark] = found

        run(look, hinted.values(), jobs=self.jobs, on_failure=lambda: None)
        tags = event_tags(self.names)
        records |= self._tagged(tag for mark, tag in tags.items() if mark not in records)
        true = {mark: Line.of(recorded, size) for mark, (recorded, size) in records.items()}
        for mark, line in hinted.items():
            if mark not in true:
                continue
            # Who judged is not known here; whoever has a policy judges again.
            true[mark] = replace(true[mark], refused=line.refused)
            if true[mark] != line:
                self._tell("hint", f"the ledger's index is wrong about the event {line.tag}")
        sound = self._sound(true)
        return Book(
            self.names,
            sound,
            listed,
            {mark: recorded for mark, (recorded, _) in records.items() if mark in sound},
            put_away=frozenset(away) & sound.keys(),
            whole=True,
            troubles=tuple(self.troubles),
        )

    def _index(self) -> LedgerIndex | None:
        if LEDGER not in self.names:
            return None
        try:
            return self._parsed_index(LEDGER)
        except NotFound as gone:
            self._tell("index", f"the ledger's index cannot be read: {gone}")
        except (InvalidInput, IntegrityError) as damaged:
            self._tell("index", f"the ledger's index is damaged: {damaged}")
        return None

    def _segment(self, segment: Segment) -> tuple[Line, ...]:
        for name in (segment.digest, segment.tag):
            try:
                return self._parsed_index(name).lines
            except (NotFound, InvalidInput, IntegrityError) as error:
                _log.debug("%s is not there: %s", name, error)
        self._tell("segment", f"the part {segment.tag} of the ledger is gone or damaged")
        return ()

    def _parsed_index(self, name: str) -> LedgerIndex:
        descriptor = self._resolved(name)
        index = parse(read(self.store, descriptor), descriptor.media_type)
        if not isinstance(index, Index):
            raise InvalidInput(f"{name} is no index")
        return read_index(index)

    def _listed(self, line: Line) -> tuple[Recorded, int] | None:
        """An event by its digest; None where it is gone or damaged (its tag may still help)."""
        descriptor = Descriptor(mediatypes.IMAGE_MANIFEST, line.digest, line.size)
        try:
            kept = self.shelf.blob(line.digest) if self.shelf else None
            if kept is not None:
                return unseal(self.store, descriptor, kept), len(kept)
            return self._unsealed(self.store.resolve(line.digest))
        except (NotFound, InvalidInput, IntegrityError) as error:
            if line.tag not in self.names:
                self._tell("lost", f"the event {line.tag} is gone: {error}")
            return None

    def _tagged(self, tags: Iterable[str]) -> dict[str, tuple[Recorded, int]]:
        """The events under some tags, by their marks."""
        found: dict[str, tuple[Recorded, int]] = {}

        def look(tag: str) -> None:
            try:
                recorded, size = self._unsealed(self._resolved(tag))
                demand_own_tag(recorded, tag)
            except (NotFound, InvalidInput, IntegrityError) as error:
                self._tell("strange", f"the tag {tag} names no event that counts: {error}")
            else:
                found[recorded.digest.hex[:16]] = recorded, size

        run(look, sorted(tags), jobs=self.jobs, on_failure=lambda: None)
        return found

    def _unsealed(self, descriptor: Descriptor) -> tuple[Recorded, int]:
        raw = read(self.store, descriptor)
        recorded = unseal(self.store, descriptor, raw)
        if self.shelf:
            self.shelf.keep(descriptor, raw)
        return recorded, len(raw)

    def _resolved(self, name: str) -> Descriptor:
        for attempt in range(_TRIES):
            try:
                return self.store.resolve(name)
            except NotFound:
                # Distribution 2.x writes a tag in place: for a moment nothing is there.
                if attempt + 1 == _TRIES or name not in self.names:
                    raise
                time.sleep(_PAUSE * (attempt + 1))
        raise AssertionError("the last try returns or raises")

    def _sound(self, lines: dict[str, Line]) -> dict[str, Line]:
        """The lines whose place in the order is the one that their parents give them."""
        sound = dict(lines)
        for mark, line in sorted(lines.items(), key=lambda item: item[1].order):
            above = [sound[parent].seq for parent in line.parents if parent in sound]
            known = len(above) == len(line.parents)
            if any(seq >= line.seq for seq in above) or (
                known and line.seq != 1 + max(above, default=0)
            ):
                self._tell("seq", f"the event {line.tag} claims a place that is not its own")
                del sound[mark]
        return sound

    def _tell(self, kind: str, what: str) -> None:
        self.troubles.append(Trouble(kind, what))


def _seq(tag: str) -> int:
    found = event_of(tag)
    assert found is not None
    return found[0]
