"""A repository that is watched: what is new in its ledger, verified, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.event import EventResult, described, read_event
from lading.spec.event import KINDS, MOVES, Recorded, stage_name
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.hooks.cursor import Cursor
    from lading.ledger.book import Book
    from lading.ledger.line import Line
    from lading.operations.lifecycle.logbook import Logbook
    from lading.settings import Settings

_log = logging.getLogger(__name__)

# What is told where nothing is asked for: a version is there, a stage moved.
_USUAL = frozenset({"registered", "assigned", "cleared"})
# A tag that names nothing for a moment is asked for again at once, one that names nonsense now and
# then: what cannot be read today may be there tomorrow, and nobody starts a watch anew for that.
_ATTEMPTS = 3
_SELDOM = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are told."""

    stage: str | None
    kinds: frozenset[str]

    @classmethod
    def of(cls, stage: str | None, kinds: Collection[str]) -> Wanted:
        """What was asked for: by default registrations and moves, of one stage its moves.

        Raises:
            InvalidInput: there is no such kind, or no stage may have that name.
        """
        if unknown := set(kinds) - KINDS:
            raise InvalidInput(
                f"unknown kind of event: {min(unknown)[:40]!r}", hint=", ".join(sorted(KINDS))
            )
        usual = _USUAL if stage is None else MOVES
        return cls(stage_name(stage) if stage else None, frozenset(kinds) or usual)

    def takes(self, recorded: Recorded) -> bool:
        """Whether this is one of them."""
        event = recorded.event
        return event.kind in self.kinds and self.stage in (None, event.stage)

    def must_count(self, recorded: Recorded) -> bool:
        """Whether it is told only if it counts: where a stage is watched, moves do something."""
        return self.stage is not None and recorded.event.moves


