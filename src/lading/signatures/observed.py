"""What looking at data found: fields, and sentences about what could not be told for sure.

The rules that every kind of data shares are here: names, categories, and what Python values in a
column of objects are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.json_shapes import schema_of
from lading.signatures.scalars import INTEGERS, is_missing, scalar_json
from lading.spec.signature import Column, FieldType, JsonField

# Of columns that hold Python objects only so many rows are looked at; the types of all others
# are known without looking.
SAMPLE: Final = 1_000
# Of more categories than this nobody wants to read the list.
_MOST_CATEGORIES: Final = 1_000
_LONGEST_NAME: Final = 512
_MOST_COLUMNS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Observed:
    """Fields, and what ought to be known about how they were found."""

    fields: tuple[FieldType, ...] = ()
    notes: tuple[str, ...] = ()


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what another describes, or of null."""
    kind = schema.get("type")
    if isinstance(kind, str) and len(schema) == 1:
        return {"type": sorted({kind, "null"})}
    return {"anyOf": [{"type": "null"}, schema]}


def json_type(dtype: str) -> str:
    """JSON's word for a scalar inside a nested column."""
    if dtype == "bool":
        return "boolean"
    if "int" in dtype:
        return "integer"
    return "number" if "float" in dtype else "string"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column is, before it has its name."""

    dtype: str = "string"
    enum: tuple[Any, ...] = ()
    timezone: str | None = None
    unit: str | None = None
    json_schema: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def named(self, name: str, *, nullable: bool) -> Column | JsonField:
        """The column."""
        if self.json_schema is not None:
            schema = self.json_schema
            return JsonField(name=name, json_schema=or_null(schema) if nullable else schema)
        return Column.model_validate(
            {
                "name": name,
                "dtype": self.dtype,
                "nullable": nullable,
                "enum": self.enum,
                "timezone": self.timezone,
                "unit": self.unit,
            }
        )


def table(columns: Sequence[Column | JsonField], notes: Iterable[str] = ()) -> Observed:
    """The fields of a table; one of nested values only is an object of lists."""
    if any(isinstance(column, Column) for column in columns):
        return Observed(tuple(columns), tuple(notes))
    lists = (
        JsonField(name=field.name, json_schema={"type": "array", "items": field.json_schema})
        for field in columns
        if isinstance(field, JsonField)
    )
    return Observed(tuple(lists), tuple(notes))


def column_names(labels: Iterable[Any]) -> tuple[list[str], list[str]]:
    """The names of columns as text, and a note where they were something else.

    Raises:
        InvalidInput: two columns have the same name, or one has none or a very long one.
    """
    labels = list(labels)
    if len(labels) > _MOST_COLUMNS:
        raise InvalidInput(f"the table has more than {_MOST_COLUMNS:,} columns")
    names = [_column_name(label) for label in labels]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(
            f"two columns are called {twice!r}",
            cause="a value could not be told from the other",
            hint="give every column a name of its own",
        )
    other = next((label for label in labels if not isinstance(label, str)), None)
    if other is None:
        return names, []
    return names, [f"column names that are no text were written as text, such as {str(other)!r}"]


def _column_name(label: Any) -> str:
    name = ".".join(map(str, label)) if isinstance(label, tuple) else str(label)
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidInput(
            "a column has no name" if not name else "a column's name is too long",
            cause=f"{len(name)} characters",
            hint=f"1 to {_LONGEST_NAME} characters",
        )
    return name


def categories(name: str, values: Sequence[Any], otherwise: ColumnType) -> ColumnType:
    """A column of categories: an enum where there are few."""
    enum = tuple(scalar_json(value) for value in values if not is_missing(value))
    if len(enum) > _MOST_CATEGORIES or not all(isinstance(v, (str, int, float)) for v in enum):
        note = f"column {name!r}: {len(enum):,} categories are too many to be listed"
        return ColumnType(otherwise.dtype, notes=(note,))
    return ColumnType(otherwise.dtype, enum=enum, timezone=otherwise.timezone, unit=otherwise.unit)


def of_objects(name: str, values: Sequence[Any], rows: int) -> ColumnType:
    """What a column of Python objects holds, by the first of its values.

    Raises:
        InvalidInput: values of several types, or of one that no column has.
    """
    seen = [value for value in values[:SAMPLE] if not _is_none(value)]
    notes = []
    if rows > len(values[:SAMPLE]):
        notes.append(f"column {name!r}: its type was read off {SAMPLE:,} of {rows:,} rows")
    if not seen:
        notes.append(f"column {name!r} holds no value; taken for text")
        return ColumnType("string", notes=tuple(notes))
    if all(_is_nested(value) for value in seen):
        schema = schema_of(seen, f"column {name!r}")
        return ColumnType(json_schema=schema, notes=tuple(notes))
    kinds = {dtype_of(value, f"column {name!r}") for value in seen}
    if kinds == {"int64", "float64"}:
        kinds = {"float64"}
    if len(kinds) > 1:
        raise InvalidInput(
            f"column {name!r} holds values of several types",
            cause=" and ".join(sorted(kinds)),
            hint=f"make them one, such as frame[{name!r}].astype(str)",
        )
    (dtype,) = kinds
    return ColumnType(
        dtype,
        timezone=_timezone(name, seen) if dtype == "timestamp" else None,
        unit="us" if dtype in ("timestamp", "time64", "duration") else None,
        notes=tuple(notes),
    )


def _is_none(value: Any) -> bool:
    return not _is_nested(value) and is_missing(value)


def _is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple)) or bool(getattr(value, "shape", ()))


def _timezone(name: str, values: Sequence[Any]) -> str | None:
    zones = {str(value.tzinfo) if value.tzinfo else None for value in values}
    if len(zones) > 1 and None in zones:
        raise InvalidInput(f"column {name!r} holds times with and without a time zone")
    return zones.pop() if len(zones) == 1 else "UTC"


# In this order: a bool is an int to Python, and a datetime a date.
_PYTHON: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "bool"),
    (int, "int64"),
    (float, "float64"),
    (str, "string"),
    ((bytes, bytearray, memoryview), "binary"),
    (Decimal, "decimal128"),
    (dt.datetime, "timestamp"),
    (dt.date, "date32"),
    (dt.time, "time64"),
    (dt.timedelta, "duration"),
)


def _wide_enough(value: Any, what: str) -> str:
    """The integer type that holds a number; Python's own have no end."""
    for dtype in ("int64", "uint64"):
        if INTEGERS[dtype][0] <= value <= INTEGERS[dtype][1]:
            return dtype
    raise InvalidInput(
        f"{what} holds a whole number of more than 64 bits", cause=f"{value.bit_length()} bits"
    )


def dtype_of(value: Any, what: str) -> str:
    """The type of a Python scalar; a subclass counts as what it is derived from.

    Raises:
        InvalidInput: no type stands for it.
    """
    for kind, dtype in _PYTHON:
        if isinstance(value, kind):
            return _wide_enough(value, what) if kind is int else dtype
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        inner = value.item()
        if not hasattr(inner, "item"):
            return dtype_of(inner, what)
    raise InvalidInput(
        f"{what} holds a value of a type that a signature does not have",
        cause=type(value).__qualname__,
        hint="text, numbers, booleans, bytes, dates, times, decimals, lists and dictionaries",
    )
