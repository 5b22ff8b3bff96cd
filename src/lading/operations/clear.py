"""Let a stage name nothing, or a shared stage one version less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lading.errors import Conflict, InvalidInput, PolicyRefused, Rule
from lading.operations import stores
from lading.operations.lifecycle.judging import UNSIGNED
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.subject import subject
from lading.spec.digest import Digest
from lading.spec.event import Draft, Recorded
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.ledger.fold import Member, Stage
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class ClearResult:
    """The stage, and what it named before."""

    reference: str
    stage: str
    version: str | None
    previous: str | None
    status: Literal["cleared", "unchanged"]
    current: str | None
    event: str | None
    seq: int | None
    notes: tuple[str, ...]


def clear(
    model: str | Reference,
    stage: str,
    *,
    because: str | None = None,
    settings: Settings | None = None,
) -> ClearResult:
    """Let a stage name nothing; of a shared stage, with a version, only that one leaves.

    Raises:
        Conflict: somebody else moved the protected stage at the same moment.
        PolicyRefused: the stage names keys that may move it, and events are unsigned.
        InvalidInput: there is no such stage, or the version is not in it.
    """
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    logbook = open_logbook(place, settings)
    rules = logbook.rules(stage)
    if rules.assigners:
        keys = Rule("assigners", False, UNSIGNED)
        raise PolicyRefused(
            f"{stage} of {logbook.place.base} may not be cleared",
            cause=f"{keys.name}: {keys.why}",
            rules=(keys,),
        )
    book, state = logbook.read_for(stage)
    before = state.stage(stage)
    leaves = _leaving(logbook, place, before, shared=not rules.exclusive)
    if leaves is None:
        logbook.show(book, [stage])
        return _result(logbook, before, before)
    draft = Draft(
        kind="cleared",
        repository=logbook.place.repository,
        digest=leaves.digest,
        version=leaves.version,
        actor=logbook.actor,
        reason=because,
        stage=stage,
        previous=before.value,
        shared=bool(place.name),
        protected=rules.protected,
        policy=logbook.judge.policy,
    )
    event, settled = logbook.recorded(book, draft)
    after = settled.state.stage(stage)
    if after.fork and after.kept:
        raise Conflict(
            f"{stage} of {logbook.place.base} is in dispute",
            cause=f"somebody else moved it at the same moment; it stays at {after.value}",
            hint="look at lading status, then clear or promote again: that settles it",
        )
    return _result(logbook, before, after, leaves, event)


def _leaving(logbook: Logbook, place: Reference, stage: Stage, *, shared: bool) -> Member | None:
    """The version that leaves; None where there is none in the stage."""
    if not place.name:
        return stage.members[-1] if stage.members else None
    if not shared:
        raise InvalidInput(
            f"{stage.name} names one version at a time",
            hint=f"lading clear {place.base} {stage.name}",
        )
    wanted: Digest = subject(logbook.store, place, logbook.settings).digest
    for member in stage.members:
        if member.digest == wanted:
            return member
    raise InvalidInput(f"{place} is not in {stage.name}", hint=f"lading status {place.base}")


def _result(
    logbook: Logbook,
    before: Stage,
    after: Stage,
    leaves: Member | None = None,
    event: Recorded | None = None,
) -> ClearResult:
    return ClearResult(
        reference=logbook.place.base,
        stage=before.name,
        version=leaves.version if leaves else None,
        previous=before.value,
        status="cleared" if leaves else "unchanged",
        current=after.value,
        event=event.digest if event else None,
        seq=event.event.seq if event else None,
        notes=tuple(logbook.notes),
    )
