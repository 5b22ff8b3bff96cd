"""Nodes held against values: quickly (:func:`compiled`), or with reasons (:func:`evaluate`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lading.expressions.syntax import (
    And,
    Compare,
    Expression,
    IsNull,
    Like,
    Name,
    Not,
    OneOf,
    Or,
    Truth,
)
from lading.expressions.values import (
    Test,
    Value,
    comparison,
    like,
    negated,
    one_of,
    truth,
    written,
)

# What a name stands for; None is not known. A list that is known to be empty is (), of which no
# element is anything: = is false, and != true. ``dict.get`` is one.
Lookup = Callable[[Name], Value | None]
Evaluation = Callable[[Lookup], bool | None]

_LONGEST: Final = 60
_MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds (None: unknown, which does not), and why not."""

    holds: bool | None
    # Short sentences; empty where it holds.
    reasons: tuple[str, ...] = ()


def evaluate(expression: Expression, lookup: Lookup) -> Verdict:
    """Whether a condition holds for some values, with the reasons where it does not.

    Whoever asks for thousands of sets of values takes :func:`compiled`, once.
    """
    holds = compiled(expression)(lookup)
    if holds:
        return Verdict(True)
    return Verdict(holds, tuple(dict.fromkeys(_reasons(expression, lookup, wanted=True))))


def compiled(expression: Expression) -> Evaluation:
    """One function that says whether the condition holds for what a lookup gives."""
    match expression:
        case And(conditions):
            return _all([compiled(each) for each in conditions])
        case Or(conditions):
            return _one([compiled(each) for each in conditions])
        case Not(condition):
            return _opposite(compiled(condition))
        case IsNull(name, negated=known):
            return lambda lookup: (lookup(name) in _NOTHING) is not known
        case Truth(name) | Compare(name) | OneOf(name) | Like(name):
            return _term(name, _test(expression))
    raise TypeError(f"not a node of an expression: {type(expression).__name__}")


# What NULL is: not known, or a list that is known to be empty (a version in no stage).
_NOTHING: Final = (None, ())


def _term(name: Name, test: Test) -> Evaluation:
    def holds(lookup: Lookup) -> bool | None:
        value = lookup(name)
        return None if value is None else test(value)

    return holds


def _test(term: Expression) -> Test:
    """The test that a term makes of its name's value."""
    match term:
        case Compare(_, relation, literal):
            return comparison(relation, literal, versions=term.versions)
        case OneOf(_, literals, negated=none):
            test = one_of(literals, versions=term.versions)
            return negated(test) if none else test
        case Like(_, pattern, ignoring_case, negated=none):
            test = like(pattern, ignoring_case=ignoring_case)
            return negated(test) if none else test
    return truth


def _all(conditions: list[Evaluation]) -> Evaluation:
    def holds(lookup: Lookup) -> bool | None:
        unknown = False
        for condition in conditions:
            said = condition(lookup)
            if said is False:
                return False
            unknown = unknown or said is None
        return None if unknown else True

    return holds


def _one(conditions: list[Evaluation]) -> Evaluation:
    def holds(lookup: Lookup) -> bool | None:
        unknown = False
        for condition in conditions:
            said = condition(lookup)
            if said:
                return True
            unknown = unknown or said is None
        return None if unknown else False

    return holds


def _opposite(condition: Evaluation) -> Evaluation:
    def holds(lookup: Lookup) -> bool | None:
        said = condition(lookup)
        return None if said is None else not said

    return holds


def _reasons(expression: Expression, lookup: Lookup, *, wanted: bool) -> Iterator[str]:
    """Why a condition is not what is wanted; under NOT, false is."""
    if compiled(expression)(lookup) is wanted:
        return
    match expression:
        case Not(condition):
            yield from _reasons(condition, lookup, wanted=not wanted)
        case And(conditions) | Or(conditions):
            for condition in conditions:
                yield from _reasons(condition, lookup, wanted=wanted)
        case Truth(name) | Compare(name) | OneOf(name) | Like(name) | IsNull(name):
            yield _sentence(expression, name, lookup(name), wanted=wanted)


def _sentence(term: Expression, name: Name, value: Value | None, *, wanted: bool) -> str:
    if value is None:
        return f"{name} is not known"
    said = f"{name} is {told(value)}"
    match term:
        case IsNull():
            return said if value == () else f"{said}, and must not be known"
        case Truth() if truth(value) is None:
            return f"{said}, neither true nor false"
        case Truth():
            return said
        case Compare() | OneOf() | Like() if _test(term)(value) is None:
            return f"{said}, which does not compare with {_wish(term)}"
    opposite = getattr(term, "negated", False) or getattr(term, "relation", None) == "!="
    return f"{said}, {'not' if opposite is not wanted else 'and must not be'} {_wish(term)}"


def _wish(term: Expression) -> str:
    """What a term asks for, without its name and without NOT."""
    match term:
        case Compare(_, "=" | "!=", literal):
            return told(literal)
        case Compare(_, relation, literal):
            return f"{relation} {told(literal)}"
        case OneOf(_, literals):
            return f"one of {_listed(literals)}"
        case Like(_, pattern):
            return f"like {told(pattern)}"
    return "true"


def _listed(values: tuple[Value, ...]) -> str:
    first = ", ".join(told(value) for value in values[:_MOST_SHOWN])
    return f"{first}, …" if len(values) > _MOST_SHOWN else first


def told(value: Value) -> str:
    """A value for a sentence: texts in quotes, and cut where they are long."""
    if isinstance(value, tuple):
        return _listed(value) or "empty"
    if isinstance(value, str) and len(value) > _LONGEST:
        value = f"{value[:_LONGEST]}…"
    return f'"{value}"' if isinstance(value, str) else written(value)
