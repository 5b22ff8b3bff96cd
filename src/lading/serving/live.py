"""Values in their JSON form into the objects that a model takes, and its answers cut into rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from lading.errors import InvalidInput
from lading.serving.model import Model
from lading.serving.protocol.given import Given
from lading.signatures.restore import restore

_TABLES = frozenset({"table", "records", "record"})


def live(model: Model, given: Given) -> Any:
    """What the model is asked with: a frame, arrays, or rows as its example had them.

    Raises:
        InvalidInput: a value is of the right form, but there is no such time, or the like.
    """
    layout = model.example.layout if model.example else None
    try:
        if given.layout not in _TABLES or layout not in ("records", "record"):
            return restore(given.value, given.layout, model.signature, want="pandas")
        # Rows that were given as dictionaries when it was saved are given as such again.
        records = _records(given.value)
        if layout == "records":
            return restore(records, "records", model.signature, want="plain")
        if len(records) != 1:
            raise InvalidInput("the model takes one record", cause=f"got {len(records)}")
        return restore(records[0], "record", model.signature, want="plain")
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InvalidInput(
            "the input cannot be made into what the model takes",
            cause=f"{type(error).__name__}: {error}"[:300],
        ) from error


def _records(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and value.keys() == {"columns", "data"}:
        return [dict(zip(value["columns"], row, strict=True)) for row in value["data"]]
    return [value] if isinstance(value, Mapping) else list(value)


def cut(answer: Any, rows: Sequence[int]) -> list[Any] | None:
    """An answer to several, as one for each; None where it has not one row for each of theirs."""
    bounds = list(pairwise(accumulate(rows, initial=0)))
    total = sum(rows)
    if isinstance(answer, Mapping):
        parts = {name: cut(part, rows) for name, part in answer.items()}
        if any(part is None for part in parts.values()):
            return None
        return [
            {name: part[at] for name, part in parts.items() if part is not None}
            for at in range(len(rows))
        ]
    if hasattr(answer, "iloc"):
        return [answer.iloc[a:b] for a, b in bounds] if len(answer) == total else None
    shape = getattr(answer, "shape", None)
    if shape is not None:
        return [answer[a:b] for a, b in bounds] if shape and shape[0] == total else None
    if isinstance(answer, list) and len(answer) == total:
        # A list of arrays is one for each output, not for each row.
        return (
            None if any(hasattr(x, "shape") for x in answer) else [answer[a:b] for a, b in bounds]
        )
    return None
