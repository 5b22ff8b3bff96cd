"""A signature's fields from plain Python values: scalars, lists, records, arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures import observed
from lading.signatures.json_shapes import schema_of
from lading.signatures.observed import SAMPLE, Observed, dtype_of, of_objects
from lading.signatures.origin import class_name, origin_of
from lading.signatures.scalars import is_missing
from lading.spec.signature import Column, FieldType, JsonField, Tensor

_Observe = Callable[[Any, str | None], Observed]
_MOST_RANK: Final = 32
_TAKEN: Final = (
    "a pandas, polars or Arrow table or series, a numpy, scipy, torch or tensorflow array, "
    "a dictionary, a list, text, bytes or a number"
)


def observe(value: Any, name: str | None, inner: _Observe) -> Observed:
    """The fields of a plain value; ``inner`` observes what is in a dictionary.

    Raises:
        InvalidInput: the value is of a type that is not taken, or holds such.
    """
    if isinstance(value, Mapping):
        return _mapping(value, inner)
    if isinstance(value, (list, tuple)):
        return _sequence(value, name)
    if value is None:
        return Observed((JsonField(name=name, json_schema={}),))
    try:
        dtype = dtype_of(value, "the value")
    except InvalidInput as error:
        raise InvalidInput(
            f"no signature can be read off a {class_name(value)}", cause=f"taken are {_TAKEN}"
        ) from error
    return Observed((_tensor(name, dtype, ()),))


def _tensor(name: str | None, dtype: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor.model_validate({"name": name, "dtype": dtype, "shape": shape})


# Dictionaries


def _mapping(value: Mapping[Any, Any], inner: _Observe) -> Observed:
    if not value:
        return Observed((JsonField(json_schema={"type": "object"}),))
    names, notes = observed.column_names(value)
    parts = list(value.values())
    if all(_is_scalar(part) for part in parts):
        return _table(names, [[part] for part in parts], notes)
    if _are_columns(parts):
        return _table(names, [list(part) for part in parts], notes)
    fields: list[FieldType] = []
    for label, part in zip(names, parts, strict=True):
        found = inner(part, label)
        fields.append(_one(found, label))
        notes += found.notes
    return Observed(tuple(fields), tuple(notes))


def _one(found: Observed, name: str) -> FieldType:
    """The single field of one entry of a dictionary."""
    if len(found.fields) != 1:
        raise InvalidInput(
            f"entry {name!r} of the dictionary is a table of its own",
            hint="give the table itself, or arrays by name",
        )
    field = found.fields[0]
    return field if field.name == name else field.model_copy(update={"name": name})


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (Mapping, list, tuple)) and origin_of(value) == "python"


def _are_columns(parts: Sequence[Any]) -> bool:
    """Whether these are lists of scalars, each as long as the others."""
    if not all(isinstance(part, (list, tuple)) for part in parts):
        return False
    alike = len({len(part) for part in parts}) == 1
    return alike and all(_is_scalar(item) for part in parts for item in part[:SAMPLE])


def _table(names: list[str], data: list[list[Any]], notes: list[str]) -> Observed:
    columns: list[Column | JsonField] = []
    for name, values in zip(names, data, strict=True):
        found = of_objects(name, values, len(values))
        columns.append(found.named(name, nullable=any(map(_is_none, values))))
        notes += found.notes
    return observed.table(columns, notes)


def _is_none(value: Any) -> bool:
    return _is_scalar(value) and is_missing(value)


# Lists


def _sequence(value: Sequence[Any], name: str | None) -> Observed:
    if value and all(isinstance(item, Mapping) for item in value):
        return _records(value, name)
    shape = _shape(value)
    leaves = _leaves(value, len(shape)) if shape else []
    if shape and leaves and not any(_is_none(leaf) for leaf in leaves):
        kinds = {dtype_of(leaf, "the list") for leaf in leaves if _is_scalar(leaf)}
        kinds = {"float64"} if kinds == {"int64", "float64"} else kinds
        if len(kinds) == 1 and all(_is_scalar(leaf) for leaf in leaves):
            return Observed((_tensor(name, kinds.pop(), (-1, *shape[1:])),))
    return Observed((JsonField(name=name, json_schema=schema_of([value], name or "the value")),))


def _records(value: Sequence[Mapping[Any, Any]], name: str | None) -> Observed:
    """Rows as dictionaries are a table; a key that only some have is not required."""
    names, notes = observed.column_names({key: None for row in value for key in row})
    keys = {str(key): key for row in value for key in row}
    if name is not None:
        return Observed((JsonField(name=name, json_schema=schema_of([list(value)], name)),))
    seen = {label: [row[keys[label]] for row in value if keys[label] in row] for label in names}
    types = {label: of_objects(label, cells, len(cells)) for label, cells in seen.items()}
    # Without any column the cells are written as lists by name, where what is absent is null.
    by_name = all(found.json_schema is not None for found in types.values())
    columns: list[Column | JsonField] = []
    for label, found in types.items():
        absent = len(seen[label]) < len(value)
        nullable = any(map(_is_none, seen[label])) or (by_name and absent)
        column = found.named(label, nullable=nullable)
        columns.append(column.model_copy(update={"required": not absent}))
        notes += found.notes
    return observed.table(columns, notes)


def _shape(value: Any) -> tuple[int, ...]:
    """The lengths of nested lists along their first items; of ragged ones none."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(isinstance(item, (list, tuple)) for item in level):
        lengths = {len(item) for item in level}
        if len(lengths) > 1 or len(shape) >= _MOST_RANK:
            return ()
        shape.append(lengths.pop())
        level = [inner for item in level for inner in item]
    ragged = any(isinstance(item, (list, tuple)) for item in level)
    return () if ragged else tuple(shape)


def _leaves(value: Any, rank: int) -> list[Any]:
    level: list[Any] = [value]
    for _ in range(rank):
        level = [inner for item in level for inner in item]
    return level
