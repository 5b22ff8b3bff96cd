"""Recording what somebody says of a version: everything that moves no stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.subject import subject
from lading.spec.event import Draft, Kind
from lading.spec.reference import Reference
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was recorded about a version."""

    reference: str
    version: str
    digest: str
    kind: Kind
    stage: str | None
    # Claimed: no key signed it.
    actor: str
    reason: str | None
    event: str
    seq: int
    time: str
    notes: tuple[str, ...]


def _say_where_it_is(
    logbook: Logbook, book: Book, what: Subject, kind: Kind, stage: str | None
) -> None:
    """Words against a version take it from no stage: whoever says them is told where it stays."""
    if kind not in ("deprecated", "rejected"):
        return
    state = logbook.fold(book)
    for found in state.stages.values():
        concerned = kind == "deprecated" or found.name == stage
        if concerned and any(member.digest == what.digest for member in found.members):
            logbook.note(
                f"{found.name} names {what.version}, and goes on naming it;"
                f" {_way_out(logbook, book, state, what, found.name)}"
            )


def _way_out(logbook: Logbook, book: Book, state: State, what: Subject, stage: str) -> str:
    """What takes a version from a stage: back, where the stage named another that is there."""
    base = logbook.place.base
    versions = {str(version) for name in book.names if (version := Version.from_tag(name))}
    there = {line.subject for line in book.lines.values() if line.version in versions}
    before = {
        line.subject
        for line in book.lines.values()
        if (line.kind, line.stage) == ("assigned", stage) and line.digest not in state.refused
    }
    if before & there - state.deprecated - {what.digest}:
        return f"lading rollback {base} {stage}"
    return f"lading promote {base}:VERSION {stage}, or lading clear {base} {stage}"


def demand_reason(text: str, what: str) -> None:
    """Refuse a reason that gives none: who reads the history later wants to know it.

    Raises:
        InvalidInput: there is nothing but blanks.
    """
    if not text.strip():
        raise InvalidInput(f"{what} needs a reason", hint='--because "what is wrong with it"')


def tell(
    reference: str | Reference,
    kind: Kind,
    *,
    settings: Settings | None,
    stage: str | None = None,
    **said: Any,
) -> Told:
    """Record an event about a version.

    Raises:
        InvalidInput: there is no such stage, or the reference is no version.
        NotFound: there is no such version.
    """
    settings = stores.settled(settings)
    logbook = open_logbook(stores.locate(reference, settings), settings)
    rules = logbook.rules(stage) if stage else None
    what = subject(logbook.store, stores.locate(reference, settings), settings)
    book, _ = logbook.read()
    _say_where_it_is(logbook, book, what, kind, stage)
    draft = Draft(
        kind=kind,
        repository=logbook.place.repository,
        digest=what.digest,
        model=what.model,
        version=what.version,
        actor=logbook.actor,
        stage=stage,
        protected=bool(rules and rules.protected),
        policy=logbook.judge.policy,
        **said,
    )
    recorded, _ = logbook.recorded(book, draft)
    return Told(
        reference=str(what.place),
        version=what.version,
        digest=what.digest,
        kind=kind,
        stage=stage,
        actor=recorded.event.actor,
        reason=recorded.event.reason,
        event=recorded.digest,
        seq=recorded.event.seq,
        time=recorded.event.time,
        notes=tuple(logbook.notes),
    )
