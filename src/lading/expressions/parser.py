"""Tokens into nodes: by recursive descent, with every count bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.errors import InvalidInput
from lading.expressions.syntax import (
    KEYWORDS,
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
from lading.expressions.tokens import Token, refuse, tokens
from lading.expressions.values import Literal, number
from lading.spec.version import Version

# Deeper and larger than anything a person writes; small enough for any stack.
DEEPEST: Final = 64
MOST_TERMS: Final = 500
_MOST_ORDERS: Final = 16
_MOST_RESULTS: Final = 10**9

_END: Final = "AND, OR or the end"
_VALUE: Final = "a number, text in quotes, true or false"


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, how it is sorted, and how many are wanted."""

    expression: Expression | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None


def parse(text: str) -> Expression:
    """The condition in a text.

    Raises:
        InvalidInput: it is none; points at the place and says what was expected.
    """
    reader = _Reader(text)
    expression = reader.condition()
    reader.demand_end(_END)
    return expression


def parse_query(text: str) -> Query:
    """The query in a text: ``CONDITION ORDER BY NAME [DESC], … LIMIT N``; each may be left out.

    Raises:
        InvalidInput: it is none; points at the place and says what was expected.
    """
    reader = _Reader(text)
    expression = order = limit = None
    if not reader.at_order and not reader.at_limit and reader.token.kind != "end":
        expression = reader.condition()
    if reader.at_order:
        reader.take(2)
        order = reader.orders()
    if reader.at_limit:
        reader.take(1)
        limit = reader.count()
    reader.demand_end("LIMIT or the end" if order else "AND, OR, ORDER BY, LIMIT or the end")
    return Query(expression, order or (), limit)


def parse_order(text: str) -> tuple[Order, ...]:
    """The order in a text: ``metrics.auc DESC, name``.

    Raises:
        InvalidInput: it is none; points at the place and says what was expected.
    """
    reader = _Reader(text)
    orders = reader.orders()
    reader.demand_end("a comma or the end")
    return orders


