"""An example made into the object that a model takes: a frame, an array, or plain Python.

The one place of this room that imports numpy and pandas, and only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from lading.errors import InvalidInput, Unsupported
from lading.signatures.forms import by_key, form_of, is_split, table_fields
from lading.signatures.npy import Array
from lading.signatures.scalars import FLOATS, INTEGERS, from_json
from lading.spec.signature import Column, FieldType, Signature, Tensor

Want = Literal["pandas", "numpy", "plain"]

# pandas' types that may be missing values; the others it has of numpy.
_NULLABLE: Final = {
    "bool": "boolean",
    **{dtype: dtype.replace("int", "Int").replace("uI", "UI") for dtype in INTEGERS},
}


def restore(
    value: Any, layout: str | None, signature: Signature | None = None, *, want: Want = "plain"
) -> Any:
    """What was laid out, as the caller's framework takes it.

    ``pandas`` makes a frame of a table and arrays of the rest; ``numpy`` makes arrays of
    everything that is one; ``plain`` makes Python's own values: a table becomes a dictionary of
    lists, an array nested lists.

    Raises:
        InvalidInput: the value is not of this layout.
        Unsupported: numpy or pandas is not installed.
    """
    fields = signature.inputs if signature else ()
    if layout in ("table", "records", "record"):
        cells = _cells(value, fields)
        if want == "pandas":
            return as_frame(cells, fields)
        known = table_fields(fields)
        columns = {name: _python(column, known.get(name)) for name, column in cells.items()}
        if want == "numpy":
            return _matrix(columns)
        return columns if layout == "table" else _records(columns, value, layout)
    if layout == "tensors" and isinstance(value, Mapping):
        named = by_key(fields)
        return {name: _one(part, named.get(name), want) for name, part in value.items()}
    return _one(value, fields[0] if form_of(fields) == "value" else None, want, layout)


def _one(value: Any, field: FieldType | None, want: Want, layout: str | None = "tensor") -> Any:
    tensor = isinstance(field, Tensor) or (field is None and layout == "tensor")
    if want != "plain" and (isinstance(value, Array) or (tensor and isinstance(value, list))):
        return as_array(value, field if isinstance(field, Tensor) else None)
    if isinstance(value, Array):
        return value.tolist()
    return _leaves(value, field.dtype) if isinstance(field, Tensor) else value


def _leaves(value: Any, dtype: str) -> Any:
    if isinstance(value, list):
        return [_leaves(item, dtype) for item in value]
    return from_json(value, dtype)


def _cells(value: Any, fields: Sequence[FieldType]) -> dict[str, list[Any]]:
    """The cells of a table by column, in their JSON form.

    Columns come in the signature's order, however somebody wrote them: a model that was fitted to
    that order either refuses another one or, worse, does not look at names.
    """
    known = table_fields(fields)
    if is_split(known, value):
        places = {name: at for at, name in enumerate(value["columns"])}
        rows = value["data"]
        return {name: [row[places[name]] for row in rows] for name in _ordered(places, known)}
    records = [value] if isinstance(value, Mapping) else value
    if not isinstance(records, list) or not all(isinstance(r, Mapping) for r in records):
        raise InvalidInput("the input example is no table")
    there = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in _ordered(there, known)}


def _ordered(there: Mapping[str, object], known: Mapping[str, object]) -> list[str]:
    """The names that are there: the known ones in their order, then the others."""
    return [
        *(name for name in known if name in there),
        *(name for name in there if name not in known),
    ]


def _python(values: list[Any], field: FieldType | None) -> list[Any]:
    if not isinstance(field, Column):
        return values
    return [from_json(value, field.dtype, field.unit) for value in values]


def _records(columns: dict[str, list[Any]], value: Any, layout: str) -> Any:
    """The records with the keys that each had."""
    rows = [value] if layout == "record" else value
    records = [{name: columns[name][at] for name in row} for at, row in enumerate(rows)]
    return records[0] if layout == "record" else records


def _matrix(columns: Mapping[str, list[Any]]) -> Any:
    """Rows as a numpy array: of numbers where all are, else of objects."""
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    numbers = all(type(value) in (int, float, bool) for row in rows for value in row)
    return as_array(rows, None, dtype=None if numbers else "object")


def as_frame(cells: Mapping[str, list[Any]], fields: Sequence[FieldType] = ()) -> Any:
    """A pandas DataFrame of the cells of a table, of the types that the fields say.

    Raises:
        Unsupported: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise Unsupported("pandas is not installed", hint="pip install pandas") from error
    known = table_fields(fields)
    return pandas.DataFrame(
        {name: _series(pandas, values, known.get(name)) for name, values in cells.items()}
    )


def _series(pandas: Any, values: list[Any], field: FieldType | None) -> Any:
    if isinstance(field, Column) and field.dtype == "timestamp":
        # From the text itself: Python's datetime has no nanoseconds.
        times = pandas.Series(
            pandas.to_datetime(values, utc=field.timezone is not None, format="ISO8601")
        )
        return times.astype(_pandas_dtype(pandas, field, values))
    dtype = _pandas_dtype(pandas, field, values)
    return pandas.Series(_python(values, field), dtype=dtype)


def _pandas_dtype(pandas: Any, field: FieldType | None, values: list[Any]) -> Any:
    if not isinstance(field, Column):
        return None
    if field.enum and field.dtype == "string":
        return pandas.CategoricalDtype(list(field.enum))
    if field.dtype == "timestamp" and field.timezone:
        return pandas.DatetimeTZDtype(field.unit or "us", field.timezone)
    unit = field.unit or "us"
    of_numpy = {
        "float16": "float32",  # pandas has no float16
        "bfloat16": "float32",
        "string": "str",
        "timestamp": f"datetime64[{unit}]",
        "duration": f"timedelta64[{unit}]",
    }
    if field.dtype in _NULLABLE or field.dtype in FLOATS:
        nullable = None in values and field.dtype in _NULLABLE
        return _NULLABLE[field.dtype] if nullable else of_numpy.get(field.dtype, field.dtype)
    return of_numpy.get(field.dtype, object)


def as_array(value: Any, field: Tensor | None = None, *, dtype: str | None = None) -> Any:
    """A numpy array of nested lists or of an :class:`npy.Array`, of the type the field says.

    bfloat16, which numpy lacks, becomes float32.

    Raises:
        Unsupported: numpy is not installed.
    """
    try:
        import numpy
    except ImportError as error:
        raise Unsupported("numpy is not installed", hint="pip install numpy") from error
    dtype = _numpy_dtype(field.dtype) if field else dtype
    if isinstance(value, Array):
        raw = numpy.frombuffer(value.data, numpy.dtype(value.dtype).newbyteorder("<"))
        array = raw.reshape(value.shape)
        return array.astype(dtype or value.dtype)
    leaves = _leaves(value, field.dtype) if field else value
    array = numpy.array(leaves, dtype=dtype)
    if array.dtype.kind == "U" and array.tolist() != leaves:
        # numpy's texts of one length end where the NULs at their end begin.
        return numpy.array(leaves, dtype="object")
    return array


def _numpy_dtype(dtype: str) -> str | None:
    if dtype == "bfloat16":
        return "float32"
    if dtype == "timestamp":
        return "datetime64[us]"
    if dtype == "duration":
        return "timedelta64[us]"
    if dtype in INTEGERS or dtype in FLOATS or dtype == "bool":
        return dtype
    return "object" if dtype != "string" else None
