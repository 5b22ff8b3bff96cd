"""What the writer of an event knew of, by its parents and theirs; clocks say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.ledger.line import mark

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.spec.digest import Digest
    from lading.spec.event import Recorded


def not_after(book: Book, move: Digest) -> tuple[Recorded, ...]:
    """The events that did not know of a move, parents before children; not the move itself."""
    after = {mark(move)}
    found = []
    for recorded in book.ordered():
        if not after.isdisjoint(map(mark, recorded.event.parents)):
            after.add(mark(recorded.digest))
        elif recorded.digest != move:
            found.append(recorded)
    return tuple(found)


def known_to(book: Book, recorded: Recorded) -> tuple[Recorded, ...]:
    """The events that a writer knew, parents before children."""
    found: dict[str, Recorded] = {}
    waiting = list(map(mark, recorded.event.parents))
    while waiting:
        name = waiting.pop()
        if name in book.records and name not in found:
            found[name] = book.records[name]
            waiting += map(mark, found[name].event.parents)
    return tuple(sorted(found.values(), key=lambda known: known.order))
