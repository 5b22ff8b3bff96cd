"""The nodes of an expression, and their one normal form.

``str()`` of a node is text that parses to an equal node. Names are paths of parts. Some are the
same, so that what users of MLflow write means what they mean:

- ``metric.auc`` is ``metrics.auc``, ``param.lr`` and ``parameters.lr`` are ``params.lr``,
  ``tag.team`` is ``tags.team``, ``attribute.name`` and ``attributes.name`` are ``name``.
- In ``metrics``, ``params``, ``tags`` and ``evaluation`` all that follows is one key:
  ``metrics.val.auc`` is ``metrics."val.auc"``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from lading.expressions.tokens import WORD
from lading.expressions.values import Literal, written

# Words that are no names unless they are quoted or follow a dot.
KEYWORDS: Final = frozenset(
    {"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "NULL", "TRUE", "FALSE"}
)
# Groups whose members have names of their own, which may hold dots.
GROUPS: Final = frozenset({"metrics", "params", "tags", "evaluation"})
_ALIASES: Final = {
    "metric": "metrics",
    "param": "params",
    "parameter": "params",
    "parameters": "params",
    "tag": "tags",
}
_PLAIN: Final = frozenset({"attribute", "attributes", "attr"})


class Name(tuple[str, ...]):
    """What a value is called: a path of parts. It equals, and hashes as, the tuple of them."""

    __slots__ = ()

    @classmethod
    def of(cls, *parts: str) -> Name:
        """The name in its normal form: aliases written out, a group's key in one part."""
        first, *rest = parts
        if rest and first in _PLAIN:
            return cls.of(*rest)
        group = _ALIASES.get(first, first)
        return cls((group, ".".join(rest))) if rest and group in GROUPS else cls(parts)

    def __str__(self) -> str:
        first, *rest = self
        bare = WORD.fullmatch(first) and first.upper() not in KEYWORDS
        return ".".join(
            (
                first if bare else _quoted(first, "`"),
                *(part if WORD.fullmatch(part) else _quoted(part, "`") for part in rest),
            )
        )

    def __repr__(self) -> str:
        return f"Name({str(self)!r})"


class Order(NamedTuple):
    """What results are sorted by."""

    name: Name
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Expression(ABC):
    """A condition. Its nodes are the subclasses in this module."""

    @property
    def names(self) -> frozenset[Name]:
        """Every name that the expression asks for."""
        return frozenset(self._named())

    @abstractmethod
    def _named(self) -> Iterator[Name]: ...


@dataclass(frozen=True, slots=True)
class _Term(Expression):
    """A condition on one name."""

    name: Name

    def _named(self) -> Iterator[Name]:
        yield self.name

    @property
    def versions(self) -> bool:
        """Whether values compare as semantic versions."""
        return self.name == ("version",)


@dataclass(frozen=True, slots=True)
class Truth(_Term):
    """A name that stands alone: it must be true."""

    def __str__(self) -> str:
        return str(self.name)


@dataclass(frozen=True, slots=True)
class Compare(_Term):
    """``name relation literal``; the relation is one of ``= != < <= > >=``."""

    relation: str
    literal: Literal

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {shown(self.literal)}"


@dataclass(frozen=True, slots=True)
class OneOf(_Term):
    """``name [NOT] IN (literal, …)``."""

    literals: tuple[Literal, ...]
    negated: bool = False

    def __str__(self) -> str:
        listed = ", ".join(map(shown, self.literals))
        return f"{self.name} {'NOT ' * self.negated}IN ({listed})"


@dataclass(frozen=True, slots=True)
class Like(_Term):
    """``name [NOT] LIKE pattern``, or ILIKE, which ignores case."""

    pattern: str
    ignoring_case: bool = False
    negated: bool = False

    def __str__(self) -> str:
        word = "ILIKE" if self.ignoring_case else "LIKE"
        return f"{self.name} {'NOT ' * self.negated}{word} {shown(self.pattern)}"


@dataclass(frozen=True, slots=True)
class IsNull(_Term):
    """``name IS [NOT] NULL``: whether it is not known."""

    negated: bool = False

    def __str__(self) -> str:
        return f"{self.name} IS {'NOT ' * self.negated}NULL"


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """The opposite; unknown stays unknown."""

    condition: Expression

    def _named(self) -> Iterator[Name]:
        return self.condition._named()

    def __str__(self) -> str:
        return f"NOT {_enclosed(self.condition, And, Or)}"


@dataclass(frozen=True, slots=True)
class And(Expression):
    """All of two or more conditions."""

    conditions: tuple[Expression, ...]

    def _named(self) -> Iterator[Name]:
        for condition in self.conditions:
            yield from condition._named()

    def __str__(self) -> str:
        return " AND ".join(_enclosed(each, And, Or) for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """One of two or more conditions."""

    conditions: tuple[Expression, ...]

    def _named(self) -> Iterator[Name]:
        for condition in self.conditions:
            yield from condition._named()

    def __str__(self) -> str:
        return " OR ".join(_enclosed(each, Or) for each in self.conditions)


def shown(literal: Literal) -> str:
    """A literal as expressions write it."""
    return _quoted(literal, "'") if isinstance(literal, str) else written(literal)


def _quoted(text: str, quote: str) -> str:
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def _enclosed(condition: Expression, *looser: type[Expression]) -> str:
    return f"({condition})" if isinstance(condition, looser) else str(condition)
