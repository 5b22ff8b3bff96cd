"""What happened to a model, and what a stage named at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from lading.ledger.fold import Member, State, timeline
from lading.ledger.line import Line
from lading.operations import stores
from lading.operations.lifecycle.drifted import drifted
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.moments import stretch_of
from lading.operations.lifecycle.subject import subject
from lading.operations.missing import demand_begun
from lading.spec.digest import Digest
from lading.spec.event import Recorded, moment
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happened, as it is recorded."""

    seq: int
    kind: str
    time: str
    # Claimed while no key signed it.
    actor: str
    signed: bool
    version: str | None
    digest: str
    stage: str | None
    previous: str | None
    reason: str | None
    expires: str | None
    where: str | None
    metrics: Mapping[str, float]
    window: tuple[str, str] | None
    evidence: tuple[str, ...]
    policy: str | None
    event: str
    # Why a move does not count; empty where it does.
    refused: tuple[str, ...] = ()
    # What the stage named before, where anybody recorded its version.
    previous_version: str | None = None


@dataclass(frozen=True, slots=True)
class StageInterval:
    """A version that a stage named, from when to when; it names it still where no end is given."""

    stage: str
    version: str | None
    digest: str
    start: str
    end: str | None
    actor: str
    event: str


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """The events, oldest first, and what each stage named when."""

    reference: str
    stage: str | None
    at: str | None
    events: tuple[HistoryEvent, ...]
    intervals: tuple[StageInterval, ...]
    notes: tuple[str, ...]


def history(
    model: str | Reference,
    *,
    stage: str | None = None,
    at: str | None = None,
    settings: Settings | None = None,
) -> HistoryResult:
    """Everything that was recorded of a model, of one version, or of one stage.

    ``at``, a date or a moment: what stages named then; all that they named on that day.

    Raises:
        InvalidInput: the date is none, or there is no such stage and never was.
        NotFound: there is no such model, or no such version.
    """
    span = None if at is None else stretch_of(at)
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    logbook = open_logbook(place, settings)
    book, state = logbook.read(whole=True)
    demand_begun(logbook.store, place, settings, book.names)
    wanted = subject(logbook.store, place, logbook.settings).digest if place.name else None
    if stage is not None and stage not in state.stages:
        logbook.rules(stage)
    for found in drifted(logbook, book, state):
        if stage in (None, found.stage):
            logbook.note(str(found))
    refused = {digest: logbook.judge.failed(book, digest) for digest in state.refused}
    events = [
        recorded
        for recorded in book.ordered()
        if (stage is None or recorded.event.stage == stage)
        and (wanted is None or recorded.event.digest == wanted)
    ]
    intervals = [
        interval
        for interval in _intervals(book, state, logbook)
        if (stage is None or interval.stage == stage)
        and (wanted is None or interval.digest == wanted)
        and (span is None or _overlaps(interval, *span))
    ]
    versions = versions_of(book)
    if span:
        named = {interval.event for interval in intervals}
        events = [recorded for recorded in events if recorded.digest in named]
    return HistoryResult(
        reference=str(place),
        stage=stage,
        at=at,
        events=tuple(
            told(recorded, versions, refused.get(recorded.digest, ())) for recorded in events
        ),
        intervals=tuple(intervals),
        notes=tuple(logbook.notes),
    )


def versions_of(book: Book) -> dict[Digest, str]:
    """What versions are called, as far as events say it."""
    return {line.subject: line.version for line in book.lines.values() if line.version}


def told(
    recorded: Recorded, versions: Mapping[Digest, str], refused: Iterable[str] = ()
) -> HistoryEvent:
    """An event for people and machines."""
    event = recorded.event
    return HistoryEvent(
        seq=event.seq,
        kind=event.kind,
        time=event.time,
        actor=event.actor,
        signed=recorded.signer is not None,
        version=event.version,
        digest=event.digest,
        stage=event.stage,
        previous=event.previous,
        reason=event.reason,
        expires=event.expires,
        where=event.where,
        metrics=dict(event.metrics),
        window=event.window,
        evidence=tuple(event.evidence),
        policy=event.policy,
        event=recorded.digest,
        refused=tuple(refused),
        previous_version=versions.get(event.previous) if event.previous else None,
    )


def _intervals(book: Book, state: State, logbook: Logbook) -> list[StageInterval]:
    """What each stage named when, as the events tell: state after state."""
    steps = timeline(book.lines.values(), protected=logbook.protected, refused=state.refused)
    running: dict[tuple[str, Digest], StageInterval] = {}
    ended: list[StageInterval] = []
    for move, after in steps:
        there = {(after.name, member.digest): member for member in after.members}
        for key in [key for key in running if key[0] == after.name and key not in there]:
            ended.append(_ended(running.pop(key), move, logbook))
        for key, member in there.items():
            if key not in running:
                running[key] = _began(after.name, member, move)
    # By what came after what, not by clocks; two moves may have happened within one second.
    order: dict[str, tuple[int, str]] = {line.digest: line.order for line in book.lines.values()}
    everything = [*ended, *running.values()]
    return sorted(everything, key=lambda found: (found.stage, order[found.event]))


def _began(stage: str, member: Member, move: Line) -> StageInterval:
    return StageInterval(
        stage, member.version, member.digest, move.time, None, member.actor, member.event
    )


def _ended(interval: StageInterval, move: Line, logbook: Logbook) -> StageInterval:
    """The interval with its end; what counts is the order of events, not what clocks claim."""
    if moment(move.time) >= moment(interval.start):
        return replace(interval, end=move.time)
    logbook.note(
        f"the clocks of {interval.actor} and {move.actor} do not agree: event {move.seq} is dated"
        f" {move.time}, and it came after one of {interval.start}"
    )
    return replace(interval, end=interval.start)


def _overlaps(interval: StageInterval, start: datetime, end: datetime) -> bool:
    if moment(interval.start) > end:
        return False
    return interval.end is None or moment(interval.end) > start
