"""Writing the ledger: one event under its own tag is the commit point; the rest only shows it.

Whoever shows events looks at the tags once more afterwards, and shows again what came meanwhile. So
the last to write the index, and the last to move a stage, knew every event that was there before.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, seal
from lading.ledger.book import Book, LedgerStore, Shelf, Trouble
from lading.ledger.fold import Border, State
from lading.ledger.index import Segment, border_after, build, read_index
from lading.ledger.line import Line
from lading.ledger.line import mark as mark_of
from lading.ledger.read import reread
from lading.ports import Deleter
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import Event, Kind, Recorded, now
from lading.spec.manifest import Index
from lading.spec.tags import LEDGER, is_segment, segment_tag
from lading.transfer import read

# A registry looks for every child of an index that is put, so long lists make slow writes.
SEGMENT: Final = 2000
# Others may be writing all the time; they show what they write, too.
_PATIENCE: Final = 60.0
_SEQ_LIMIT: Final = 10**8

Fold = Callable[[Book], State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event before it is known what it comes after."""

    kind: Kind
    repository: str
    digest: Digest
    actor: str
    model: Digest | None = None
    version: str | None = None
    reason: str | None = None
    stage: str | None = None
    previous: Digest | None = None
    shared: bool = False
    protected: bool = False
    policy: Digest | None = None
    evidence: tuple[Digest, ...] = ()
    expires: str | None = None
    where: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    window: tuple[str, str] | None = None


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
    if state.seq + 1 >= _SEQ_LIMIT:
        raise InvalidInput(
            "the ledger has no more numbers",
            cause=f"an event claims the number {state.seq}",
            hint="lading ledger verify says which; remove its tag",
        )
    fields = {name: getattr(draft, name) for name in Draft.__slots__}
    sealed = seal(
        Event(
            **fields,
            seq=state.seq + 1,
            parents=state.parents,
            time=now(),
            nonce=secrets.token_hex(16),
        )
    )
    if book.is_empty:
        # Every event has this config; where there are events it is there.
        store.push(EMPTY_CONFIG, BytesContent(EMPTY))
    store.push(sealed.layer, BytesContent(sealed.content))
    store.push(sealed.descriptor, BytesContent(sealed.manifest.raw), sealed.tag)
    return sealed.recorded


def settle(
    store: LedgerStore,
    book: Book,
    *,
    fold: Fold,
    stages: Iterable[str] = (),
    leave: Collection[str] = frozenset(),
    shelf: Shelf | None = None,
    roll: bool = True,
) -> Settled:
    """Show what is recorded: list it in the index, and let stages' tags name what they should.

    ``stages`` are looked at in any case; those that unlisted events move are, too, but for those to
    ``leave``. With ``roll`` a full part of the ledger is put away when it can be.

    Raises:
        LadingError: the registry refuses. What was recorded stays recorded: run it again, or
            ``lading ledger repair``.
    """
    showing = _Showing(store, fold, shelf, roll, leave)
    return showing.settled(reread(store, book, shelf=shelf), set(stages))


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
        if book.is_empty:
            return book
        listing = _listing(book)
        full = len(listing.lines) >= (SEGMENT if self.roll else 2 * SEGMENT)
        if full and (border := border_after(state)):
            listing, book = self._rolled(listing, book, state, border)
        index = build(listing.lines, state, listing.border, listing.segments)
        if index.descriptor.digest != self.index:
            self._put(index, LEDGER)
            self.index = index.descriptor.digest
            self.wrote = True
        return replace(book, listed=read_index(index))

    def _rolled(
        self, listing: _Listing, book: Book, state: State, border: Border
    ) -> tuple[_Listing, Book]:
        """Put everything that is listed away under a tag of its own, and begin anew behind it."""
        taken = [int(name[-4:]) for name in book.names if is_segment(name)]
        tag = segment_tag(1 + max(taken, default=0))
        full = build(listing.lines, state, listing.border, listing.segments)
        self._put(full, tag)
        segment = Segment(tag, full.descriptor.digest, len(listing.lines))
        if book.whole:
            book = replace(book, put_away=frozenset(book.lines))
        else:
            book = replace(book, lines={})
        return _Listing((), border, (*listing.segments, segment)), book

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
        if (there := named(self.store, stage)) != wanted:
            self._tell("drift", f"{stage} names {there or 'nothing'} although it was just moved")

    def _untag(self, stage: str) -> None:
        if not isinstance(self.store, Deleter):
            raise Unsupported("this store cannot remove a tag")
        self.store.untag(stage)

    def _tell(self, kind: str, what: str) -> None:
        self.troubles.append(Trouble(kind, what))


@dataclass(frozen=True, slots=True)
class _Listing:
    """What the index lists, and what was put away before."""

    lines: tuple[Line, ...]
    border: Border | None
    segments: tuple[Segment, ...]


def _listing(book: Book) -> _Listing:
    """What is listed as it is; everything anew where an event belongs before the border."""
    listed = book.listed
    if listed and listed.border:
        kept = {mark: line for mark, line in book.lines.items() if mark not in book.put_away}
        known = {*kept, mark_of(listed.border.head)}
        if all(parent in known for line in kept.values() for parent in line.parents):
            return _Listing(tuple(kept.values()), listed.border, listed.segments)
    return _Listing(tuple(book.lines.values()), None, ())


def named(store: LedgerStore, name: str) -> Digest | None:
    """What a tag names; None where there is no such tag."""
    try:
        return store.resolve(name).digest
    except NotFound:
        return None
