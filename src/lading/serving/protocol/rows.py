"""Plain rows into what the signature says: records, columns and data, lists, or one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lading.errors import InvalidInput
from lading.serving.protocol.datatypes import (
    BY_DTYPE,
    BYTES,
    checked,
    flattened,
    packed,
    shown,
)
from lading.serving.protocol.given import Given, WrongInput
from lading.serving.protocol.inputs import Inputs
from lading.signatures.forms import is_split, table_fields
from lading.signatures.layouts import Layout
from lading.signatures.validate import Problem
from lading.spec.signature import FieldType, Tensor


def plain_rows(inputs: Inputs, value: Any) -> Given:
    """The input in a JSON value.

    A table is a list of objects, one object, ``{"columns": […], "data": [[…], …]}``, or a list of
    lists with the columns in the signature's order; anything else is written as ``forms`` says. The
    one input of a model needs no name.

    Raises:
        WrongInput: it is not what the signature says.
    """
    if inputs.form == "anything":
        return _anything(value)
    if inputs.form == "table":
        return _table(inputs, value)
    if inputs.form == "named":
        return inputs.checked(_with_arrays(inputs, _under_its_name(inputs, value)), "tensors")
    only = inputs.signature.inputs[0]
    if isinstance(only, Tensor):
        return inputs.checked(_array(only, value), "tensor")
    return inputs.checked(value, "value")


def _under_its_name(inputs: Inputs, value: Any) -> Any:
    """The value with its name, which nobody needs to write where there is only one."""
    if isinstance(value, list) and len(inputs.taken) == 1:
        return {taken.key: value for taken in inputs.taken.values()}
    return value


def _with_arrays(inputs: Inputs, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    fields = {taken.key: taken.field for taken in inputs.taken.values()}
    return {name: _array(fields.get(name), part) for name, part in value.items()}


def _array(field: FieldType | None, value: Any) -> Any:
    """Lists of numbers as an array; what is none stays, and is refused by who knows why."""
    if not isinstance(field, Tensor) or not field.shape or not isinstance(value, list):
        return value
    kind = BY_DTYPE.get(field.dtype)
    if kind is None or kind.name == BYTES:
        return value
    shape: list[int] = []
    first: Any = value
    while isinstance(first, list) and len(shape) <= len(field.shape):
        shape.append(len(first))
        first = first[0] if first else None
    count = math.prod(shape)
    if not count:
        return value
    try:
        flat = checked(flattened(value, tuple(shape), count, ""), kind, "")
    except InvalidInput:
        return value
    return packed(flat, kind, tuple(shape))


def _table(inputs: Inputs, value: Any) -> Given:
    known = table_fields(inputs.signature.inputs)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        lengths = {len(row) for row in value}
        if lengths != {len(known)}:
            wrong = next(at for at, row in enumerate(value) if len(row) != len(known))
            raise WrongInput(
                [Problem("a row", f"{len(known)} values", f"{len(value[wrong])}", wrong)]
            )
        return inputs.checked({"columns": list(known), "data": value}, "table")
    if is_split(known, value):
        return inputs.checked(value, "table")
    if isinstance(value, Mapping):
        return inputs.checked([dict(value)], "records")
    if not isinstance(value, list):
        raise WrongInput([Problem("inputs", "rows: objects or lists", shown(value))])
    return _of_records(inputs, value, list(known))


def _of_records(inputs: Inputs, records: list[Any], names: list[str]) -> Given:
    """Records that have the same names are a table, which is asked together with others."""
    given = inputs.checked(records, "records")
    wanted = set(names)
    if records and all(record.keys() == wanted for record in records):
        data = [[record[name] for name in names] for record in records]
        return Given({"columns": names, "data": data}, "table", len(data))
    return given


def _anything(value: Any) -> Given:
    """Without a signature a value is what it looks like."""
    layout: Layout = "value"
    if isinstance(value, list) and value:
        kinds = set(map(type, value))
        if kinds == {dict}:
            layout = "records"
        elif kinds <= {list, int, float}:
            layout = "tensor"
    elif isinstance(value, dict) and is_split((), value):
        layout = "table"
    return Given(value, layout)
