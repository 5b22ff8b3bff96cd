"""A signature's columns from pandas' frames and series. The index is no part of them."""

from __future__ import annotations

from typing import Any

from lading.errors import InvalidInput
from lading.signatures import from_arrow, observed
from lading.signatures.from_arrays import numpy_dtype
from lading.signatures.observed import SAMPLE, ColumnType, Observed
from lading.signatures.origin import class_name
from lading.spec.signature import Column, JsonField


def observe(value: Any, name: str | None = None) -> Observed:
    """The columns of a DataFrame, or the one of a Series.

    A column is nullable where a missing value was seen. An integer column without one is not:
    pandas would make floats of it as soon as a value is missing.

    Raises:
        InvalidInput: names are doubled, values mixed, or it is another of pandas' classes.
    """
    kind = type(value).__name__
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        names, notes = observed.column_names(value.columns)
        series = [value.iloc[:, at] for at in range(len(names))]
    elif kind.endswith("Index") or hasattr(value, "iloc"):
        own = value.name if value.name is not None else name or "value"
        names, notes = observed.column_names([own])
        series = [value.to_series() if kind.endswith("Index") else value]
    else:
        raise InvalidInput(f"{class_name(value)} is no table", hint="a DataFrame or a Series")
    columns: list[Column | JsonField] = []
    for label, each in zip(names, series, strict=True):
        column_type = _type(label, each)
        columns.append(column_type.named(label, nullable=bool(each.isna().any())))
        notes += column_type.notes
    return observed.table(columns, notes)


def _type(name: str, series: Any) -> ColumnType:
    dtype = series.dtype
    if type(dtype).__name__ == "CategoricalDtype":
        return observed.categories(
            name, dtype.categories.tolist(), _type(name, dtype.categories.to_series())
        )
    if type(dtype).__name__ == "SparseDtype":
        dtype = dtype.subtype
    if getattr(dtype, "kind", "") == "O" and not hasattr(dtype, "pyarrow_dtype"):
        if type(dtype).__name__ == "StringDtype":
            return ColumnType("string")
        return observed.of_objects(name, series.iloc[:SAMPLE].tolist(), len(series))
    return _typed(name, dtype)


def _typed(name: str, dtype: Any) -> ColumnType:
    """A column of one of pandas' or numpy's own types."""
    kind = type(dtype).__name__
    if kind == "StringDtype":
        return ColumnType("string")
    if kind == "DatetimeTZDtype":
        return ColumnType("timestamp", timezone=str(dtype.tz), unit=dtype.unit)
    if kind == "ArrowDtype":
        return from_arrow.column_type(name, dtype.pyarrow_dtype)
    # The nullable types (Int64, boolean, …) name the type of numpy's that they are made of.
    return numpy_dtype(f"column {name!r}", getattr(dtype, "numpy_dtype", dtype))
