"""Let a stage name a version; across repositories, with the version and what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.lifecycle.assignment import Assigned, Assignment
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.stages import is_stage
from lading.operations.lifecycle.subject import subject
from lading.spec.reference import Reference
from lading.transfer import OnProgress

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class PromoteResult(Assigned):
    """The version that the stage names now, or would."""


def promote(
    reference: str | Reference,
    stage: str,
    *,
    to: str | Reference | None = None,
    because: str | None = None,
    dry_run: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> PromoteResult:
    """Let a stage name a version; an event says who did it, when and why.

    With ``to``, a repository anywhere, the version is copied there first, with its evidence and the
    events that speak for it, and that repository's stage moves; a password in the environment is
    for both registries, as for a copy. Naming what the stage names already
    changes nothing. That the version is deprecated is a note; a protected stage refuses it.

    Raises:
        PolicyRefused: the stage is protected, and a rule does not hold; every one is named.
        Conflict: somebody else moved the protected stage at the same moment: it keeps its version.
        InvalidInput: there is no such stage, the reference is no version, or a dry run is to look
            into another repository.
        NotFound: there is no such version.
    """
    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    if to is not None and dry_run:
        raise InvalidInput(
            "--dry-run does not look into another repository",
            cause="the version would have to be there to be judged",
            hint=f"lading policy check {place} --stage {stage}",
        )
    if to is None:
        logbook = open_logbook(place, settings)
        logbook.rules(stage)
        what = subject(logbook.store, place, logbook.settings)
    else:
        from lading.operations.carrying.version import carry, demand_beforehand

        logbook = open_logbook(_destination(to, settings), settings, create=True)
        logbook.rules(stage)
        demand_beforehand(place, logbook, stage)
        what = carry(place, logbook, on_progress=on_progress)
    book, state = logbook.read_for(stage)
    # Who names a version by its stage was warned when that was asked of the ledger.
    if what.digest in state.deprecated and not is_stage(place, settings):
        at = f"{what.place.base}@{what.digest}"
        logbook.note(f"{what.place} is deprecated: lading history {at} says why")
    assignment = Assignment(logbook, what, stage, because, book, state)
    return as_result(PromoteResult, assignment.done(dry_run=dry_run))


def _destination(to: str | Reference, settings: Settings) -> Reference:
    place = stores.locate(to, settings)
    if place.name:
        raise InvalidInput(
            f"a promotion goes to a repository, not to {place}",
            cause="the version keeps its name and its digest",
            hint=f"write {place.base}",
        )
    return place
