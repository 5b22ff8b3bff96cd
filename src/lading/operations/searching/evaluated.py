"""Columns in which metrics are what evaluations say that were attached later, as at gates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from lading.catalogue import labels_in, meant_in
from lading.catalogue.flat import LONGEST_NAME, MOST_FACTS
from lading.operations.searching.attached import attached
from lading.operations.searching.rows import Columns, Later, Row, Rows, is_measured
from lading.spec.evidence import is_ahead

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.expressions import Expression, Name, Order, Value
    from lading.settings import Settings
    from lading.spec.evidence import Evidence


class EvaluatedColumns(Columns):
    """What every row says, with evaluations before the document's own word.

    The newest evaluation that says anything under a label counts. A version's are asked for when
    they may matter: to a filter, to an order, or because the version is shown.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rows: Rows,
        names: Iterable[Name],
        settings: Settings,
        notes: list[str],
    ) -> None:
        names = tuple(names)
        super().__init__(catalogue, rows, names)
        self._settings = settings
        self._notes = notes
        self._labels = tuple(name[1] for name in names if is_measured(name))
        self._later: dict[Row, Mapping[str, Later]] = {}
        self._asked: set[Row] = set()

    def matching(self, expression: Expression | None) -> list[Row]:
        """The rows for which an expression holds; asks where only metrics decide that."""
        if expression is not None:
            self._ask(self.decided_by_metrics(expression))
        return super().matching(expression)

    def sorted(self, rows: list[Row], orders: tuple[Order, ...]) -> list[Row]:
        """The rows in order; asks for all of them where that is by a metric."""
        if any(is_measured(order.name) for order in orders):
            self._ask(rows)
        return super().sorted(rows, orders)

    def later(self, rows: Iterable[Row]) -> Mapping[Row, Mapping[str, Later]]:
        """What evaluations say of some rows."""
        self._ask(rows)
        return self._later

    def value(self, row: Row, name: Name) -> Value | None:
        """What a row says under a name."""
        if not is_measured(name):
            return super().value(row, name)
        group, label = name
        if said := self._later.get(row, {}).get(label):
            return said.value
        return super().value(row, name) if group == "metrics" else None

    def is_empty(self, name: Name) -> bool:
        """Whether nothing that was looked at says anything under a name."""
        later = is_measured(name) and any(name[1] in said for said in self._later.values())
        return super().is_empty(name) and not later

    def _ask(self, rows: Iterable[Row]) -> None:
        new = [row for row in rows if row not in self._asked]
        self._asked.update(new)
        self._later |= attached(new, self._counting, self._settings, self._notes)

    def _counting(self, row: Row, evaluations: tuple[Evidence, ...]) -> Mapping[str, Later]:
        return said_later(evaluations, self._labels)


def said_later(
    evaluations: Iterable[Evidence], asked: Iterable[str], *, now: datetime | None = None
) -> dict[str, Later]:
    """What evaluations, the newest first, say under each label.

    Under those that are ``asked`` for, which may name a dataset, and under those that a search
    shows; of hostile ones only so many. What one from the future says is not known.
    """
    now = now or datetime.now(UTC)
    said: dict[str, Later] = {}
    labels = dict.fromkeys(asked)
    for evaluation in evaluations:
        found = labels_in(evaluation.content)
        labels |= {label: None for label in found if len(label) <= LONGEST_NAME}
        ahead = is_ahead(evaluation.created, now)
        for label, value in meant_in(evaluation.content).items():
            said.setdefault(label, Later(None if ahead else value, evaluation.digest))
    return {label: said[label] for label in islice(labels, MOST_FACTS) if label in said}
