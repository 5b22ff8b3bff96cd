"""Versions as rows, and what they say as columns: what filters are held against."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lading.expressions import (
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
    compiled,
)
from lading.operations.searching.searched import person_name
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.catalogue import Catalogue, KnownVersion
    from lading.expressions import Value
    from lading.expressions.evaluate import Evaluation
    from lading.operations.searching.refresh import Looked
    from lading.settings import Settings
    from lading.spec.reference import Reference

# What is known of a version from elsewhere than its document.
BESIDE: Final = frozenset({"name", "version", "digest", "stage", "deprecated"})
_NAME: Final = Name.of("name")
_VERSION: Final = Name.of("version")
_MEASURED: Final = frozenset({"metrics", "evaluation"})


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A version that a search looks at."""

    looked: Looked
    name: str
    version: KnownVersion

    @property
    def document(self) -> int:
        """The row of its document in the catalogue; there is one, or this would be no row."""
        assert self.version.document is not None
        return self.version.document

    @property
    def number(self) -> str:
        """The version as people write it: with ``+`` instead of ``_``."""
        return self.version.tag.replace("_", "+")

    @property
    def reference(self) -> str:
        """Where it is."""
        return str(self.looked.place.with_tag(self.version.tag))

    @property
    def stage(self) -> tuple[str, ...]:
        """The stages that name it; that it is in none is known, too."""
        return self.looked.repository.state.stages.of(self.version.digest)

    @property
    def deprecated(self) -> bool:
        """Whether somebody said that it should not be used."""
        return self.version.digest in self.looked.repository.state.stages.deprecated

    @property
    def digest(self) -> str:
        """Of its index."""
        return self.version.digest


@dataclass(frozen=True, slots=True)
class Rows:
    """Every version that a search looks at."""

    all: tuple[Row, ...]

    @classmethod
    def of(cls, repositories: Iterable[Looked], settings: Settings) -> Rows:
        """Those of some repositories; what is no model is none of them."""
        rows = []
        for looked in repositories:
            name = person_name(looked.place, settings)
            rows += [
                Row(looked, name, version)
                for version in looked.repository.versions
                if version.document is not None
            ]
        return cls(tuple(rows))


class Possible:
    """What an expression can hold for, told before any document is read.

    By names and versions alone: where it does not hold then, it does not whatever the document
    says. So a filter on a name or a version asks for nothing else.
    """

    def __init__(self, expression: Expression | None, settings: Settings) -> None:
        self._by_name = _possibly(expression, {_NAME})
        self._by_both = _possibly(expression, {_NAME, _VERSION})
        self._settings = settings
        self._names: dict[Reference, str] = {}

    def repository(self, place: Reference) -> bool:
        """Whether it may hold for a version of a repository."""
        return self._by_name({_NAME: self._name(place)}.get) is True

    def version(self, place: Reference, tag: str) -> bool:
        """Whether it may hold for a version."""
        known = {_NAME: self._name(place), _VERSION: tag.replace("_", "+")}
        return self._by_both(known.get) is True

    def _name(self, place: Reference) -> str:
        if place not in self._names:
            self._names[place] = person_name(place, self._settings)
        return self._names[place]


def _possibly(expression: Expression | None, read: Container[Name]) -> Evaluation:
    """Whether an expression may hold, by what is said under some names."""
    if expression is None:
        return lambda _: True
    return compiled(supposing(expression, lambda name: name not in read, best=True))


def supposing(expression: Expression, unread: Callable[[Name], bool], *, best: bool) -> Expression:
    """An expression that holds if the given one may, whatever is said under names not read yet.

    With ``best`` false: only if the given one must. What is not read is taken for nothing when it
    is asked for, and is not known to be nothing: so each of its terms is supposed to help, or not.
    """
    match expression:
        case And(conditions):
            return And(tuple(supposing(each, unread, best=best) for each in conditions))
        case Or(conditions):
            return Or(tuple(supposing(each, unread, best=best) for each in conditions))
        case Not(condition):
            # What helps under NOT is what does not hold.
            return Not(supposing(condition, unread, best=not best))
        case Truth(name) | Compare(name) | OneOf(name) | Like(name) | IsNull(name) if unread(name):
            return IsNull(name, negated=not best)
    return expression


