"""One language for gates and searches: ``metrics.auc >= 0.9 and tags.team = "risk"``.

Text becomes frozen nodes (:func:`parse`), nodes become one quick function (:func:`compiled`) or a
verdict that explains itself (:func:`evaluate`). What a name stands for is the caller's business: it
gives a lookup. Nothing here reads a document, a registry or a clock.

Logic is Kleene's: what is not known is neither true nor false, stays so through NOT, and does not
hold. The words are those that users of MLflow know; :mod:`lading.expressions.syntax` says which
names are the same, :mod:`lading.expressions.values` how values of different kinds compare.
"""

from __future__ import annotations

from lading.expressions.evaluate import Lookup, Verdict, compiled, evaluate, told
from lading.expressions.known import nobody_knows
from lading.expressions.parser import Query, parse, parse_order, parse_query
from lading.expressions.possible import (
    MOMENT,
    NUMBER,
    TRUTH,
    Kind,
    compared,
    demand_possible,
)
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
    Order,
    Truth,
)
from lading.expressions.values import Literal, Value

__all__ = [
    "MOMENT",
    "NUMBER",
    "TRUTH",
    "And",
    "Compare",
    "Expression",
    "IsNull",
    "Kind",
    "Like",
    "Literal",
    "Lookup",
    "Name",
    "Not",
    "OneOf",
    "Or",
    "Order",
    "Query",
    "Truth",
    "Value",
    "Verdict",
    "compared",
    "compiled",
    "demand_possible",
    "evaluate",
    "nobody_knows",
    "parse",
    "parse_order",
    "parse_query",
    "told",
]
