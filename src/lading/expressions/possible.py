"""What the values of a name can be: what is compared with anything else could never be right.

``metrics.auc > "high"`` never holds, and ``scan != "claen"`` always does: a search that finds
nothing, and a gate that lets everything pass. Which name has which values is the caller's business.
LIKE goes by how a value is written, and IS NULL by whether there is one: both are free. That a
version compares with versions the parser knows by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from lading.errors import InvalidInput
from lading.expressions.syntax import (
    And,
    Compare,
    Expression,
    Name,
    Not,
    OneOf,
    Or,
    shown,
)
from lading.expressions.values import Literal, number, truth

# A kind of value, or all the texts that there can be.
Kind = str | tuple[str, ...]

NUMBER: Final = "a number"
MOMENT: Final = "a moment"
TRUTH: Final = "true or false"
# As moments are written, or the beginning of that: they compare letter by letter.
_MOMENT: Final = re.compile(
    r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_LIKE: Final = {
    NUMBER: "{name} {relation} 0.9",
    MOMENT: '{name} {relation} "2026-01-31", or "2026-01-31T12:00:00Z"',
    TRUTH: "{name}, or NOT {name}",
}


def demand_possible(expression: Expression, kind_of: Callable[[Name], Kind | None]) -> None:
    """Let an expression pass that compares every name with what its values can be.

    ``kind_of`` says what they can be: one of the kinds here, or the texts that there are; None
    where they may be anything.

    Raises:
        InvalidInput: a comparison could never be right; says which, and what is meant perhaps.
    """
    for name, relation, literal in compared(expression):
        kind = kind_of(name)
        if kind is None or _fits(kind, literal):
            continue
        said = shown(literal)[:80]
        if isinstance(kind, tuple):
            from lading.spec.nearest import nearest

            raise InvalidInput(f"{name} is never {said}", hint=nearest(str(literal), kind))
        hint = _LIKE[kind].format(name=name, relation=relation)
        raise InvalidInput(
            f"{name} compares with {kind}, not with {said}", hint=f"write it like {hint}"
        )


def compared(expression: Expression) -> Iterator[tuple[Name, str, Literal]]:
    """Every name that is compared, how, and with what; IN as ``=`` with each of its values."""
    match expression:
        case And(conditions) | Or(conditions):
            for condition in conditions:
                yield from compared(condition)
        case Not(condition):
            yield from compared(condition)
        case Compare(name, relation, literal):
            yield name, relation, literal
        case OneOf(name, literals):
            for literal in literals:
                yield name, "=", literal


def _fits(kind: Kind, literal: Literal) -> bool:
    """Whether a value of this kind could compare with a literal."""
    if isinstance(kind, tuple):
        return literal in kind
    if kind == TRUTH:
        return truth(literal) is not None
    if not isinstance(literal, str):
        return kind == NUMBER and not isinstance(literal, bool)
    if kind == NUMBER:
        return number(literal) is not None
    return _MOMENT.fullmatch(literal) is not None
