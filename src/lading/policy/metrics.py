"""Which metric a label means, among those that a document or an evaluation lists."""

from __future__ import annotations

from collections.abc import Iterable

from lading.spec.plain import Fields

# JSON readers let through what is beyond numbers, and no measurement is so large.
_LARGEST = 1e300


def is_called(metric: Fields, label: str) -> bool:
    """Whether a label means a metric: NAME, NAME@SPLIT or NAME@DATASET.

    A metric of one group of people is not the metric of all.
    """
    name = metric.get("name")
    if not isinstance(name, str) or metric.get("group") is not None:
        return False
    return label == name or label in (
        f"{name}@{metric[of]}" for of in ("split", "dataset") if isinstance(metric.get(of), str)
    )


def meant(metrics: Iterable[Fields], label: str) -> float | str | None:
    """The value of the metric that a label means, or None where there is none.

    Of several steps the last counts, and one of no split or dataset is meant before others. Where
    several are left, none is meant: a gate must not pass with the one that flatters. Then, and
    where the value is no number, the answer is text that says so.
    """
    last: dict[tuple[object, object], Fields] = {}
    for metric in metrics:
        if is_called(metric, label):
            # What is no text, such as a list, could not be told apart; it is none.
            kind = _text(metric.get("split")), _text(metric.get("dataset"))
            if kind not in last or _step(metric) >= _step(last[kind]):
                last[kind] = metric
    if not last:
        return None
    if len(last) > 1 and (None, None) not in last:
        several = sorted(f"{label} ({_where(metric)})" for metric in last.values())
        return "several are meant: " + ", ".join(several[:5])
    chosen = last.get((None, None)) or next(iter(last.values()))
    value = number(chosen.get("value"))
    return f"the value of {label} is no number" if value is None else value


def number(value: object) -> float | None:
    """The value, if it is a number that can be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -_LARGEST < value < _LARGEST else None


def _step(metric: Fields) -> float:
    return number(metric.get("step")) or 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _where(metric: Fields) -> str:
    parts = [f"{of} {metric[of]}" for of in ("split", "dataset") if _text(metric.get(of))]
    return ", ".join(parts)[:100] or "of no split"
