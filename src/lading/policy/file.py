"""From the words of a policy file to rules: expressions read, stages merged, names checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from lading.errors import InvalidInput
from lading.expressions import parse
from lading.policy.names import demand_sound
from lading.policy.rules import USUAL, Gate, ModelRules, Policy, StageRules
from lading.spec.digest import Digest
from lading.spec.duration import seconds_of
from lading.spec.event import stage_name
from lading.spec.policy import GateWords, Stages, StageWords, policy_words
from lading.spec.tags import settable
from lading.spec.yaml_text import read_yaml

# Fields that are taken over as they are written.
_PLAIN: Final = ("protected", "approvals", "not_author", "signers", "assigners", "exclusive")


def parse_policy(raw: bytes, where: str) -> Policy:
    """The policy in a file's bytes; ``where`` says which file it is.

    Raises:
        InvalidInput: it is none: it says nothing or is no YAML, a field is unknown or wrong, an
            expression is broken, asks for what nothing is called or compares it with what it never
            is, a stage has a name that no stage may have or comes after one that is not there.
            Says which and where.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{where} is not UTF-8", cause=str(error)) from error
    words = policy_words(read_yaml(text, where), where)
    if not words.stages and not words.models:
        # Cut off, or never written: who names a policy wants what it protects to be protected.
        raise InvalidInput(
            f"the policy {where} says nothing",
            cause="there are no stages in it and no models: nothing would be protected",
            hint=f"write it, as lading policy init FILE does, or take {where} away",
        )
    usual = {rules.stage: rules for rules in USUAL.stages}
    base = _merged({}, words.stages, f"{where}: stages") if words.stages else usual
    _demand_order(base.values(), f"{where}: stages")
    models = []
    for at, model in enumerate(words.models):
        place = f"{where}: models.{at}.stages"
        stages = _merged(base, model.stages, place)
        _demand_order(stages.values(), place)
        models.append(ModelRules(model.match, tuple(stages.values())))
    former = frozenset(map(Digest, words.former))
    return Policy(tuple(base.values()), tuple(models), Digest.of(raw), former, where)


def _merged(base: Mapping[str, StageRules], words: Stages, where: str) -> dict[str, StageRules]:
    """The stages with what these words say laid over them, field by field; new ones come last."""
    stages = dict(base)
    declared = tuple(dict.fromkeys([*base, *words]))
    for name, said in words.items():
        place = f"{where}.{name}"
        under = stages.get(name) or StageRules(stage=_stage(name, place))
        stages[name] = _laid_over(under, said, place, declared)
    return stages


def _laid_over(
    rules: StageRules, words: StageWords, where: str, declared: Collection[str]
) -> StageRules:
    said = {name: value for name in _PLAIN if (value := getattr(words, name)) is not None}
    if words.after is not None:
        said["after"] = _stage(words.after, f"{where}.after")
    if words.evidence_max_age is not None:
        said["evidence_max_age"] = _seconds(words.evidence_max_age, f"{where}.evidence_max_age")
    if words.gates is not None:
        said["gates"] = _gates(words.gates, f"{where}.gates", declared)
    return replace(rules, **said)


def _stage(name: str, where: str) -> str:
    """The name of a stage: it becomes a tag that moves, so no version may be called so."""
    try:
        settable(stage_name(name))
    except InvalidInput as error:
        raise _at(where, error) from error
    return name


def _seconds(text: str, where: str) -> int:
    try:
        return seconds_of(text)
    except InvalidInput as error:
        raise _at(where, error) from error


def _gates(words: Iterable[GateWords], where: str, stages: Collection[str]) -> tuple[Gate, ...]:
    gates: list[Gate] = []
    for at, gate in enumerate(words):
        try:
            condition = parse(gate.rule)
            demand_sound(condition, stages)
        except InvalidInput as error:
            raise _at(f"{where}.{at}{_called(gate)}", error) from error
        gates.append(Gate(gate.name or str(condition), condition))
    names = [gate.name for gate in gates]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput(f"{where} is wrong", cause=f"two gates are called {twice[:80]}")
    return tuple(gates)


def _called(gate: GateWords) -> str:
    return f" ({gate.name})" if gate.name else ""


def _demand_order(stages: Iterable[StageRules], where: str) -> None:
    """Refuse a stage that nothing could ever reach."""
    after = {rules.stage: rules.after for rules in stages}
    for stage, before in after.items():
        if before is not None and before not in after:
            raise InvalidInput(
                f"{where}.{stage}.after is wrong",
                cause=f"there is no stage {before!r}",
                hint="stages are: " + ", ".join(after),
            )
    for stage in after:
        if stage in _before(stage, after):
            raise InvalidInput(
                f"{where}.{stage}.after is wrong",
                cause=f"{stage} would have to come after itself",
            )


def _before(stage: str, after: Mapping[str, str | None]) -> set[str]:
    """The stages that a version must have been in before it comes to one."""
    found: set[str] = set()
    before = after[stage]
    while before is not None and before not in found:
        found.add(before)
        before = after[before]
    return found


def _at(where: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(f"{where} is wrong", cause=str(error), hint=error.hint)
