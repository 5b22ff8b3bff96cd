"""Rows of a batch as what the model is asked with, held against its signature.

``serving.protocol`` decides what fits. Here is only which columns of a file make up which input:

==============================  ============================================================
the model takes                 of a row
==============================  ============================================================
a table                         the columns of its names; others are left alone
one array                       the column of its name; without one, all columns in order
several arrays, by name         the column of each name: a number, a list, or JSON text
one value, or fixed shapes      the same, each row by itself
nothing that is known           all columns, as a table
==============================  ============================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.batch.cells import number_form, values
from lading.serving.batch.table import ABSENT, Batch, Head
from lading.serving.model import Model
from lading.serving.protocol.given import Given, WrongInput
from lading.serving.protocol.inputs import Inputs
from lading.serving.protocol.rows import plain_rows
from lading.signatures.forms import by_key
from lading.signatures.validate import Problem
from lading.spec.nearest import nearest
from lading.spec.signature import Column, FieldType, Tensor

_MATRIX: Final = 2


@dataclass(frozen=True, slots=True)
class Asking:
    """How rows of one file become inputs of one model."""

    inputs: Inputs
    # The columns that are asked with, and what each is to be; None where nothing is known.
    fields: dict[str, FieldType | None]
    # The one array that all columns make up together.
    whole: FieldType | None
    # Whether every row is asked by itself.
    alone: bool

    @classmethod
    def of(cls, model: Model, head: Head, columns: Sequence[str] | None, source: str) -> Asking:
        """How it is for this file.

        Raises:
            InvalidInput: the file lacks a column that the model takes.
        """
        inputs = Inputs.of(model.signature)
        known = by_key(inputs.signature.inputs)
        alone = _is_alone(model, inputs)
        chosen = _chosen(head, columns, source)
        if inputs.form == "anything":
            return cls(inputs, dict.fromkeys(chosen), None, alone)
        if (one := _one_array(inputs)) is not None and not (
            len(known) == 1 and one.name in chosen and columns is None
        ):
            return cls(inputs, dict.fromkeys(chosen, one), one, alone)
        if inputs.form == "value":
            # Something that is no array: one column has it.
            name = inputs.signature.inputs[0].name or _only(chosen, source)
            return cls(inputs, {name: inputs.signature.inputs[0]}, None, alone)
        _demand(known, chosen, head, source)
        return cls(inputs, {name: known[name] for name in known}, None, alone)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the model is asked with."""
        return tuple(self.fields)

    def typed(self, batch: Batch) -> dict[str, Sequence[Any]]:
        """The cells that the model is asked with, in their JSON form, by column."""
        return {
            name: values(batch, name, None if self.whole else field)
            if name in batch.cells
            else [ABSENT] * batch.count
            for name, field in self.fields.items()
        }

    def given(self, cells: dict[str, Sequence[Any]], rows: Sequence[int]) -> Given:
        """The input that some rows make.

        Raises:
            WrongInput: it is not what the signature says; rows are counted within these.
        """
        if self.inputs.form in ("table", "anything"):
            return self._table(cells, rows)
        if self.whole is not None:
            return self._named_whole(self._array(cells, rows))
        taken = {name: _taken(self.fields[name], cells[name], rows) for name in self.fields}
        if self.alone:
            first = {n: part[0] for n, part in taken.items() if part and part[0] is not ABSENT}
            if self.inputs.form == "value":
                return plain_rows(self.inputs, next(iter(first.values()), None))
            return plain_rows(
                self.inputs, {n: _wrapped(self.fields[n], v) for n, v in first.items()}
            )
        present = {n: part for n, part in taken.items() if not _is_absent(part)}
        if self.inputs.form == "value":
            return plain_rows(self.inputs, next(iter(present.values()), []))
        return plain_rows(self.inputs, present)

    def _table(self, cells: dict[str, Sequence[Any]], rows: Sequence[int]) -> Given:
        names = list(self.fields)
        data = [[cells[name][at] for name in names] for at in rows]
        if not any(value is ABSENT for row in data for value in row):
            value = {"columns": names, "data": data}
            if self.inputs.form == "anything":
                return Given(value, "table", len(data))
            return self.inputs.checked(value, "table")
        records = [
            {name: value for name, value in zip(names, row, strict=True) if value is not ABSENT}
            for row in data
        ]
        if self.inputs.form == "anything":
            return Given(records, "records", len(records))
        return plain_rows(self.inputs, records)

    def _array(self, cells: dict[str, Sequence[Any]], rows: Sequence[int]) -> list[Any]:
        """A list for each row: of all columns, or what the only column has."""
        columns = [cells[name] for name in self.fields]
        if len(columns) == 1:
            return _taken(self.whole, columns[0], rows)
        return [[number_form(column[at]) for column in columns] for at in rows]

    def _named_whole(self, value: list[Any]) -> Given:
        if self.inputs.form == "value":
            return plain_rows(self.inputs, value)
        return plain_rows(self.inputs, {next(iter(self.inputs.taken.values())).key: value})