class _Reader:
    """Goes through the tokens once; ``token`` is the one to be read next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._terms = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    @property
    def at_order(self) -> bool:
        return self.token.is_word("ORDER") and self.following.is_word("BY")

    @property
    def at_limit(self) -> bool:
        # A thing may be called limit, too; it is never followed by a number or the end of a list.
        return self.token.is_word("LIMIT") and self.following.kind == "number"

    def take(self, count: int = 1) -> Token:
        token = self.token
        self._at = min(self._at + count, len(self._tokens) - 1)
        return token

    def demand_end(self, expected: str) -> None:
        if self.token.kind != "end":
            refuse(self._text, self.token, expected, self._hint_at_end())

    def _hint_at_end(self) -> str | None:
        """What may be meant where a condition ended and something follows."""
        if self._at and self._tokens[self._at - 1].kind == "number":
            return 'dates and versions are text and go in quotes, as in created > "2026-01-01"'
        return None

    def condition(self) -> Expression:
        first = self._conjunction()
        if not self.token.is_word("OR"):
            return first
        conditions = [first]
        while self.token.is_word("OR"):
            self.take()
            conditions.append(self._conjunction())
        return Or(tuple(conditions))

    def _conjunction(self) -> Expression:
        first = self._negation()
        if not self.token.is_word("AND"):
            return first
        conditions = [first]
        while self.token.is_word("AND"):
            self.take()
            conditions.append(self._negation())
        return And(tuple(conditions))

    def _negation(self) -> Expression:
        nests = self.token.is_word("NOT") or self.token.is_mark("(")
        if not nests:
            return self._term()
        if self._depth >= DEEPEST:
            refuse(self._text, self.token, f"no more than {DEEPEST} levels of NOT and parentheses")
        self._depth += 1
        found = Not(self._negation()) if self.take().is_word("NOT") else self._enclosed()
        self._depth -= 1
        return found

    def _enclosed(self) -> Expression:
        inner = self.condition()
        self._demand_mark(")", "AND, OR or )")
        return inner

    def _term(self) -> Expression:
        self._terms += 1
        if self._terms > MOST_TERMS:
            refuse(self._text, self.token, f"no more than {MOST_TERMS} conditions")
        name = self.name()
        if self.token.kind == "operator":
            return self._comparison(name)
        if self.token.is_word("IS"):
            self.take()
            negated = self._taken("NOT")
            if not self._taken("NULL"):
                refuse(self._text, self.token, "NULL or NOT NULL")
            return IsNull(name, negated)
        negated = self.token.is_word("NOT") and bool(self.take())
        if self.token.is_word("IN"):
            self.take()
            return OneOf(name, self._literals(name), negated)
        if self.token.is_word("LIKE", "ILIKE"):
            ignoring_case = self.take().is_word("ILIKE")
            return Like(name, self._pattern(), ignoring_case, negated)
        if negated:
            refuse(self._text, self.token, "IN, LIKE or ILIKE")
        return Truth(name)

    def _comparison(self, name: Name) -> Compare:
        relation = self.take().text
        token = self.token
        literal = self._literal(name)
        if isinstance(literal, bool) and relation not in ("=", "!="):
            refuse(self._text, token, f"a number or text after {relation}: true has no order")
        return Compare(name, relation, literal)

    def _literals(self, name: Name) -> tuple[Literal, ...]:
        self._demand_mark("(", "( and a list of values")
        found = [self._literal(name)]
        while self.token.is_mark(","):
            self.take()
            found.append(self._literal(name))
        self._demand_mark(")", "a comma or )")
        return tuple(found)

    def _literal(self, name: Name) -> Literal:
        token = self.take()
        if name == ("version",):
            return self._version(token)
        if token.kind == "text":
            return token.text
        if token.kind == "number":
            found = number(token.text)
            if found is None:
                refuse(self._text, token, "a number that is not too large")
            return found
        if not token.is_word("TRUE", "FALSE"):
            hint = f'text goes in quotes: "{token.text}"' if token.kind == "word" else None
            refuse(self._text, token, _VALUE, hint)
        return token.is_word("TRUE")

    def _version(self, token: Token) -> str:
        if token.kind != "text":
            refuse(self._text, token, 'a version in quotes, as in "1.2.0"')
        try:
            Version.parse(token.text)
        except InvalidInput as error:
            refuse(self._text, token, "a semantic version", error.hint)
        return token.text

    def _pattern(self) -> str:
        if self.token.kind != "text":
            refuse(self._text, self.token, "a pattern in quotes, as in 'risk%'")
        return self.take().text

    def name(self) -> Name:
        parts = [self._first_part()]
        while self.token.is_mark(".") or self.token.is_mark("["):
            parts.append(self._key() if self.take().is_mark("[") else self._part())
        return Name.of(*parts)

    def _first_part(self) -> str:
        token = self.token
        if token.kind == "word" and token.text.upper() in KEYWORDS:
            refuse(self._text, token, "a name", f"a thing of that name is written `{token.text}`")
        return self._part()

    def _part(self) -> str:
        token = self.token
        if not token.text or not (token.kind in ("word", "name") or token.either):
            hint = (
                "a name comes first; one that begins with a digit goes in backticks: metrics.`5xx`"
            )
            refuse(self._text, token, "a name", hint if token.kind == "number" else None)
        return self.take().text

    def _key(self) -> str:
        token = self.token
        if not token.text or token.kind not in ("text", "name"):
            refuse(self._text, token, 'a name in quotes, as in metrics["auc@test"]')
        self.take()
        self._demand_mark("]", "]")
        return token.text

    def orders(self) -> tuple[Order, ...]:
        found = [self._order()]
        while self.token.is_mark(","):
            self.take()
            if len(found) >= _MOST_ORDERS:
                refuse(self._text, self.token, f"no more than {_MOST_ORDERS} names to sort by")
            found.append(self._order())
        return tuple(found)

    def _order(self) -> Order:
        name = self.name()
        descending = self.token.is_word("DESC")
        if self.token.is_word("ASC", "DESC"):
            self.take()
        return Order(name, descending)

    def count(self) -> int:
        token = self.take()
        found = number(token.text)
        if not isinstance(found, int) or not 0 < found <= _MOST_RESULTS:
            refuse(self._text, token, "a whole number above 0")
        return found

    def _taken(self, word: str) -> bool:
        return self.token.is_word(word) and bool(self.take())

    def _demand_mark(self, mark: str, expected: str) -> None:
        if not self.token.is_mark(mark):
            refuse(self._text, self.token, expected)
        self.take()
