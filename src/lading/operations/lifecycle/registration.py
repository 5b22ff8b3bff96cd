"""Recording that a version is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.operations.lifecycle.numbers import all_lines, is_recorded_otherwise
from lading.spec.event import Draft, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lading.ledger.book import Book
    from lading.ledger.line import Line
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.operations.stores import AnyStore
    from lading.spec.reference import Reference


def register(
    logbook: Logbook, what: Subject, *, because: str | None = None, book: Book | None = None
) -> Recorded | None:
    """Record a version as registered, once; None where it was before.

    Raises:
        Conflict: its number was registered with other content.
        LadingError: the registry refuses.
    """
    if book is None:
        book, _ = logbook.read()
    lines = tuple(book.lines.values())
    if book.border and not _registered(lines, what):
        lines = all_lines(logbook, book)  # it may be in a part that was put away
    if _registered(lines, what):
        if book.unlisted:
            logbook.show(book)  # who recorded it died before it was listed
        return None
    if is_recorded_otherwise(logbook, book, lines, what):
        return None
    draft = Draft(
        kind="registered",
        repository=logbook.place.repository,
        digest=what.digest,
        model=what.model,
        version=what.version,
        actor=logbook.actor,
        reason=because,
        # Says, too, that from here on somebody has a policy.
        policy=logbook.judge.policy,
    )
    return logbook.recorded(book, draft)[0]


def registered_by(store: AnyStore, place: Reference) -> str:
    """What to type to have versions registered that nobody recorded; a file is left as it is."""
    from lading.stores.bundle import BundleStore

    if isinstance(store, BundleStore):
        return f"lading unbundle {store.archive} REGISTRY"
    return f"lading ledger adopt {place.base}"


def _registered(lines: Iterable[Line], what: Subject) -> bool:
    return any(line.kind == "registered" and line.subject == what.digest for line in lines)
