"""What a model is asked with, in its JSON form: one value, how it is laid out, and its rows.

Both doors (tensors and plain rows) end here, and batches are made of these: what several ask is one
value of more rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.errors import InvalidInput
from lading.signatures.layouts import Layout
from lading.signatures.npy import Array
from lading.signatures.validate import Problem


@dataclass(frozen=True, slots=True)
class Given:
    """An input that the signature allows."""

    value: Any
    layout: Layout
    # None where the value has no rows that could stand alone.
    rows: int | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether it is arrays of numbers and nothing else."""
        if isinstance(self.value, Array):
            return True
        if isinstance(self.value, Mapping):
            return all(isinstance(part, Array) for part in self.value.values())
        return False

    @property
    def kind(self) -> Hashable:
        """Equal for inputs that can be asked together; None for one that must be asked alone."""
        if not self.rows:
            return None
        if isinstance(self.value, Array):
            return (self.value.dtype, self.value.shape[1:])
        if self.layout == "table":
            return tuple(self.value["columns"])
        if self.layout == "tensors":
            parts = self.value.items()
            if all(isinstance(part, Array) for _, part in parts):
                return tuple((name, part.dtype, part.shape[1:]) for name, part in parts)
        return None


class WrongInput(InvalidInput):
    """The input is not what the signature says; every field that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            "the input is not what the model takes",
            cause=f"{problems[0]}{more}",
            hint="GET /docs says what it takes",
        )
        self.problems = tuple(problems)


def merged(several: Sequence[Given]) -> Given:
    """Inputs of one kind, one after the other, as one."""
    first = several[0]
    rows = sum(each.rows or 0 for each in several)
    if len(several) == 1:
        return first
    if isinstance(first.value, Array):
        return Given(_stacked([each.value for each in several]), first.layout, rows)
    if first.layout == "table":
        data = [row for each in several for row in each.value["data"]]
        return Given({"columns": first.value["columns"], "data": data}, "table", rows)
    parts = {name: _stacked([each.value[name] for each in several]) for name in first.value}
    return Given(parts, first.layout, rows)


def _stacked(arrays: Sequence[Array]) -> Array:
    length = sum(array.shape[0] for array in arrays)
    data = memoryview(b"".join(array.data for array in arrays))
    return Array(arrays[0].dtype, (length, *arrays[0].shape[1:]), data)


def part(given: Given, start: int, stop: int) -> Given:
    """Some rows of an input that can be asked with others."""
    value = given.value
    if isinstance(value, Array):
        return Given(_cut(value, start, stop), given.layout, stop - start)
    if given.layout == "table":
        rows = value["data"][start:stop]
        return Given({"columns": value["columns"], "data": rows}, "table", stop - start)
    parts = {name: _cut(each, start, stop) for name, each in value.items()}
    return Given(parts, given.layout, stop - start)


def _cut(array: Array, start: int, stop: int) -> Array:
    size = len(array.data) // array.shape[0]
    data = array.data[start * size : stop * size]
    return Array(array.dtype, (stop - start, *array.shape[1:]), data)


def rows_of(value: Any) -> int | None:
    """How many rows there are: of a table, of an array, of arrays that all have as many."""
    if isinstance(value, Array):
        return value.shape[0] if value.shape else None
    if isinstance(value, list):
        return len(value)
    if isinstance(value, Mapping) and value:
        lengths = {rows_of(each) for each in value.values()}
        return lengths.pop() if len(lengths) == 1 else None
    return None
