"""Let a stage name again what it named before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.ledger.write import named
from lading.operations import stores
from lading.operations.lifecycle.assignment import Assigned, Assignment
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.subject import Subject, subject
from lading.spec.digest import Digest
from lading.spec.event import Event
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

    Back by one version, by so many ``steps``, or ``to`` a version that the stage named before.
    Steps pass over what was removed since, with a note. What was let in once needs no new approval,
    unless somebody deprecated or rejected it since.

    Raises:
        NotFound: the stage named nothing else before, or what it named is gone.
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
    earlier = {event.digest: event for event in _earlier(logbook, book, state, stage)}
    if to is None:
        what = _back(logbook, earlier.values(), stage, steps or 1)
    else:
        what = _named(logbook, to, earlier.values(), stage)
    if what.digest not in (*earlier, state.stage(stage).value):
        _demand_usable(state, what, stage)
        raise InvalidInput(
            f"{stage} never named {what.place}",
            hint=f"lading promote {what.place} {stage}, or lading history {place.base} shows what",
        )
    back = logbook.judge.returns(book, what.digest, stage)
    assignment = Assignment(logbook, what, stage, because, book, state, returns=back)
    return as_result(RollbackResult, assignment.done(dry_run=dry_run))


def _named(logbook: Logbook, version: str, earlier: Iterable[Event], stage: str) -> Subject:
    """The version that a person names: by version or by digest.

    Raises:
        NotFound: there is no such version, or there is none any more.
    """
    base = logbook.place
    by_digest = ":" in version
    meant = str(Digest(version) if by_digest else Version.parse(version))
    place = base.with_digest(Digest(version)) if by_digest else base.with_tag(_tag(version))
    try:
        return _subject(logbook, place)
    except NotFound as error:
        gone = [event for event in earlier if meant in (event.digest, event.version)]
        if not gone:
            raise
        raise NotFound(
            f"{place} is gone: {stage} named it, and somebody removed it since",
            cause=str(error),
            hint=_back_by(logbook, gone[0], stage),
        ) from error


def _tag(version: str) -> str:
    return Version.parse(version).tag


def _back_by(logbook: Logbook, gone: Event, stage: str) -> str:
    """How a version that is gone may come back."""
    base = logbook.place
    own = base.with_tag(_tag(gone.version)) if gone.version else base
    if named(logbook.store, gone.digest) is not None:
        return f"only its tag is: lading copy {base}@{gone.digest} {own}"
    return (
        f"lading copy BACKUP@{gone.digest} {own} brings it back;"
        f" lading rollback {base} {stage} goes to what is still there"
    )


def _subject(logbook: Logbook, place: Reference) -> Subject:
    return subject(logbook.store, place, logbook.settings)


def _earlier(logbook: Logbook, book: Book, state: State, stage: str) -> Iterator[Event]:
    """What the stage named before and may name again, the latest first, each once."""
    seen = {state.stage(stage).value, *state.deprecated}
    for recorded in reversed(book.ordered()):
        event = recorded.event
        if event.kind != "assigned" or event.stage != stage or event.digest in seen:
            continue
        if stage in logbook.protected and not logbook.judge.counts(book, recorded.digest):
            continue
        seen.add(event.digest)
        yield event


def _demand_usable(state: State, what: Subject, stage: str) -> None:
    """Say why a version cannot come back that the stage may well have named."""
    if what.digest in state.deprecated:
        raise InvalidInput(
            f"{what.place} was deprecated and does not come back",
            hint=f"lading history {what.place} says why",
        )


def _back(logbook: Logbook, earlier: Iterable[Event], stage: str, steps: int) -> Subject:
    """The version so many steps back, of those that are still there."""
    left = steps
    for event in earlier:
        try:
            what = _subject(logbook, logbook.place.with_digest(event.digest))
        except (NotFound, InvalidInput) as error:
            # Removed, or its version was pushed anew: the stage goes past it.
            logbook.note(f"{event.version or event.digest} is passed over: {error}")
            continue
        left -= 1
        if not left:
            return what
    raise NotFound(
        f"{stage} of {logbook.place.base} cannot go back by {steps}",
        cause="; ".join((_how_far(steps - left), *logbook.notes)),
        hint=f"lading history {logbook.place.base} --stage {stage} shows what it named; promote a"
        f" version, or lading clear {logbook.place.base} {stage}",
    )


def _how_far(found: int) -> str:
    if not found:
        return "it named nothing before that can come back"
    what = "one version" if found == 1 else f"{found} versions"
    return f"it named only {what} before that can come back"