class Watched:
    """One repository. Every round costs a request, and one more for each new event."""

    def __init__(
        self,
        place: Reference,
        wanted: Wanted,
        settings: Settings,
        on_note: Callable[[str], object],
    ) -> None:
        self.place = place
        self._note = on_note
        self._wanted = wanted
        self._settings = settings
        self._opened: Logbook | None = None
        self._book: Book | None = None
        # How often each was looked at in vain.
        self._unread: dict[str, int] = {}
        self._unjudged: dict[str, int] = {}

    @property
    def repository(self) -> str:
        """What the cursor and those who are told call it."""
        return self.place.base

    def new(
        self, cursor: Cursor, sinks: Collection[str], *, from_start: bool
    ) -> Iterator[tuple[str, EventResult]]:
        """The events that are still to be told, with their tags, in the order of the ledger.

        Raises:
            LadingError: the repository cannot be read now; nothing is lost.
        """
        try:
            book = self._read()
        except NotFound:
            if self.place.host is None and self.place.layout is None:
                # Nothing was there before, so all that comes is new. Of a registry and a folder a
                # passing trouble looks the same.
                self._begun(cursor, sinks, ())
            raise
        waiting = self._waiting(book, cursor, sinks, from_start)
        if not book.whole and any(mark not in book.lines for _, mark in waiting):
            book = self._whole(book)  # what is waited for may be older than the index
        disputed: frozenset[str] | None = None
        for tag, mark in waiting:
            recorded = self._recorded(book, tag, mark)
            if recorded is None:
                continue
            if not self._wanted.takes(recorded):
                for sink in sinks:
                    cursor.set(self.repository, tag, sink, "passed")
                continue
            if self._wanted.must_count(recorded):
                disputed = self._disputed(book) if disputed is None else disputed
                if mark in disputed:
                    continue  # it may count later: when a dispute is settled
            yield tag, described(self.place, recorded)

    def _waiting(
        self, book: Book, cursor: Cursor, sinks: Collection[str], from_start: bool
    ) -> list[tuple[str, str]]:
        """The tags and marks of events of which somebody is still to be told, in order."""
        from lading.ledger.book import event_tags

        # What follows from the ledger is told even where its tag was lost. Who reads lightly does
        # not know what was put away, nor that it came before.
        listed = book.listed.border if book.listed else None
        begins = listed.seq if listed and self._wanted.stage is None else 0
        tags = {tag: mark for mark, own in event_tags(book.names).items() for tag in own}
        tags |= {line.tag: mark for mark, line in book.lines.items() if line.seq > begins}
        before = () if from_start else tuple(tags)
        begun = self._begun(cursor, sinks, before)
        if any(begun) and not from_start:
            self._note(f"{self.repository} is watched from now on (cursor {cursor.name})")
        settled = cursor.settled(self.repository, sinks)
        return sorted((tag, mark) for tag, mark in tags.items() if tag not in settled)

    def _begun(self, cursor: Cursor, sinks: Collection[str], before: tuple[str, ...]) -> list[bool]:
        """Of which sinks the cursor begins now: they are not told what was before."""
        return [cursor.begin(self.repository, sink, before) for sink in sinks]

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing when it was read, as where nobody pushed yet."""
        return self._book is not None and not self._book.names

    @property
    def was_read(self) -> bool:
        """Whether it could be read at least once: then what is wrong now came later."""
        return self._book is not None

    def _recorded(self, book: Book, tag: str, mark: str) -> Recorded | None:
        """An event that has its place in the ledger; None where it cannot be had now.

        It is told by its own tag alone: another one that somebody gave it tells nothing new.
        """
        from lading.ledger.artifact import demand_own_tag

        line = book.lines.get(mark)
        is_own = line is not None and line.tag == tag
        if found := book.records.get(mark):
            return found if is_own else None
        looks = self._unread.get(tag, 0)
        self._unread[tag] = looks + 1
        why: object = "it is no event that counts"
        if line and is_own and _is_due(looks):
            try:
                recorded = read_event(self._logbook.store, line.digest)
                demand_own_tag(recorded, tag)
            except (NotFound, InvalidInput, IntegrityError) as error:
                why = error
            else:
                del self._unread[tag]
                return recorded
        if looks + 1 == _ATTEMPTS:
            _log.warning(
                "%s:%s is not told: %s; it is asked for again now and then",
                *(self.repository, tag, why),
            )
        return None

    @property
    def _logbook(self) -> Logbook:
        from lading.operations.lifecycle.logbook import open_logbook

        if self._opened is None:
            # A mirror that is behind would tell of moves that never happened.
            store = stores.open_store(self.place, self._settings, own_word=True)
            self._opened = open_logbook(self.place, self._settings, store=store)
            stage = self._wanted.stage
            if stage is not None and stage not in self._opened.stages:
                _log.warning(
                    "%s: no policy here declares the stage %s; %s",
                    *(self.repository, stage, _declared(stage, self._opened.stages)),
                )
        return self._opened

    def _read(self) -> Book:
        """The ledger as it is now: one request, where it was read before."""
        from lading.ledger.read import read_book, reread

        logbook = self._logbook
        if self._book is None:
            # Who acts on a stage believes no index.
            whole = self._wanted.stage is not None
            self._book = read_book(logbook.store, whole=whole, shelf=logbook.shelf)
            if self.is_empty:
                self._note(f"there is no {self.repository} yet: it is watched for what comes")
        else:
            self._book = reread(logbook.store, self._forgetting(self._book), shelf=logbook.shelf)
        return self._book

    def _whole(self, book: Book) -> Book:
        """The ledger, read event by event."""
        from lading.ledger.read import read_book

        logbook = self._logbook
        self._book = read_book(logbook.store, whole=True, names=book.names, shelf=logbook.shelf)
        return self._book

    def _forgetting(self, book: Book) -> Book:
        """The book without the names that could not be read, so that they are tried again."""
        from dataclasses import replace

        again = {tag for tag, looks in self._unread.items() if _is_due(looks)}
        return replace(book, names=book.names - again, troubles=())

    def _disputed(self, book: Book) -> frozenset[str]:
        """The marks of moves that do nothing: refused, or in a dispute that is not settled."""
        from lading.ledger.line import mark

        protected, name = self._logbook.protected, str(self._wanted.stage)
        moves = [m for m in book.lines.values() if m.moves and m.stage == name]
        refused = {m.digest for m in moves if not self._may_count(book, m)}
        state = book.state(protected=protected, refused=refused)
        # Those that are left may have been in dispute before; each time there are fewer.
        while (stage := state.stage(name)).kept:
            agreed = frozenset.intersection(*(_ancestors(book, mark(d)) for d in stage.fork))
            disputing = [move for move in moves if move.digest in stage.fork]
            versions = {move.subject for move in disputing}
            one_by_one = all(move.shared for move in disputing)
            refused |= {
                move.digest
                for move in moves
                if move.mark not in agreed and (move.subject in versions or not one_by_one)
            }
            state = book.state(protected=protected, refused=refused)
        return frozenset(map(mark, refused))

    def _may_count(self, book: Book, move: Line) -> bool:
        """Whether the policy lets a move in; one of which nobody can say does not count.

        Every move is judged by itself: one that another has surpassed was never looked at, and
        one that names no version at all must not keep the others from being judged.
        """
        if self._wanted.stage not in self._logbook.protected:
            return not move.refused
        looks = self._unjudged.get(move.tag, 0)
        if _is_due(looks):
            try:
                return self._logbook.judge.counts(book, move.digest)
            except (NotFound, InvalidInput, IntegrityError) as error:
                if looks + 1 == _ATTEMPTS:
                    _log.warning(
                        "%s:%s cannot be judged, and is not told: %s",
                        *(self.repository, move.tag, error),
                    )
        self._unjudged[move.tag] = looks + 1
        return False


def _declared(stage: str, stages: tuple[str, ...]) -> str:
    """The stages that there are, the one first that is perhaps meant."""
    from lading.spec.nearest import near

    meant = "".join(f"did you mean {each}? " for each in near(stage, stages))
    return f"{meant}declared are {', '.join(stages)}"


def _is_due(looks: int) -> bool:
    """Whether what was looked at so often in vain is to be read this time."""
    return looks < _ATTEMPTS or looks % _SELDOM == 0


def _ancestors(book: Book, of: str) -> frozenset[str]:
    """Everything that an event was written after, by their marks."""
    found: set[str] = set()
    waiting = [of]
    while waiting:
        line = book.lines.get(waiting.pop())
        new = set(line.parents) - found if line else set()
        found |= new
        waiting += new
    return frozenset(found)


def place_of(model: str | Reference, settings: Settings) -> Reference:
    """The repository of a model that is to be watched.

    Raises:
        InvalidInput: it names one version of it.
    """
    from dataclasses import replace

    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(
            f"{place} is one version", cause="a whole model is watched", hint=f"{place.base}"
        )
    if place.layout is None:
        return place
    # The cursor must know the folder again from wherever the next watch is started.
    return replace(place, layout=str(Path(place.layout).expanduser().absolute()))
