"""Which names a gate may ask for, and what it may compare them with.

The names are those of :mod:`lading.policy.facts`, and a document's fields.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from lading.errors import InvalidInput
from lading.expressions import (
    MOMENT,
    NUMBER,
    TRUTH,
    Expression,
    Kind,
    Name,
    demand_possible,
    nobody_knows,
)
from lading.policy.facts import GROUPS, SINGLE
from lading.spec.evidence import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lading.spec.part import Part

# Fields of the document under names of their own; the usual others, for hints.
_USUAL: Final = (
    "authors",
    "created",
    "description",
    "framework",
    "framework.version",
    "licenses",
    "name",
    "parameters",
)
_KNOWN: Final = tuple(sorted({*_USUAL, *(".".join(name) for name in SINGLE)}))
# What their values can be. Hyperparameters and marks are whatever somebody wrote.
_MEASURED: Final = frozenset({"metrics", "evaluation"})
_KINDS: Final[dict[str, Kind]] = {
    "age_days": NUMBER,
    "created": MOMENT,
    "facts.parameters": NUMBER,
    "hazards.verdict": VERDICTS,
    "lock": TRUTH,
    "parameters": NUMBER,
    "scan": VERDICTS,
    "schema.compatible": TRUTH,
    "schema.present": TRUTH,
    "signed": TRUTH,
}


def demand_sound(condition: Expression, stages: Collection[str]) -> None:
    """Let a condition pass that could hold, and could not; ``stages`` are those of the policy.

    Raises:
        InvalidInput: a name stands for nothing, or is compared with what it could never be.
    """
    demand_known(condition.names)
    kinds: dict[str, Kind] = {**_KINDS, "stage": tuple(stages)}

    def kind_of(name: Name) -> Kind | None:
        return NUMBER if name[0] in _MEASURED and name[1:] else kinds.get(".".join(name))

    demand_possible(condition, kind_of)


def demand_known(names: Iterable[Name]) -> None:
    """Let names pass that stand for something.

    Raises:
        InvalidInput: one never could: no value and no field of a document is called so. Says
            which, and what is meant perhaps.
    """
    for name in sorted(names):
        group, *rest = name
        if (rest and group in GROUPS) or name in SINGLE or ".".join(name) in _KNOWN:
            continue
        beside = _beside(name)
        if beside is not None:
            raise _unknown(name, beside)


def _unknown(name: Name, beside: list[str]) -> InvalidInput:
    known = list(dict.fromkeys([*_KNOWN, *beside]))
    return nobody_knows(name, known, tuple(GROUPS), who="a gate")


def _beside(name: Name) -> list[str] | None:
    """None where a document may have such a field; else those that it may have there."""
    from lading.spec.document import Document

    part: type[Part] | None = Document
    for at, step in enumerate(name):
        if part is None:
            return []  # there is nothing below a value
        field = part.model_fields.get(step)
        if field is None:
            above = name[:at]
            # Of a group and of schema the document says other things than a gate asks for.
            fields = (f for f in part.model_fields if at or f not in (*GROUPS, "schema_version"))
            return [str(Name((*above, each))) for each in fields]
        kinds = list(_kinds(field.annotation))
        if dict in kinds and not (at == 0 and step in GROUPS):
            return None  # its members have names of their own
        part = next((kind for kind in kinds if _is_part(kind)), None)
    return [] if name[0] in GROUPS else None


def _kinds(annotation: Any) -> list[Any]:
    """What a field may hold, without what is optional and said of it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for each in get_args(annotation) for kind in _kinds(each)]
    return [origin or annotation]


def _is_part(kind: Any) -> bool:
    from lading.spec.part import Part

    return isinstance(kind, type) and issubclass(kind, Part)
