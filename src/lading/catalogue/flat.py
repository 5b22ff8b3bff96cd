"""A document as flat facts, under the names that gates and searches use.

The document may be anybody's: nothing in it is trusted to be of the type that it should be, and of
a hostile one only so much is kept.

A list of which the document says nothing is left out, and so not known, rather than empty: parents,
datasets, authors and licenses are what somebody chose to say, and a file whose format was not
recognised has one all the same. (Stages, which the ledger knows, are always known; they are not
the document's.)
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lading.expressions import Value
from lading.spec.plain import Fields, table, tables, text, texts

# All that a document says is called so, or is a member of a group under whatever name.
NAMES: Final = (
    "authors", "created", "datasets", "description", "format", "framework", "framework.version",
    "licenses", "parameters", "parents", "scan", "size",
)  # fmt: skip
GROUPS: Final = ("metrics", "params", "tags")
# What may have several values; all of them are text.
LISTS: Final = frozenset({"authors", "datasets", "format", "licenses", "parents"})
MOST_FACTS: Final = 2000
LONGEST_NAME: Final = 256
LONGEST_TEXT: Final = 2000
# What SQLite keeps exactly; a larger count is kept as well as a float can.
_LARGEST: Final = 2**63 - 1
_LARGEST_MEASURE: Final = 1e300
CUT: Final = f"says more than {MOST_FACTS} things, or longer ones: the rest cannot be searched"


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric as the document states it."""

    name: str
    value: float
    split: str | None = None
    dataset: str | None = None
    higher_is_better: bool | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a document says, in names and values."""

    values: Mapping[str, Value]
    metrics: tuple[Measured, ...] = ()
    # What was left out, for a person.
    note: str | None = None


def flatten(document: Fields) -> Facts:
    """What a document says, as far as it fits.

    A metric of a group of cases is not the model's and is left out. A metric is found by its name
    and by NAME@SPLIT, with the value that a gate would mean: the last step's, the one of no split
    or dataset before others, and none where several are left.
    """
    measured = list(islice(measured_in(document), MOST_FACTS + 1))
    metrics = tuple(measured[:MOST_FACTS])
    values, cut = _fitting(_values(document))
    cut = cut or len(measured) > MOST_FACTS
    return Facts(values, metrics, CUT if cut else None)


def measured_in(document: Fields) -> Iterator[Measured]:
    """The metrics of a document or an evaluation; not those of a group of cases."""
    for metric in tables(document.get("metrics")):
        name, value = text(metric.get("name")), _number(metric.get("value"))
        if name is None or value is None or metric.get("group") is not None:
            continue
        better = metric.get("higher_is_better")
        yield Measured(
            name[:LONGEST_NAME],
            value,
            _short(metric.get("split"), LONGEST_NAME),
            _short(metric.get("dataset")),
            better if isinstance(better, bool) else None,
        )


def _values(document: Fields) -> Iterator[tuple[str, Value | None]]:
    lineage, framework = table(document.get("lineage")), table(document.get("framework"))
    files = tables(document.get("files"))
    yield "description", text(document.get("description"))
    yield "created", text(document.get("created"))
    yield "authors", tuple(texts(document.get("authors")))
    yield "licenses", tuple(texts(document.get("licenses")))
    yield "framework", text(framework.get("name"))
    yield "framework.version", text(framework.get("version"))
    yield "format", _formats(files)
    yield "parameters", _number(table(document.get("facts")).get("parameters"))
    sizes = (size for file in files if isinstance(size := file.get("size"), int))
    yield "size", _number(sum(sizes))
    yield "datasets", _named(lineage.get("datasets"), "uri", "name", "digest")
    yield "parents", _named(lineage.get("parents"), "reference", "digest")
    yield "scan", text(table(document.get("hazards")).get("verdict"))
    meant = meant_in(document)
    for asked in labels_in(document):
        yield f"metrics.{asked}", meant[asked]
    for name, value in table(document.get("tags")).items():
        yield f"tags.{name}", text(value)
    for name, chosen in table(document.get("params")).items():
        yield f"params.{name}", _chosen(chosen)


def labels_in(said: Fields) -> dict[str, None]:
    """The labels that metrics are found by: the NAME and the NAME@SPLIT of each."""
    labels: dict[str, None] = {}
    for metric in _of_all(said):
        name, split = text(metric.get("name")), text(metric.get("split"))
        assert name is not None
        labels |= dict.fromkeys((name, label(name, split)))
    return labels


def meant_in(said: Fields) -> dict[str, float | int | None]:
    """What a document or an evaluation means by each label: see :mod:`lading.policy.metrics`.

    By NAME@DATASET, too. None where it is not plain, or no number that a measurement can be.
    """
    found: dict[str, dict[tuple[str | None, str | None], Fields]] = {}
    for metric in _of_all(said):
        name, split, dataset = (text(metric.get(key)) for key in ("name", "split", "dataset"))
        assert name is not None
        # A gate may ask by the dataset, too: what could mean either is not plain.
        for asked in dict.fromkeys((name, label(name, split), label(name, dataset))):
            of = found.setdefault(asked, {})
            if (split, dataset) not in of or _step(metric) >= _step(of[split, dataset]):
                of[split, dataset] = metric
    return {asked: _plain(of) for asked, of in found.items()}


def _plain(of: Mapping[tuple[str | None, str | None], Fields]) -> float | int | None:
    """The value of no split or dataset, else of the only one that there is."""
    chosen = of.get((None, None)) or (next(iter(of.values())) if len(of) == 1 else None)
    return None if chosen is None else _measure(chosen.get("value"))


def _of_all(said: Fields) -> Iterator[Fields]:
    """The metrics that have a name and are not those of a group of cases; so many."""
    of_all = (m for m in tables(said.get("metrics")) if m.get("group") is None)
    yield from islice((m for m in of_all if text(m.get("name")) is not None), MOST_FACTS)


def _step(metric: Fields) -> float:
    return _measure(metric.get("step")) or 0


def _measure(value: object) -> float | int | None:
    """A number that a measurement can be: gates know no larger ones either."""
    number = _number(value)
    return number if number is not None and -_LARGEST_MEASURE < number < _LARGEST_MEASURE else None


def label(name: str, split: str | None) -> str:
    """A metric's name with its split: ``auc@test``."""
    return f"{name}@{split}" if split else name


