"""What a client saw of a ledger last: the one way to notice that a registry was set back.

A pure value; where it is kept is for others to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from lading.ledger.book import Book, tags_until
from lading.ledger.fold import State
from lading.ledger.line import mark
from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class Remembered:
    """The highest number that was seen, and the events that no other came after then."""

    seq: int
    heads: tuple[Digest, ...]

    @classmethod
    def of(cls, state: State) -> Remembered:
        """What there is to remember of a ledger."""
        return cls(state.seq, state.parents)

    def rolled_back(self, book: Book) -> str | None:
        """How a ledger is behind what was seen of it before; None where it is not.

        What came after a head names it, so that nothing older needs to be remembered.
        """
        there, border = set(book.lines), book.border
        if border:
            # Nothing was read behind the border; the tags there must do.
            there |= tags_until(book.names, border.seq).keys()
            there.add(mark(border.head))
        seq = max([line.seq for line in book.lines.values()] + [border.seq if border else 0])
        if seq < self.seq:
            return f"its last event has the number {seq}, and {self.seq} was seen before"
        gone = [head for head in self.heads if mark(head) not in there]
        if gone:
            return f"the event {gone[0]} was seen before and is not there any more"
        return None