def _is_alone(model: Model, inputs: Inputs) -> bool:
    if model.example is not None and model.example.layout == "record":
        return True
    if inputs.form in ("table", "anything"):
        return False
    return not all(
        isinstance(field, Column) or (isinstance(field, Tensor) and field.shape[:1] == (-1,))
        for field in inputs.signature.inputs
    )


def _one_array(inputs: Inputs) -> Tensor | None:
    """The only input, where it is an array of rows."""
    fields = inputs.signature.inputs
    if len(fields) != 1 or not isinstance(fields[0], Tensor) or len(fields[0].shape) < 1:
        return None
    return fields[0]


def _chosen(head: Head, columns: Sequence[str] | None, source: str) -> tuple[str, ...]:
    if columns is None:
        return head.columns
    for name in columns:
        if name not in head.columns:
            raise InvalidInput(
                f"{source} has no column {name[:100]!r}", hint=nearest(name, head.columns)
            )
    return tuple(columns)


def _only(chosen: Sequence[str], source: str) -> str:
    if len(chosen) == 1:
        return chosen[0]
    raise InvalidInput(
        f"the model takes one value a row, and {source} has {len(chosen)} columns",
        cause=", ".join(chosen[:10])[:200],
        hint="--columns NAME says which it is",
    )


def _demand(known: dict[str, FieldType], chosen: Sequence[str], head: Head, source: str) -> None:
    """Refuse a file that lacks a column in every row; of objects each is looked at by itself."""
    if not head.is_fixed or not known:
        return
    missing = [name for name, field in known.items() if field.required and name not in chosen]
    if missing:
        raise InvalidInput(
            f"{source} has no column {missing[0]!r}",
            cause=f"the model takes {', '.join(known)}"[:300]
            + (f"; {len(missing)} are missing" if len(missing) > 1 else ""),
            hint=nearest(missing[0], head.columns),
        )


def _taken(field: FieldType | None, column: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """Cells of an input by name; a number where a row of one is due is that row."""
    found = [column[at] for at in rows]
    if isinstance(field, Tensor):
        wrap = len(field.shape) == _MATRIX and field.shape[1] in (1, -1)
        found = [number_form(value) for value in found]
        if wrap:
            return [value if isinstance(value, list) else [value] for value in found]
    return found


def _wrapped(field: FieldType | None, value: Any) -> Any:
    """A row for a tensor that takes exactly one of them."""
    if isinstance(field, Tensor) and field.shape[:1] in ((1,), (-1,)):
        return [value]
    return [value] if isinstance(field, Column) else value


def _is_absent(part: Sequence[Any]) -> bool:
    """Whether no row has it; where only some have, that is for the check to say."""
    return all(value is ABSENT or value is None for value in part)


def problem_of(error: WrongInput) -> Problem:
    """What is wrong with a row that was asked about alone."""
    first = error.problems[0]
    return Problem(first.where, first.expected, first.got)