def _named(value: object, *fields: str) -> tuple[str, ...]:
    """Everything that each of some parts may be called, each once."""
    names = (text(part.get(field)) for part in tables(value) for field in fields)
    return tuple(dict.fromkeys(name for name in names if name))


def _formats(files: list[Fields]) -> tuple[str, ...]:
    """The formats of the weights, the one with the most bytes first."""
    sizes: Counter[str] = Counter()
    for file in files:
        kind, size = text(file.get("format")), file.get("size")
        if kind and file.get("role") == "weights" and isinstance(size, int):
            sizes[kind] += size
    return tuple(sorted(sizes, key=lambda kind: (-sizes[kind], kind)))


def _chosen(value: object) -> Value | None:
    """A hyperparameter; what is no single value is written as JSON."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float):
        return _number(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _short(value: object, longest: int = LONGEST_TEXT) -> str | None:
    said = text(value)
    return said[:longest] if said else None


def _fitting(values: Iterator[tuple[str, Value | None]]) -> tuple[dict[str, Value], bool]:
    """So many values, names and texts of a length that can be kept; whether something was cut."""
    kept: dict[str, Value] = {}
    cut, room = False, MOST_FACTS
    for name, value in values:
        if value is None or value == ():
            continue
        if room <= 0:
            return kept, True
        short = _cut(value, room)
        cut = cut or short != value or len(name) > LONGEST_NAME
        kept[name[:LONGEST_NAME]] = short
        room -= len(short) if isinstance(short, tuple) else 1
    return kept, cut


def _cut(value: Value, room: int) -> Value:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    return (
        tuple(item[:LONGEST_TEXT] for item in value[:room]) if isinstance(value, tuple) else value
    )
