"""Let a stage name again what it named before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.assignment import Assigned, Assignment
from lading.operations.logbook import Logbook, open_logbook
from lading.operations.result import as_result
from lading.operations.subject import Subject, subject
from lading.spec.digest import Digest
from lading.spec.reference import Reference
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class RollbackResult(Assigned):
    """The version that the stage names again."""


def rollback(
    model: str | Reference,
    stage: str,
    *,
    to: str | None = None,
    steps: int | None = None,
    because: str | None = None,
    dry_run: bool = False,
    settings: Settings | None = None,
) -> RollbackResult:
    """Let a stage name again what it named before; no weights move.

    Back by one version, by so many ``steps``, or ``to`` a version that the stage named before. What
    was let in once needs no new approval, unless somebody deprecated or rejected it since.

    Raises:
        NotFound: the stage named nothing else before.
        InvalidInput: the stage never named that version, or there is no such stage.
        PolicyRefused, Conflict: as for :func:`promote`.
    """
    if to is not None and steps is not None:
        raise InvalidInput(
            "--to and --steps cannot both hold",
            hint=f"--to {to} names the version, --steps {steps} counts back from now: leave one",
        )
    if steps is not None and steps < 1:
        raise InvalidInput(f"{steps} steps lead nowhere", hint="--steps 1 is the version before")
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(f"rollback takes a model, not {place}", hint=f"--to {place.tag}")
    logbook = open_logbook(place, settings)
    logbook.rules(stage)
    book, state = logbook.read(whole=True)
    what = None if to is None else _named(logbook, to)
    earlier = list(_earlier(logbook, book, state, stage))
    if what is None:
        what = _back(logbook, earlier, stage, steps or 1)
    elif what.digest not in (*earlier, state.stage(stage).value):
        _demand_usable(state, what, stage)
        raise InvalidInput(
            f"{stage} never named {what.place}",
            hint=f"lading promote {what.place} {stage}, or lading history {place.base} shows what",
        )
    back = logbook.judge.returns(book, what.digest, stage)
    assignment = Assignment(logbook, what, stage, because, book, state, returns=back)
    return as_result(RollbackResult, assignment.done(dry_run=dry_run))


def _named(logbook: Logbook, version: str) -> Subject:
    """The version that a person names: by version or by digest."""
    if ":" in version:
        return _subject(logbook, logbook.place.with_digest(Digest(version)))
    return _subject(logbook, logbook.place.with_tag(Version.parse(version).tag))


def _subject(logbook: Logbook, place: Reference) -> Subject:
    return subject(logbook.store, place, logbook.settings)


def _earlier(logbook: Logbook, book: Book, state: State, stage: str) -> Iterator[Digest]:
    """What the stage named before and may name again, the latest first, each once."""
    seen = {state.stage(stage).value, *state.deprecated}
    for recorded in reversed(book.ordered()):
        event = recorded.event
        if event.kind != "assigned" or event.stage != stage or event.digest in seen:
            continue
        if stage in logbook.protected and not logbook.judge.counts(book, recorded.digest):
            continue
        seen.add(event.digest)
        yield event.digest


def _demand_usable(state: State, what: Subject, stage: str) -> None:
    """Say why a version cannot come back that the stage may well have named."""
    if what.digest in state.deprecated:
        raise InvalidInput(
            f"{what.place} was deprecated and does not come back",
            hint=f"lading history {what.place} says why",
        )


def _back(logbook: Logbook, earlier: list[Digest], stage: str, steps: int) -> Subject:
    if len(earlier) < steps:
        raise NotFound(
            f"{stage} of {logbook.place.base} cannot go back by {steps}",
            cause=f"of what it named before, {len(earlier)} can come back",
            hint=f"lading history {logbook.place.base} --stage {stage}",
        )
    return _subject(logbook, logbook.place.with_digest(earlier[steps - 1]))
