"""What the policy says of a version for a stage, by all that is known now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.policy.case import Decision


def decided(logbook: Logbook, book: Book, state: State, stage: str, what: Subject) -> Decision:
    """What the policy says of a version for a stage that is declared, in the words of its place.

    Raises:
        LadingError: something that must be known cannot be read.
    """
    decision = logbook.judge.decide(
        book,
        state,
        stage,
        what.digest,
        version=what.version,
        known=book.ordered(),
        actor=logbook.actor,
    )
    return decision.of(what.place)
