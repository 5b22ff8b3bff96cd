"""Letting tags and the index say what the events say. It removes no event and invents none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.audit import Displaced, displaced, look_at_own_tags, returnable, strayed
from lading.ledger.book import Book, LedgerStore, Shelf
from lading.ledger.read import read_book
from lading.ledger.write import Fold, Settled, settle
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.transfer import read


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done; nothing, where all was well or a repair had just been."""

    actions: tuple[str, ...]
    # What could not be mended, and why.
    left: tuple[str, ...]
    settled: Settled


def repair(
    store: LedgerStore,
    book: Book,
    fold: Fold,
    *,
    leave: Collection[str] = frozenset(),
    shelf: Shelf | None = None,
) -> Repaired:
    """Give events and versions their tags back, list events anew, and move stages' tags where the
    events say.

    A version's tag that something else moved goes back to the one content that was registered under
    it, by whatever policy; where it is gone altogether it stays so, since that may be meant.
    Killed at any moment and run again, it goes on; run twice, it changes nothing. Stages to
    ``leave`` are not moved: somebody else's policy has to judge their moves.

    Raises:
        LadingError: the store cannot be read or written.
    """
    if not book.whole:
        book = read_book(store, whole=True, shelf=shelf)
    mending = _Mending(store, [], [])
    looked = look_at_own_tags(store, book)
    for line in sorted(strayed(book, looked), key=lambda line: line.order):
        mending.name(line.tag, line.digest, "its event")
    for segment in book.listed.segments if book.listed else ():
        if looked.get(segment.tag) != segment.digest:
            mending.name(segment.tag, segment.digest, "a full part of the ledger")
    for version in displaced(store, book):
        mending.version(book, version)
    book = replace(book, names=book.names | {line.tag for line in book.lines.values()})
    stages = fold(book).stages.keys() - set(leave)
    settled = settle(store, book, fold=fold, stages=stages, leave=leave, shelf=shelf)
    if settled.listed:
        mending.actions.append(f"put the index anew: it lists {settled.state.count} events")
    for moved in settled.moved:
        was, now = moved.before or "nothing", moved.after or "nothing"
        mending.actions.append(f"moved {moved.stage} from {was} to {now}")
    mending.left.extend(trouble.what for trouble in settled.troubles)
    return Repaired(tuple(mending.actions), tuple(mending.left), settled)


@dataclass(frozen=True, slots=True)
class _Mending:
    store: LedgerStore
    actions: list[str]
    left: list[str]

    def name(self, tag: str, digest: Digest, what: str) -> None:
        """Put something that is still there under the tag that it had."""
        if self._put(tag, digest):
            self.actions.append(f"put {what} back under {tag}")

    def version(self, book: Book, moved: Displaced) -> None:
        """Let a version's tag name again what was registered under it."""
        was = returnable(self.store, book, moved)
        if was is None:
            self.left.append(
                f"the tag {moved.tag} names {moved.there} and was registered as {moved.known[0]}:"
                " lading ledger verify says what to do"
            )
            return
        if self._put(moved.tag, was):
            self.actions.append(f"moved {moved.tag} from {moved.there} to {was}")

    def _put(self, tag: str, digest: Digest) -> bool:
        try:
            descriptor = self.store.resolve(digest)
            raw = read(self.store, descriptor)
        except (NotFound, InvalidInput, IntegrityError) as error:
            self.left.append(f"the tag {tag} cannot be given back: {error}")
            return False
        self.store.push(descriptor, BytesContent(raw), tag)
        return True
