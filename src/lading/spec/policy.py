"""The policy file as a person writes it: ``lading-policy.yaml``.

Every field may be left out. What the fields mean, and what is decided by them, is
:mod:`lading.policy`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from lading.errors import InvalidInput
from lading.spec.duration import DURATION
from lading.spec.encoding import encode
from lading.spec.part import Name, OciDigest, Part, Text
from lading.spec.written import also, refusal

_NOTHING: Final = {"type": "null"}
_EXPRESSION: Final = {"type": "string", "minLength": 1}


class GateWords(Part):
    """A condition on the version, its document and its evidence."""

    name: Annotated[
        Annotated[str, Field(min_length=1, max_length=80)] | None,
        Field(description="What it is called; else its text.", examples=["scanned"]),
    ] = None
    rule: Annotated[
        Text, Field(description="An expression.", examples=["metrics.auc >= 0.9", "lock"])
    ]


class StageWords(Part):
    """What a stage needs."""

    protected: Annotated[
        bool | None,
        Field(description="Whether what it needs is enforced; otherwise it is advice."),
    ] = None
    approvals: Annotated[
        Annotated[int, Field(ge=0, le=100)] | None,
        Field(description="How many people must have said yes."),
    ] = None
    not_author: Annotated[
        bool | None,
        Field(description="Authors, and who registered or requested it, do not count."),
    ] = None
    signers: Annotated[
        tuple[Name, ...] | None, Field(description="The keys whose approvals count.")
    ] = None
    assigners: Annotated[
        tuple[Name, ...] | None, Field(description="The keys that may move the stage.")
    ] = None
    after: Annotated[
        str | None, Field(description="A stage that the version must have been in.")
    ] = None
    gates: Annotated[
        tuple[Annotated[GateWords, Field(**also(_EXPRESSION))], ...] | None,
        Field(description="Conditions that must hold.", max_length=50),
    ] = None
    evidence_max_age: Annotated[
        Annotated[str, Field(pattern=DURATION)] | None,
        Field(
            description="Older evidence does not count; metrics then count from evidence only.",
            examples=["30d", "12h"],
        ),
    ] = None
    exclusive: Annotated[
        bool | None, Field(description="One version at a time; false: several at once.")
    ] = None


# A stage that needs nothing may be left empty.
Stages = dict[str, Annotated[StageWords, Field(**also(_NOTHING))]]


class ModelWords(Part):
    """Other rules for some models, field by field over those above."""

    match: Annotated[
        Name, Field(description="A repository; * stands for anything.", examples=["risk/*"])
    ]
    stages: Annotated[Stages, Field(max_length=64, **also(_NOTHING))]


class PolicyWords(Part):
    """The stages of a team's models, in their order, and what each needs."""

    stages: Annotated[
        Stages,
        Field(
            default_factory=dict,
            max_length=64,
            description="In order; dev, staging, shadow and prod where nothing is said.",
            **also(_NOTHING),
        ),
    ]
    models: Annotated[
        tuple[ModelWords, ...],
        Field(max_length=1000, description="The first that matches counts."),
    ] = ()
    former: Annotated[
        tuple[OciDigest, ...],
        Field(
            max_length=1000,
            description="Policies of before, by their digests: what they let in still counts.",
        ),
    ] = ()


def policy_words(value: object, where: str) -> PolicyWords:
    """The policy in a plain value; ``where`` says which file it is from.

    Raises:
        InvalidInput: a field is unknown or wrong; says which, and what was meant perhaps.
    """
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInput(f"{where} is no list of fields", cause=f"got {type(value).__name__}")
    try:
        raw = encode(_written_out(value or {}))
        return PolicyWords.model_validate_json(raw, extra="forbid")
    except ValidationError as error:
        raise refusal(error, where, PolicyWords, forms=_FORMS, elsewhere=_ELSEWHERE) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(
            f"{where} holds what cannot be written down", cause=str(error)[:200]
        ) from error


def _written_out(value: Mapping[str, Any]) -> dict[str, Any]:
    """The file with its short forms written out: stages that need nothing, gates that are text."""
    fields = {**value}
    if "stages" in fields:
        fields["stages"] = _stages(fields["stages"])
    if isinstance(fields.get("models"), list):
        fields["models"] = [
            {**model, "stages": _stages(model.get("stages"))}
            if isinstance(model, Mapping) and "stages" in model
            else model
            for model in fields["models"]
        ]
    return fields


def _stages(value: object) -> object:
    if not isinstance(value, Mapping):
        return {} if value is None else value
    return {name: _stage(words) for name, words in value.items()}


def _stage(words: object) -> object:
    if not isinstance(words, Mapping):
        return {} if words is None else words
    gates = words.get("gates")
    if not isinstance(gates, list):
        return words
    return {**words, "gates": [{"rule": g} if isinstance(g, str) else g for g in gates]}


# What fields look like, for who wrote one in another way.
_FORMS: Final = {
    "stages": "stages: {dev: {}, prod: {protected: true, approvals: 1, gates: [lock]}}",
    "models": 'models: [{match: "risk/*", stages: {prod: {approvals: 2}}}]',
}
_ELSEWHERE: Final = {"gates": "gates belong to a stage: stages: {prod: {gates: […]}}"}
