"""Values, and how those of different kinds compare.

A value is text, a number, true, false, or a list of texts (authors). What compares with what:

- Numbers with numbers. A text that is wholly a number compares as one with a number, and a number
  with a text literal that is wholly one: parameters are text in one tool and numbers in another.
- Text with text, letter by letter, also where both look like numbers. Dates are written so that
  this is right for them.
- True and false with the texts ``true`` and ``false`` in any case: tags are text.
- Other kinds are different, and have no order: ``<`` between them is unknown.
- ``version`` compares as semantic versions do: 1.10.0 is above 1.9.0.
- Of a list, one element that matches is enough; ``!=``, NOT IN and NOT LIKE say that none does.
  So they hold for a list that is known to be empty. Whoever gives values says None where nobody
  knows whether a list is empty.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from lading.errors import InvalidInput
from lading.expressions.tokens import NUMBER
from lading.spec.version import Version

Literal = str | int | float | bool
Scalar = str | int | float | bool
Value = Scalar | tuple[str, ...]
# What a test says of a value: true, false, or unknown.
Test = Callable[[Value], bool | None]

# Which values they are given is decided before: both are numbers, texts or versions.
_Holds = Callable[[Any, Any], bool]
_OPERATORS: Final[dict[str, _Holds]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUTHS: Final = {"true": True, "false": False}
_LONGEST_NUMBER: Final = 40


def comparison(relation: str, literal: Literal, *, versions: bool = False) -> Test:
    """The test of ``= literal``, ``< literal``, …; ``versions`` compares as semantic versions."""
    if relation == "!=":
        return negated(comparison("=", literal, versions=versions))
    holds = _OPERATORS[relation]
    # Two kinds that do not compare are different; they have no order.
    strangers = False if relation == "=" else None
    if versions and isinstance(literal, str):
        return _any(_version_test(holds, literal, strangers))
    if isinstance(literal, bool):
        return _any(_truth_test(holds, literal, strangers))
    if isinstance(literal, str):
        return _any(_text_test(holds, literal, strangers))
    return _any(_number_test(holds, literal, strangers))


def one_of(literals: tuple[Literal, ...], *, versions: bool = False) -> Test:
    """The test of ``IN (…)``."""
    tests = [comparison("=", literal, versions=versions) for literal in literals]

    def test(value: Value) -> bool | None:
        unknown = False
        for each in tests:
            said = each(value)
            if said:
                return True
            unknown = unknown or said is None
        return None if unknown else False

    return test


def like(pattern: str, *, ignoring_case: bool) -> Test:
    """The test of ``LIKE``: ``%`` stands for any text, ``_`` for one character."""
    matches = _pattern(pattern, re.IGNORECASE if ignoring_case else re.NOFLAG).fullmatch
    return _any(lambda value: matches(written(value)) is not None)


def negated(test: Test) -> Test:
    """The opposite of a test; unknown stays unknown."""

    def opposite(value: Value) -> bool | None:
        said = test(value)
        return None if said is None else not said

    return opposite


def truth(value: Value) -> bool | None:
    """Whether a value that stands alone is true; unknown where it is neither true nor false.

    A verdict like ``danger`` is no truth: a gate that only names it must not pass.
    """
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(value.lower()) if isinstance(value, str) else None


def written(value: Scalar) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def number(text: str) -> int | float | None:
    """The number that a text wholly is, or None."""
    if len(text) > _LONGEST_NUMBER or NUMBER.fullmatch(text) is None:
        return None
    try:
        return int(text)
    except ValueError:
        found = float(text)
        return found if abs(found) != float("inf") else None


def _any(test: Callable[[Scalar], bool | None]) -> Test:
    """A test of one value, for lists too: one element that matches is enough."""

    def of_one_or_all(value: Value) -> bool | None:
        if type(value) is not tuple:
            return test(value)  # type: ignore[arg-type]  # all other values are scalars
        said = [test(each) for each in value]
        return True if True in said else None if None in said else False

    return of_one_or_all


def _number_test(
    holds: _Holds, literal: float, strangers: bool | None
) -> Callable[[Scalar], bool | None]:
    def test(value: Scalar) -> bool | None:
        kind = type(value)
        if kind is float or kind is int:
            # What is not a number (nan) is not even equal to itself.
            return holds(value, literal) if value == value else None  # noqa: PLR0124
        if kind is str:
            found = number(str(value))
            return strangers if found is None else holds(found, literal)
        return strangers

    return test


def _text_test(
    holds: _Holds, literal: str, strangers: bool | None
) -> Callable[[Scalar], bool | None]:
    as_number = number(literal)
    by_number = None if as_number is None else _number_test(holds, as_number, strangers)
    as_truth = _TRUTHS.get(literal.lower())
    by_truth = None if as_truth is None else _truth_test(holds, as_truth, strangers)

    def test(value: Scalar) -> bool | None:
        kind = type(value)
        if kind is str:
            return holds(value, literal)
        other = by_truth if kind is bool else by_number
        return strangers if other is None else other(value)

    return test


def _truth_test(
    holds: _Holds, literal: bool, strangers: bool | None
) -> Callable[[Scalar], bool | None]:
    # True and false can be equal; neither is above the other.
    ordered = holds is not operator.eq

    def test(value: Scalar) -> bool | None:
        said = truth(value)
        return strangers if said is None or ordered else said is literal

    return test


def _version_test(
    holds: _Holds, literal: str, strangers: bool | None
) -> Callable[[Scalar], bool | None]:
    wanted = version(literal)

    def test(value: Scalar) -> bool | None:
        found = version(value) if type(value) is str else None
        return strangers if found is None or wanted is None else holds(found, wanted)

    return test


@lru_cache(maxsize=4096)
def version(text: str) -> Version | None:
    """The semantic version that a text is, or None; remembered, since searches ask often."""
    try:
        return Version.parse(text)
    except InvalidInput:
        return None


@lru_cache(maxsize=256)
def _pattern(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """A pattern of LIKE as one that takes time proportional to text and pattern.

    Each part between two ``%`` is found as early as possible and never looked for again (an atomic
    group): later parts have the most room then. So no text makes the match slow.
    """
    first, *others = (_literally(part) for part in re.split("%+", pattern))
    if not others:
        return re.compile(first, flags | re.DOTALL)
    *middle, last = others
    found = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{found}.*{last}", flags | re.DOTALL)


def _literally(part: str) -> str:
    return "".join("." if character == "_" else re.escape(character) for character in part)
