"""The answer of ``lading diff`` as tables of text, for whoever draws them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lading.cli.output import count, size
from lading.operations.diff import DiffResult

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; what is the same on both sides may be left out."""

    status: str
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether this line is worth showing to somebody who asks for differences."""
        return self.status != "same"


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its title; the columns of numbers stand to the right."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    right: frozenset[int] = frozenset()

    @property
    def differing(self) -> tuple[Row, ...]:
        """The lines that tell a difference."""
        return tuple(row for row in self.rows if row.differs)


def sections(result: DiffResult) -> tuple[Section, ...]:
    """Every table that has a line, the most telling ones first."""
    found = (
        Section("Metrics", ("NAME", "A", "B", "CHANGE"), _metrics(result), frozenset({1, 2, 3})),
        Section("Schema", ("WHERE", "WHAT", "WHY"), _schema(result)),
        Section("Parameters", ("NAME", "A", "B"), _values(result.params)),
        Section("About", ("NAME", "A", "B"), _values(result.about)),
        Section("Facts", ("NAME", "A", "B"), _values(result.facts)),
        Section("Environment", ("NAME", "A", "B"), _values(result.environment)),
        Section("Packages", ("NAME", "A", "B"), _packages(result)),
        Section("Lineage", ("NAME", "A", "B"), _values(result.lineage)),
        Section("Files", ("PATH", "A", "B"), _files(result), frozenset({1, 2})),
        Section("Tensors", ("NAME", "A", "B", "SIZE"), _tensors(result), frozenset({3})),
    )
    return tuple(section for section in found if section.rows)


def summary(result: DiffResult) -> Iterator[str]:
    """What it comes to, in sentences."""
    if result.equal:
        yield "Nothing differs."
    schema = result.signature
    if schema.breaking:
        yield "The schema breaks callers of A."
    elif schema.changes:
        yield "The schema changed; callers of A go on working."
    if result.files:
        yield f"Files: {_tally(change.status for change in result.files)}."
    if result.tensors:
        read = (
            f" ({size(result.tensor_bytes_read)} read for it)" if result.tensor_bytes_read else ""
        )
        yield f"Tensors: {_tally(change.status for change in result.tensors)}{read}."
    fetch = result.fetch
    if fetch.layers:
        shared = f", and has {count(fetch.shared, 'layer')} already" if fetch.shared else ""
        layers = count(fetch.layers, "layer")
        yield f"Who has A fetches {size(fetch.bytes)} in {layers} for B{shared}."
    else:
        yield "Who has A has every layer of B already."


_ORDER: Final = ("changed", "added", "removed", "unknown", "same")


def _tally(statuses: Iterable[str]) -> str:
    counts = Counter(statuses)
    return ", ".join(f"{counts[status]:,} {status}" for status in _ORDER if counts[status])


def _metrics(result: DiffResult) -> tuple[Row, ...]:
    return tuple(
        Row(
            change.status,
            (change.name, _number(change.before), _number(change.after), _delta(change.delta)),
        )
        for change in result.metrics
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _delta(value: float | None) -> str:
    return f"{value:+.4g}" if value else ""


def _schema(result: DiffResult) -> tuple[Row, ...]:
    return tuple(
        Row(
            "breaking" if change.breaking else "compatible",
            (change.where, change.what, change.why),
        )
        for change in result.signature.changes
    )


def _values(changes: Iterable[Any]) -> tuple[Row, ...]:
    return tuple(
        Row(change.status, (change.name, value_text(change.before), value_text(change.after)))
        for change in changes
    )


def value_text(value: object) -> str:
    """A value for people: text as it is, anything else as JSON, neither at any length."""
    if value is None:
        return ""
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST)


def cut(text: str, longest: int) -> str:
    """The text, or its beginning where it is longer than that."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _packages(result: DiffResult) -> tuple[Row, ...]:
    return tuple(
        Row(
            change.status,
            (
                change.name + (" (direct)" if change.direct else ""),
                value_text(change.before),
                value_text(change.after),
            ),
        )
        for change in result.packages
    )


def _files(result: DiffResult) -> tuple[Row, ...]:
    return tuple(
        Row(change.status, (change.path, _size(change.before), _size(change.after)))
        for change in result.files
    )


def _tensors(result: DiffResult) -> tuple[Row, ...]:
    return tuple(
        Row(
            change.status,
            (change.name, change.before or "", change.after or "", size(change.bytes)),
        )
        for change in result.tensors
    )


def _size(number: int | None) -> str:
    return "" if number is None else size(number)
