"""The rules of a stage, held against a case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lading.errors import Rule
from lading.expressions import Name, evaluate, told
from lading.policy.approvals import UNSIGNED, approval_rules
from lading.policy.case import NOT_DEPRECATED, Case, Decision, cut
from lading.policy.facts import STAGE, Facts
from lading.policy.rules import Gate, StageRules

_SHOWN: Final = 8
# What makes a value known that a gate does not find.
_HINTS: Final = {
    "metrics": "lading evaluate REF --metric {key}=…",
    "evaluation": "lading evaluate REF --metric {key}=…",
    "scan": "lading scan REF --json > scan.json, and lading attach REF --type scan scan.json",
}


def decide(rules: StageRules, case: Case) -> Decision:
    """What each rule of a stage says of a case, those that hold included.

    Nothing is enforced here: what a stage that is not protected needs is advice.
    """
    return Decision(rules.stage, rules.protected, tuple(_rules(rules, case)))


def _rules(rules: StageRules, case: Case) -> Iterator[Rule]:
    if rules.protected:
        yield _deprecated(case)
    if rules.after:
        yield _after(rules.after, case)
    yield from approval_rules(rules, case)
    if rules.assigners:
        yield _assigner(rules, case)
    facts = Facts(case, rules.evidence_max_age)
    for gate in rules.gates:
        if case.named_by is None and STAGE in gate.condition.names:
            # Not even IS NULL and NOT may hold by what is not known.
            yield Rule(cut(gate.name, 200), False, "which stages named it then cannot be told")
        else:
            yield _gate(gate, facts)


def _deprecated(case: Case) -> Rule:
    for recorded in case.told:
        event = recorded.event
        if event.kind == "deprecated" and event.digest == case.digest:
            because = f": {cut(event.reason, 120)}" if event.reason else ""
            return Rule(
                NOT_DEPRECATED,
                False,
                f"{cut(event.actor, 80)} deprecated it{because}",
                "promote another version",
            )
    return Rule(NOT_DEPRECATED, True, "nobody deprecated it")


def _after(stage: str, case: Case) -> Rule:
    name = f"after {stage}"
    if stage in case.stages:
        return Rule(name, True, f"it was in {stage}")
    return Rule(name, False, f"it was never in {stage}", f"lading promote REF {stage}")


def _assigner(rules: StageRules, case: Case) -> Rule:
    if case.signer in rules.assigners:
        return Rule("assigners", True, f"signed by {case.signer}")
    why = UNSIGNED if case.signer is None else f"{cut(case.signer, 80)} is not named"
    return Rule("assigners", False, why)


def _gate(gate: Gate, facts: Facts) -> Rule:
    name = cut(gate.name, 200)
    verdict = evaluate(gate.condition, facts)
    names = sorted(gate.condition.names)
    if verdict.holds:
        known = [(each, facts(each)) for each in names]
        said = [f"{each} is {told(value)}" for each, value in known if value is not None]
        return Rule(name, True, "; ".join(said[:_SHOWN]) or "it holds")
    notes = [note for each in names if (note := facts.note(each))]
    return Rule(
        name,
        False,
        "; ".join(dict.fromkeys([*verdict.reasons[:_SHOWN], *notes[:_SHOWN]])),
        next((hint for each in names if (hint := _hint(each, facts))), None),
    )


def _hint(name: Name, facts: Facts) -> str | None:
    """What to do about a name whose value is not known."""
    hint = _HINTS.get(name[0])
    return hint.format(key=name[-1]) if hint and facts(name) is None else None
