"""Writing the ledger: one event under its own tag is the commit point; the rest only shows it.

Whoever shows events looks at the tags once more afterwards, and shows again what came meanwhile. So
the last to write the index, and the last to move a stage, knew every event that was there before.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, seal
from lading.ledger.book import Book, LedgerStore, Shelf, Trouble
from lading.ledger.fold import Border, State
from lading.ledger.index import Segment, border_after, read_index
from lading.ledger.line import Line
from lading.ledger.listing import Listing, listing_of, newest, parts
from lading.ledger.read import reread
from lading.ports import Deleter
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import SEQ_LIMIT, Draft, Recorded, now
from lading.spec.manifest import Index
from lading.spec.tags import LEDGER, is_segment, segment_tag
from lading.transfer import read

# A registry looks for every child of an index that is put, so long lists make slow writes.
SEGMENT: Final = 500
# Others may be writing all the time; they show what they write, too.
_PATIENCE: Final = 60.0
_TRIES: Final = 4
_PAUSE: Final = 0.05

Fold = Callable[[Book], State]


@dataclass(frozen=True, slots=True)
class Moved:
    """A stage's tag that was moved, or would have to be."""

    stage: str
    before: Digest | None
    after: Digest | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The ledger as it is shown now."""

    book: Book
    state: State
    moved: tuple[Moved, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    listed: bool = False


def record(store: LedgerStore, book: Book, draft: Draft, *, fold: Fold) -> Recorded:
    """Write an event after all that the book holds. When this returns, it happened.

    Raises:
        InvalidInput: the event is too large.
        LadingError: the registry refuses it; nothing happened.
    """
    state = fold(book)
    if state.seq + 1 >= SEQ_LIMIT:
        raise InvalidInput(
            "the ledger has no more numbers",
            cause=f"an event claims the number {state.seq}",
            hint="lading ledger verify says which; remove its tag",
        )
    event = draft.after(state.parents, seq=state.seq + 1, time=now(), nonce=secrets.token_hex(16))
    sealed = seal(event)
    if book.is_empty:
        # Every event has this config; where there are events it is there.
        store.push(EMPTY_CONFIG, BytesContent(EMPTY))
    store.push(sealed.layer, BytesContent(sealed.content))
    manifest = BytesContent(sealed.manifest.raw)
    try:
        store.push(sealed.descriptor, manifest, sealed.tag)
    except NotFound:
        # Events whose content somebody lost: the config that all of them share is gone, too.
        store.push(EMPTY_CONFIG, BytesContent(EMPTY))
        store.push(sealed.descriptor, manifest, sealed.tag)
    return sealed.recorded


def settle(
    store: LedgerStore,
    book: Book,
    *,
    fold: Fold,
    wrote: Iterable[Recorded] = (),
    stages: Iterable[str] = (),
    leave: Collection[str] = frozenset(),
    shelf: Shelf | None = None,
    roll: bool = True,
) -> Settled:
    """Show what is recorded: list it in the index, and let stages' tags name what they should.

    ``stages`` are looked at in any case; those that unlisted events move are, too, but for those to
    ``leave``. With ``roll`` a full part of the ledger is put away when it can be. What the caller
    ``wrote`` after the book was read need not be read again, and is shown even where a registry is
    slow to list new tags.

    Raises:
        LadingError: the registry refuses. What was recorded stays recorded: run it again, or
            ``lading ledger repair``.
    """
    showing = _Showing(store, fold, shelf, roll, leave)
    return showing.settled(reread(store, with_written(book, wrote), shelf=shelf), set(stages))


def with_written(book: Book, wrote: Iterable[Recorded]) -> Book:
    """The book with events that this process wrote itself."""
    sealed = [seal(recorded.event) for recorded in wrote]
    return replace(
        book,
        lines={**book.lines, **{s.mark: Line.of(s.recorded, s.descriptor.size) for s in sealed}},
        records={**book.records, **{s.mark: s.recorded for s in sealed}},
    )


@dataclass(slots=True)
class _Showing:
    store: LedgerStore
    fold: Fold
    shelf: Shelf | None
    roll: bool
    leave: Collection[str]
    # The index that was seen or put last.
    index: Digest | None = None
    moved: list[Moved] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    wrote: bool = False

    def settled(self, book: Book, stages: set[str]) -> Settled:
        self.index = book.listed.digest if book.listed else None
        stages |= self._moved_by(book.unlisted)
        deadline = time.monotonic() + _PATIENCE
        while True:
            state = self.fold(book)
            book = self._list(book, state)
            for stage in sorted(stages):
                self._move(state, stage)
            later = reread(self.store, book, shelf=self.shelf)
            new = [line for mark, line in later.lines.items() if mark not in book.lines]
            if not new:
                break
            if time.monotonic() > deadline:
                self.troubles.append(
                    Trouble("busy", "others keep writing; lading ledger repair shows the rest")
                )
                break
            stages |= self._moved_by(new)
            book = later
            time.sleep(random.uniform(0.0, 0.01))  # noqa: S311  no secret
        return Settled(book, state, tuple(self.moved), tuple(self.troubles), self.wrote)

    def _moved_by(self, lines: Iterable[Line]) -> set[str]:
        moved = {line.stage for line in lines if line.stage and line.moves}
        return moved - set(self.leave)

    def _list(self, book: Book, state: State) -> Book:
        """Put the index, unless the one that is there says the same."""
        if book.is_empty and LEDGER not in book.names:
            return book
        listing = listing_of(book, state)
        full = len(listing.lines) >= (SEGMENT if self.roll else 2 * SEGMENT)
        if full and (border := border_after(state)):
            listing, book = self._rolled(listing, book, state, border)
        index = newest(listing, state)
        if index.descriptor.digest != self.index:
            self._put(index, LEDGER)
            self.index = index.descriptor.digest
            self.wrote = True
        return replace(book, listed=read_index(index))

    def _rolled(
        self, listing: Listing, book: Book, state: State, border: Border
    ) -> tuple[Listing, Book]:
        """Put everything that is listed away under a tag of its own, and begin anew behind it."""
        segments = listing.segments
        # A part whose tag is gone may get it back.
        tags = {segment.tag for segment in segments} | book.names
        taken = [int(tag[-4:]) for tag in tags if is_segment(tag)]
        for number, full in enumerate(parts(listing, state, SEGMENT), 1 + max(taken, default=0)):
            self._put(full, segment_tag(number))
            count = len(full.manifests)
            segments += (Segment(segment_tag(number), full.descriptor.digest, count),)
        if book.whole:
            book = replace(book, put_away=frozenset(book.lines))
        else:
            book = replace(book, lines={})
        return Listing((), border, segments), book

    def _put(self, index: Index, name: str) -> None:
        self.store.push(index.descriptor, BytesContent(index.raw), name)

    def _move(self, state: State, stage: str) -> None:
        """Let a stage's tag name what the events say."""
        wanted = state.stage(stage).value
        current = named(self.store, stage)
        if current == wanted:
            return
        try:
            if wanted is None:
                self._untag(stage)
            else:
                root = self.store.resolve(wanted)
                self.store.push(root, BytesContent(read(self.store, root)), stage)
        except (NotFound, Unsupported) as error:
            self._tell("tag", f"the tag {stage} cannot follow the ledger: {error}")
            return
        self.moved.append(Moved(stage, current, wanted))
        if (there := self._read_back(stage, wanted)) != wanted:
            self._tell("drift", f"{stage} names {there or 'nothing'} although it was just moved")

    def _read_back(self, stage: str, wanted: Digest | None) -> Digest | None:
        for attempt in range(_TRIES):
            there = named(self.store, stage)
            if there or wanted is None:
                break
            # Distribution 2.x writes a tag in place: for a moment nothing is there.
            time.sleep(_PAUSE * attempt)
        return there

    def _untag(self, stage: str) -> None:
        if not isinstance(self.store, Deleter):
            raise Unsupported("this store cannot remove a tag")
        self.store.untag(stage)

    def _tell(self, kind: str, what: str) -> None:
        self.troubles.append(Trouble(kind, what))


def named(store: LedgerStore, name: str) -> Digest | None:
    """What a tag names; None where there is no such tag."""
    try:
        return store.resolve(name).digest
    except NotFound:
        return None
