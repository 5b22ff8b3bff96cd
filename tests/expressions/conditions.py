"""Conditions as hypothesis makes them, and values to hold them against."""

from __future__ import annotations

from hypothesis import strategies as st

from lading.expressions import (
    And,
    Compare,
    Expression,
    IsNull,
    Like,
    Literal,
    Name,
    Not,
    OneOf,
    Or,
    Truth,
    Value,
)

_FEW = st.sampled_from(["a", "b", "version", "x y", "and", "`", "metrics", "tag", "5", "é", "a.b"])
_PARTS = st.lists(_FEW | st.text(min_size=1, max_size=6), min_size=1, max_size=3)
NAMES = _PARTS.map(lambda parts: Name.of(*parts))
_NUMBERS = (
    st.integers(-5, 5)
    | st.integers(-(10**38), 10**38)
    | st.floats(allow_nan=False, allow_infinity=False)
)
_TEXTS = st.sampled_from(["", "a", "5", "true", "FALSE", "1.2.0", "it's", '"']) | st.text(
    max_size=6
)
_SCALARS = _NUMBERS | _TEXTS | st.booleans()
_VERSIONS = st.sampled_from(["1.2.0", "1.10.0", "0.1.0-rc.1"])
VALUES: st.SearchStrategy[Value | None] = (
    st.none() | _SCALARS | st.floats() | st.lists(_TEXTS, max_size=3).map(tuple)
)


def _literals(name: Name) -> st.SearchStrategy[Literal]:
    return _VERSIONS if name == ("version",) else _SCALARS


@st.composite
def terms(draw: st.DrawFn, names: st.SearchStrategy[Name] = NAMES) -> Expression:
    """A condition on one name."""
    name = draw(names)
    literals = _literals(name)
    negated = draw(st.booleans())
    kind = draw(st.sampled_from(["truth", "compare", "in", "like", "null"]))
    if kind == "compare":
        literal = draw(literals)
        relations = ["=", "!="] if isinstance(literal, bool) else ["=", "!=", "<", "<=", ">", ">="]
        return Compare(name, draw(st.sampled_from(relations)), literal)
    if kind == "in":
        return OneOf(name, tuple(draw(st.lists(literals, min_size=1, max_size=3))), negated)
    if kind == "like":
        pattern = draw(st.text(alphabet="ab%_5'", max_size=6))
        return Like(name, pattern, draw(st.booleans()), negated)
    return IsNull(name, negated) if kind == "null" else Truth(name)


def conditions(names: st.SearchStrategy[Name] = NAMES) -> st.SearchStrategy[Expression]:
    """Any condition."""

    def joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return inner.map(Not) | several.map(And) | several.map(Or)

    return st.recursive(terms(names), joined, max_leaves=8)
