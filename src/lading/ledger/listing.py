"""What the index lists, and what is put away: deciding only; :mod:`lading.ledger.write` puts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lading.ledger.book import Book
from lading.ledger.fold import Border, State, fold
from lading.ledger.index import Segment, build
from lading.ledger.line import Line, mark
from lading.spec.manifest import MANIFEST_LIMIT, Index

# An index that registries take: they refuse manifests of more than 4 MiB.
_ROOM: Final = 7 * MANIFEST_LIMIT // 8


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index lists, and what was put away before."""

    lines: tuple[Line, ...]
    border: Border | None
    segments: tuple[Segment, ...]


def listing_of(book: Book, state: State) -> Listing:
    """What is listed as it is; everything anew where an event belongs behind the border."""
    listed = book.listed
    border = listed.border if listed else None
    if listed and border and _fits(listed.segments, border) and border_holds(book, border, state):
        return Listing(_behind(book, put_away=False), border, listed.segments)
    return Listing(tuple(book.lines.values()), None, ())


def _fits(segments: tuple[Segment, ...], border: Border) -> bool:
    """Whether these parts, each named once, can hold what lies behind a border."""
    distinct = {segment.digest for segment in segments}
    return len(distinct) == len(segments) and sum(s.count for s in segments) == border.count


def border_holds(book: Book, border: Border, state: State) -> bool:
    """Whether who begins at the border comes to what follows from all events.

    Of a book that is not whole only that can be said: whether its events come after the border.
    """
    later = _behind(book, put_away=False)
    known = {mark(border.head), *(line.mark for line in later)}
    if not all(line.seq > border.seq and known.issuperset(line.parents) for line in later):
        return False
    if not book.whole:
        return True
    before = fold(_behind(book, put_away=True), refused=state.refused)
    facts = (before.seq, before.count, before.marks, before.deprecated, before.parents)
    if facts != (border.seq, border.count, border.marks, border.deprecated, (border.head,)):
        return False
    # What was refused when the border was drawn need not be asked again once it is surpassed.
    keeping = {stage.name for stage in state.forks if stage.kept}
    light = fold(later, border=border, protected=keeping, refused=state.refused)
    return light.stages == state.stages


def _behind(book: Book, *, put_away: bool) -> tuple[Line, ...]:
    """The lines that were put away, or those that were not."""
    return tuple(line for at, line in book.lines.items() if (at in book.put_away) == put_away)


def parts(listing: Listing, state: State, most: int) -> Iterator[Index]:
    """What is put away, in parts that a registry takes."""
    ordered = sorted(listing.lines, key=lambda line: line.order)
    for start in range(0, len(ordered), most):
        waiting = [ordered[start : start + most]]
        while waiting:
            lines = waiting.pop()
            part = build(lines, state, listing.border, listing.segments)
            if len(part.raw) <= _ROOM or len(lines) == 1:
                yield part
            else:
                middle = len(lines) // 2
                waiting += [lines[middle:], lines[:middle]]


def newest(listing: Listing, state: State) -> Index:
    """The index, of the newest events alone where all would be more than a registry takes.

    Those that are left out still have their tags, by which readers find them one by one.
    """
    lines = sorted(listing.lines, key=lambda line: line.order)
    while True:
        index = build(lines, state, listing.border, listing.segments)
        if len(index.raw) <= _ROOM or not lines:
            return index
        lines = lines[1 + len(lines) // 8 :]
