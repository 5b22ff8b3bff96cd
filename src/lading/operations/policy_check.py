"""Say rule by rule whether a version may be in a stage, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import Rule
from lading.operations import stores
from lading.operations.lifecycle.decided import decided
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.subject import subject
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class PolicyCheckResult:
    """Each rule of a stage, and whether it holds for a version."""

    reference: str
    version: str
    digest: str
    stage: str
    # Whether a promotion is refused while a rule does not hold.
    protected: bool
    holds: bool
    policy: str | None
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]


def policy_check(
    reference: str | Reference, stage: str, *, settings: Settings | None = None
) -> PolicyCheckResult:
    """Say rule by rule whether a version may be in a stage, and what is missing.

    Raises:
        InvalidInput: there is no such stage, or the reference is no version.
        NotFound: there is no such version.
    """
    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    logbook = open_logbook(place, settings)
    logbook.rules(stage)
    what = subject(logbook.store, place, settings)
    book, state = logbook.read(whole=True)
    decision = decided(logbook, book, state, stage, what)
    return PolicyCheckResult(
        reference=str(what.place),
        version=what.version,
        digest=what.digest,
        stage=stage,
        protected=decision.protected,
        holds=decision.holds,
        policy=logbook.judge.policy,
        rules=decision.rules,
        notes=tuple(logbook.notes),
    )
