"""A signature's columns from polars' frames, lazy frames and series."""

from __future__ import annotations

from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures import observed
from lading.signatures.observed import SAMPLE, ColumnType, Observed, json_type, or_null
from lading.signatures.origin import class_name
from lading.spec.signature import Column, JsonField

_NAMES: Final = {
    "Boolean": "bool", "String": "string", "Utf8": "string", "Binary": "binary",
    "Date": "date32", "Decimal": "decimal128",
    **{f"{u}Int{bits}": f"{u.lower()}int{bits}" for u in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"Float{bits}": f"float{bits}" for bits in (16, 32, 64)},
}  # fmt: skip
_DEEPEST: Final = 16


def observe(value: Any, name: str | None = None) -> Observed:
    """The columns of a DataFrame or LazyFrame, or the one of a Series.

    A lazy frame is not collected: its columns count as nullable, for nobody has looked.

    Raises:
        InvalidInput: it is another of polars' classes, or has a type that a signature lacks.
    """
    if hasattr(value, "collect_schema"):
        lazy = not hasattr(value, "get_columns")
        schema = value.collect_schema()
        data = [None] * len(schema) if lazy else value.get_columns()
        names, types = list(schema.names()), list(schema.dtypes())
        notes = ["the frame is lazy: missing values were not looked for"] if lazy else []
    elif hasattr(value, "null_count") and hasattr(value, "dtype"):
        names, types, data, notes = [value.name or name or "value"], [value.dtype], [value], []
    else:
        raise InvalidInput(f"{class_name(value)} is no table", hint="a DataFrame or a Series")
    names, more = observed.column_names(names)
    notes += more
    columns: list[Column | JsonField] = []
    for label, dtype, series in zip(names, types, data, strict=True):
        found = _type(label, dtype, series)
        nullable = series is None or series.null_count() > 0
        columns.append(found.named(label, nullable=nullable))
        notes += found.notes
    return observed.table(columns, notes)


def _type(name: str, dtype: Any, series: Any) -> ColumnType:
    kind = type(dtype).__name__
    if kind in ("Datetime", "Duration", "Time"):
        return _timed(kind, dtype)
    if kind in ("Enum", "Categorical"):
        return observed.categories(name, _categories(kind, dtype, series), ColumnType("string"))
    if kind == "Object" and series is not None:
        return observed.of_objects(name, series.head(SAMPLE).to_list(), len(series))
    if kind == "Null":
        return ColumnType("string", notes=(f"column {name!r} holds no value; taken for text",))
    if found := _NAMES.get(kind):
        return ColumnType(found)
    return ColumnType(json_schema=_nested(name, dtype, 1))


def _timed(kind: str, dtype: Any) -> ColumnType:
    if kind == "Datetime":
        return ColumnType("timestamp", timezone=dtype.time_zone, unit=dtype.time_unit)
    if kind == "Duration":
        return ColumnType("duration", unit=dtype.time_unit)
    return ColumnType("time64", unit="ns")


def _categories(kind: str, dtype: Any, series: Any) -> list[str]:
    """An Enum knows its values; of a Categorical they are those that were seen."""
    if kind == "Enum":
        return [str(each) for each in dtype.categories.to_list()]
    if series is None:
        return []
    return [str(each) for each in series.unique().drop_nulls().sort().to_list()]


def _nested(name: str, dtype: Any, depth: int) -> dict[str, Any]:
    kind = type(dtype).__name__
    if depth > _DEEPEST:
        raise InvalidInput(f"column {name!r} is nested too deeply", cause=str(dtype)[:200])
    if kind in ("List", "Array"):
        return {"type": "array", "items": or_null(_nested(name, dtype.inner, depth + 1))}
    if kind == "Struct":
        inner = {each.name: or_null(_nested(name, each.dtype, depth + 1)) for each in dtype.fields}
        return {"type": "object", "properties": inner}
    if kind in ("Datetime", "Duration", "Time", "Enum", "Categorical") or kind in _NAMES:
        return {"type": json_type(_NAMES.get(kind, "string"))}
    raise InvalidInput(
        f"column {name!r} is of a type that a signature does not have", cause=str(dtype)[:200]
    )
