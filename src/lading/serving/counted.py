"""Series as values, and how those of several processes become one: pure, and without Prometheus.

What only grows is added, also what a process counted that has ended: so nothing is counted twice
after another took its place, and nothing ever falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lading.serving.shadow import quantiles

Labels = tuple[tuple[str, str], ...]

_GROWING: Final = frozenset({"counter", "histogram", "summary"})
# Of these the largest is what holds for all.
_LARGEST: Final = frozenset({"lading_ready", "lading_load_seconds"})
_CREATED: Final = "_created"
_READY: Final = "lading_ready"


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """Series of one name."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]
    # The last values, of which quantiles are made.
    window: tuple[float, ...] = ()


def written(families: Iterable[Family]) -> list[Any]:
    """Families as JSON has them."""
    return [
        [
            family.name,
            family.kind,
            family.help,
            [[each.name, each.labels, each.value] for each in family.samples],
            family.window,
        ]
        for family in families
    ]


def read(value: Sequence[Any]) -> list[Family]:
    """Families that another process of this server wrote."""
    return [
        Family(
            name,
            kind,
            told,
            tuple(
                Sample(each, tuple((key, word) for key, word in labels), float(number))
                for each, labels, number in samples
            ),
            tuple(window),
        )
        for name, kind, told, samples, window in value
    ]


def added(parts: Iterable[Sequence[Family]]) -> list[Family]:
    """The figures of several as those of one."""
    found: dict[str, Family] = {}
    for families in parts:
        for family in families:
            before = found.get(family.name)
            found[family.name] = family if before is None else _sum(before, family)
    return [_with_quantiles(family) for family in found.values()]


def lasting(families: Sequence[Family]) -> list[Family]:
    """What stays of the figures of a process that has ended."""
    return [
        replace(family, samples=tuple(filter(_is_counted, family.samples)), window=())
        for family in families
        if family.kind in _GROWING
    ]


def servers(parts: Sequence[Sequence[Family]]) -> Family:
    """How many processes serve each model now."""
    ready = [f for families in parts for f in families if f.name == _READY]
    total = replace(ready[0], name="", samples=()) if ready else Family("", "gauge", "", ())
    for family in ready:
        total = _sum(total, replace(family, name=""))
    return Family(
        "lading_workers",
        "gauge",
        "Processes that serve this model now.",
        tuple(replace(each, name="lading_workers") for each in total.samples),
    )


def _sum(one: Family, other: Family) -> Family:
    values = {(each.name, each.labels): each.value for each in one.samples}
    for each in other.samples:
        key = each.name, each.labels
        before = values.get(key)
        values[key] = each.value if before is None else _both(one.name, before, each)
    samples = tuple(Sample(name, labels, value) for (name, labels), value in values.items())
    return replace(one, samples=samples, window=one.window + other.window)


def _both(family: str, before: float, sample: Sample) -> float:
    if sample.name.endswith(_CREATED):
        return min(before, sample.value)
    return max(before, sample.value) if family in _LARGEST else before + sample.value


def _is_counted(sample: Sample) -> bool:
    return all(name != "quantile" for name, _ in sample.labels)


def _with_quantiles(family: Family) -> Family:
    """A summary with the quantiles of all last values: those of each apart cannot be added."""
    if family.kind != "summary" or not family.window:
        return family
    made = {f"{q:g}": value for q, value in quantiles(sorted(family.window)).items()}
    samples = tuple(
        each if _is_counted(each) else replace(each, value=made[dict(each.labels)["quantile"]])
        for each in family.samples
    )
    return replace(family, samples=samples)