def is_measured(name: Name) -> bool:
    """Whether a name is a metric's, which evaluations may say something of later."""
    return len(name) == 2 and name[0] in _MEASURED


@dataclass(frozen=True, slots=True)
class Later:
    """What an evaluation that was attached says of a metric; no value where it is not plain."""

    value: float | None
    # The digest of the evaluation.
    evidence: str


class Columns:
    """What every row says under the names that are asked for."""

    def __init__(self, catalogue: Catalogue, rows: Rows, names: Iterable[Name]) -> None:
        documents = {row.document for row in rows.all}
        self._rows = rows.all
        self._said: dict[Name, Mapping[int, Value]] = {
            name: catalogue.column(".".join(name), documents)
            for name in names
            if ".".join(name) not in BESIDE
        }

    def is_empty(self, name: Name) -> bool:
        """Whether no version says anything under a name."""
        said = self._said.get(name)
        return said is not None and not any(row.document in said for row in self._rows)

    def matching(self, expression: Expression | None) -> list[Row]:
        """The rows for which an expression holds."""
        if expression is None:
            return list(self._rows)
        holds = compiled(expression)
        return [row for row in self._rows if holds(partial(self.value, row))]

    def decided_by_metrics(self, expression: Expression) -> list[Row]:
        """The rows for which an expression may hold or not, as their metrics are."""
        may = compiled(supposing(expression, is_measured, best=True))
        must = compiled(supposing(expression, is_measured, best=False))
        lookups = ((row, partial(self._but_metrics, row)) for row in self._rows)
        return [row for row, lookup in lookups if may(lookup) and not must(lookup)]

    def _but_metrics(self, row: Row, name: Name) -> Value | None:
        return None if is_measured(name) else self.value(row, name)

    def value(self, row: Row, name: Name) -> Value | None:
        """What a row says under a name."""
        said = self._said.get(name)
        return said.get(row.document) if said is not None else _beside(row, name)

    def later(self, rows: Iterable[Row]) -> Mapping[Row, Mapping[str, Later]]:
        """What evaluations say of some rows, where anybody looked at them: nobody did here."""
        return {}

    @staticmethod
    def newest_first(rows: Iterable[Row]) -> list[Row]:
        """The highest version first."""
        return sorted(rows, key=lambda row: _version(row.version.tag), reverse=True)

    def sorted(self, rows: list[Row], orders: tuple[Order, ...]) -> list[Row]:
        """The rows in order; what is not known comes last, whichever way."""
        # Sorting is stable: the least important comes first.
        rows = self.newest_first(rows)
        rows.sort(key=lambda row: row.name)
        for order in reversed(orders):
            values = [(row, self.value(row, order.name)) for row in rows]
            known = [(row, value) for row, value in values if value not in (None, ())]
            known.sort(key=lambda pair: _rank(order.name, pair[1]), reverse=order.descending)
            rows = [row for row, _ in known]
            rows += [row for row, value in values if value in (None, ())]
        return rows


def _beside(row: Row, name: Name) -> Value | None:
    match ".".join(name):
        case "name":
            return row.name
        case "version":
            return row.number
        case "digest":
            return row.digest
        case "stage":
            return row.stage
    return row.deprecated


def _rank(name: Name, value: Value | None) -> tuple[int, Any]:
    """Numbers before texts; a list by all of its texts; versions as versions are ordered."""
    if name == ("version",):
        return 0, _version(str(value))
    if isinstance(value, int | float):
        return 0, value
    return 1, " ".join(value) if isinstance(value, tuple) else value


def _version(tag: str) -> Version:
    version = Version.from_tag(tag.replace("+", "_"))
    assert version is not None
    return version
