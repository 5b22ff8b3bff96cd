"""Whether a stage may have what documents run: asked before they are written, and afterwards.

The policy decides as it does for a promotion; here is only what follows from it for documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import PolicyRefused, Rule
from lading.operations.lifecycle.decided import decided
from lading.operations.lifecycle.drifted import index_of
from lading.operations.lifecycle.said_against import deprecated, rejections

if TYPE_CHECKING:
    from lading.ledger.index import LedgerIndex
    from lading.operations.lifecycle.stages import Read
    from lading.operations.lifecycle.subject import Subject
    from lading.operations.stores import AnyStore
    from lading.policy.case import Decision
    from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the policy says of a version in a stage, rule by rule, and what should be known."""

    # Whether the policy at hand holds anybody to them.
    protected: bool
    rules: tuple[Rule, ...]
    notes: tuple[str, ...] = ()


def allowed(read: Read, stage: str, what: Subject, *, shown: str) -> Allowed:
    """What the policy says of a version in a stage; ``shown`` is what refusals call it.

    What was in the stage before and came back may stay there, as for a rollback: nobody waits for
    evidence to be made anew while production is down. That is said.

    Raises:
        PolicyRefused: the stage is protected, and a rule does not hold.
    """
    logbook, book, state = read
    decision = decided(logbook, book, state, stage, what)
    if not decision.protected or decision.holds:
        return Allowed(decision.protected, decision.rules)
    if not decision.opposed and _came_back(read, stage, what.digest):
        note = f"{stage} had {what.version} before, and would not take it anew: {_broken(decision)}"
        return Allowed(decision.protected, decision.rules, (note,))
    raise PolicyRefused(
        f"{stage} may not have {shown}",
        cause=_broken(decision),
        hint=next((rule.hint for rule in decision.failed if rule.hint), None)
        or f"lading policy check {what.place} --stage {stage} says rule by rule",
        rules=decision.rules,
    )


def unasked(index: LedgerIndex | None, stage: str, what: Subject) -> Iterator[str]:
    """What should be known of a version in a stage that no policy here protects.

    That others protect it: whoever stands in another folder than usual would notice nothing. And
    who said that it must not be there, which a policy would have refused.
    """
    if index is None:
        return
    yield from rejections(index, what.digest, what.place.base, stage=stage)
    if any(line.protected and line.stage == stage for line in index.lines):
        yield (
            f"{stage} was protected by who moved it, and no policy here protects it, so none was"
            " asked: --policy FILE, or LADING_POLICY"
        )


def told(store: AnyStore, what: Subject) -> Iterator[str]:
    """What was said against a version that is deployed by its own name: no stage has to allow it.

    One request more; what the ledger's list says is enough for who only should know.
    """
    index, unknown = index_of(store)
    if unknown:
        yield unknown
    if index:
        yield from deprecated(index, what.digest, what.place.base)
        yield from rejections(index, what.digest, what.place.base)


def _broken(decision: Decision) -> str:
    return "; ".join(f"{rule.name}: {rule.why}" for rule in decision.failed)


def _came_back(read: Read, stage: str, digest: Digest) -> bool:
    """Whether a version was in the stage before the event by which it is there now."""
    logbook, book, state = read
    now = {member.event for member in state.stage(stage).members if member.digest == digest}
    before = [recorded for recorded in book.ordered() if recorded.digest not in now]
    return logbook.judge.returns(book, digest, stage, known=before)
