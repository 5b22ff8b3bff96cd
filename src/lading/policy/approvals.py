"""Who has said yes, who has said no, and whose word counts.

Everybody's latest word on a version in a stage counts, until it expires. A rejection that stands
refuses, whoever said it. Of yeses, those count that the rules let count: of people, not of words
(two addresses under one name are one person, for a yes), by the keys that are named, and not by
those who made the version; where nobody is known to have made it, that cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lading.errors import Rule
from lading.policy.case import NOT_REJECTED, Case, cut
from lading.policy.people import People, Person
from lading.policy.rules import StageRules
from lading.spec.event import Recorded, moment
from lading.spec.plain import texts

UNSIGNED: Final = "cannot be met yet: unsigned"
_SHOWN: Final = 5


def approval_rules(rules: StageRules, case: Case) -> Iterator[Rule]:
    """Nobody rejects it; enough people have said yes."""
    words = list(_standing(rules.stage, case))
    rejections = [word for word in words if word.event.kind == "rejected"]
    yield _not_rejected(rules.stage, rejections)
    if rules.approvals_needed:
        approvals = [word for word in words if word.event.kind == "approved"]
        yield _enough(rules, case, approvals)


def discounted(rules: StageRules, case: Case) -> dict[str, str]:
    """Whose yes does not count, and why: by actor, as far as what is known of the case tells."""
    makers = _makers(rules.stage, case) if rules.not_author else {}
    words = [word for word in _standing(rules.stage, case) if word.event.kind == "approved"]
    said = ((w.event.actor, _why_not(w, Person.of(w.event.actor), rules, makers)) for w in words)
    return {actor: why for actor, why in said if why}


def _standing(stage: str, case: Case) -> Iterator[Recorded]:
    """Everybody's latest yes or no on this version in this stage, where it has not expired."""
    here, there = (_latest(stage, case, events) for events in (case.events, case.carried))
    for person in {**there, **here}:
        words = [word for word in (here.get(person), there.get(person)) if word]
        # Numbers of two ledgers cannot be compared, so what is left between them are the clocks.
        word = max(words, key=lambda word: (word.event.at, word.event.kind == "rejected"))
        expires = word.event.expires
        if expires is None or case.now < moment(expires):
            yield word


def _latest(stage: str, case: Case, events: Iterable[Recorded]) -> dict[str, Recorded]:
    """Everybody's latest word in one ledger."""
    ordered = sorted(_words(stage, case, events), key=_lateness)
    return {Person.of(word.event.actor).identity: word for word in ordered}


def _words(stage: str, case: Case, events: Iterable[Recorded]) -> Iterator[Recorded]:
    for recorded in events:
        event = recorded.event
        if (
            event.kind in ("approved", "rejected")
            and event.digest == case.digest
            and event.stage == stage
        ):
            yield recorded


def _lateness(word: Recorded) -> tuple[int, bool, str]:
    """Of two words that did not know of each other the no is taken for the later one."""
    return word.event.seq, word.event.kind == "rejected", word.digest


def _not_rejected(stage: str, rejections: list[Recorded]) -> Rule:
    if not rejections:
        return Rule(NOT_REJECTED, True, "nobody rejects it")
    return Rule(
        NOT_REJECTED,
        False,
        _listed(
            f"{_claimed(word)} rejected it"
            + (f": {cut(word.event.reason, 120)}" if word.event.reason else "")
            for word in rejections
        ),
        f"who rejected it may change their mind: lading approve REF --stage {stage}",
    )


def _enough(rules: StageRules, case: Case, approvals: list[Recorded]) -> Rule:
    """Whether enough people have said yes, and why others do not count."""
    makers = _makers(rules.stage, case) if rules.not_author else {}
    # Whoever made what nobody is known to have made may be the one who approves of it.
    unknown = rules.not_author and not any(makers.values())
    yes, others = _counted(rules, makers, approvals)
    needed = rules.approvals_needed
    holds = len(yes) >= needed and not unknown
    told = [f"{len(yes)} of {needed}" + (f": {_listed(yes)}" if yes else "")]
    if rules.signers and len(yes) < needed:
        told.append(UNSIGNED)
    if unknown:
        told.append("it is not known who made it")
    if others:
        told.append(_listed(others))
    return Rule("approvals", holds, "; ".join(told), None if holds else _hint(rules, unknown))


def _counted(
    rules: StageRules, makers: dict[str, People], approvals: list[Recorded]
) -> tuple[list[str], list[str]]:
    """Those whose yes counts, and of the others why it does not."""
    counted = People()
    yes: list[str] = []
    others: list[str] = []
    for word in approvals:
        person = Person.of(word.event.actor)
        why = _why_not(word, person, rules, makers)
        if why is None and person in counted:
            why = "has the name or the address of somebody who counts already"
        if why is None:
            yes.append(_claimed(word))
            counted.add(person)
        else:
            others.append(f"{_claimed(word)} does not count: {why}")
    return yes, others


def _hint(rules: StageRules, unknown: bool) -> str | None:
    if unknown:
        return "lading ledger adopt MODEL registers what was copied, or pushed by another tool"
    if rules.signers:
        return None  # nothing that could be done yet
    return f'lading approve REF --stage {rules.stage} --because "…"'


def _why_not(
    word: Recorded, person: Person, rules: StageRules, makers: dict[str, People]
) -> str | None:
    if rules.signers and word.signer not in rules.signers:
        return "unsigned" if word.signer is None else "signed with a key that is not named"
    return next((why for why, people in makers.items() if person in people), None)


def _makers(stage: str, case: Case) -> dict[str, People]:
    """Those whose yes would be one to their own work."""
    mine = [each.event for each in case.told if each.event.digest == case.digest]
    came = {each.digest for each in case.carried}
    registered = [each for each in case.told if each.event.kind == "registered"]
    registered = [each for each in registered if each.event.digest == case.digest]
    # Who took it here from elsewhere registered it, too, and did not make it.
    first = [each for each in registered if each.digest in came] or registered
    return {
        "is an author": People.of(texts(case.document.get("authors"))),
        "registered it": People.of(each.event.actor for each in first),
        "requested it": People.of(
            e.actor for e in mine if e.kind == "requested" and e.stage == stage
        ),
    }


def _claimed(word: Recorded) -> str:
    """Who said it; as claimed, where no key says so."""
    return cut(word.event.actor, 80) + ("" if word.signer else " (unsigned)")


def _listed(parts: Iterable[str]) -> str:
    listed = list(parts)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
