"""Ask for a version in a stage, say yes, or say no."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.telling import Told, demand_reason, tell
from lading.spec.duration import seconds_of
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class RequestResult(Told):
    """The request as it is recorded."""


@dataclass(frozen=True, slots=True)
class ApproveResult(Told):
    """The approval as it is recorded."""


@dataclass(frozen=True, slots=True)
class RejectResult(Told):
    """The rejection as it is recorded."""


def request(
    reference: str | Reference,
    stage: str,
    *,
    because: str | None = None,
    settings: Settings | None = None,
) -> RequestResult:
    """Ask that a version may be in a stage; ``lading status`` shows it as pending.

    Raises:
        InvalidInput: there is no such stage, or the reference is no version.
        NotFound: there is no such version.
    """
    told = tell(reference, "requested", stage=stage, reason=because, settings=settings)
    return as_result(RequestResult, told)


def approve(
    reference: str | Reference,
    stage: str,
    *,
    because: str | None = None,
    expires: str | None = None,
    settings: Settings | None = None,
) -> ApproveResult:
    """Say that a version may be in a stage; the last word of each person counts.

    ``expires``: a stretch of time such as ``90d``, or a date.

    Raises:
        InvalidInput: there is no such stage, the reference is no version, or ``expires`` is past.
        NotFound: there is no such version.
    """
    told = tell(
        reference,
        "approved",
        stage=stage,
        reason=because,
        expires=None if expires is None else _expiry(expires),
        settings=settings,
    )
    missing = _missing(told, stores.settled(settings))
    return as_result(ApproveResult, replace(told, notes=(*told.notes, *missing)))


def reject(
    reference: str | Reference,
    stage: str,
    *,
    because: str,
    settings: Settings | None = None,
) -> RejectResult:
    """Say that a version may not be in a stage, and why; it stands until the same person approves.

    Raises:
        InvalidInput: the reason is empty, there is no such stage, or the reference is no version.
        NotFound: there is no such version.
    """
    demand_reason(because, "a rejection")
    told = tell(reference, "rejected", stage=stage, reason=because, settings=settings)
    return as_result(RejectResult, told)


def _missing(told: Told, settings: Settings) -> tuple[str, ...]:
    """What the stage still lacks in approvals, and whose do not count; the own one, perhaps."""
    place = stores.locate(told.reference, settings)
    rules = load_policy(settings).rules(place.repository, told.stage or "")
    if not rules.approvals_needed:
        return ()
    from lading.operations.policy_check import policy_check

    checked = policy_check(place, rules.stage, settings=settings).rules
    return tuple(f"approvals: {r.why}" for r in checked if r.name == "approvals" and not r.holds)


def _expiry(text: str) -> str:
    """The moment that a stretch of time or a date means."""
    now = datetime.now(UTC)
    if text[:4].isdigit() and "-" in text:
        from lading.operations.lifecycle.moments import end_of

        moment = end_of(text)
    else:
        moment = now + timedelta(seconds=seconds_of(text))
    if moment <= now:
        raise InvalidInput(f"{text[:40]} is past", hint="90d, 12h, or a date such as 2027-01-31")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
