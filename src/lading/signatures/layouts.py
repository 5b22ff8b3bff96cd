"""Live objects laid out as JSON: a frame, an array, records or a plain value in its JSON form.

The layout is the word that the document keeps beside the example:

========  ===========================================  =========================================
layout    the object was                               the JSON form
========  ===========================================  =========================================
table     a frame or series, a dictionary of columns   ``{"columns": […], "data": [[…], …]}``
records   a list of dictionaries                       a list of objects
record    one dictionary of scalars                    an object
tensor    one array, or lists of numbers               nested lists, or an :class:`~npy.Array`
tensors   arrays and values by name                    an object
value     anything else                                itself
========  ===========================================  =========================================

Not a number where a number is due is written as null in a nullable column, and as the text NaN
everywhere else; infinities as Infinity and -Infinity. A frame whose columns are not exactly the
signature's is written as records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from lading.errors import InvalidInput
from lading.signatures import npy, observed
from lading.signatures.forms import form_of, is_split, table_fields
from lading.signatures.npy import Array
from lading.signatures.origin import class_name, origin_of
from lading.signatures.scalars import FLOATS, is_missing, scalar_json
from lading.spec.encoding import DEEPEST
from lading.spec.signature import Column, FieldType, Tensor

Layout = Literal["table", "records", "record", "tensor", "tensors", "value"]
LAYOUTS: Final = ("table", "records", "record", "tensor", "tensors", "value")


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A value in its JSON form, and what it was."""

    layout: Layout
    value: Any


def lay_out(value: Any, fields: Sequence[FieldType] = ()) -> LaidOut:
    """The JSON form of an object, for these fields; without any, for those it would have.

    Whether it is what the fields say is not looked at here.

    Raises:
        InvalidInput: the object, or a part of it, has no form in JSON.
    """
    if not fields:
        from lading.signatures.infer import fields_of

        fields = fields_of(value)
    origin = origin_of(value)
    if isinstance(value, Array):
        return LaidOut("tensor", value)
    if origin in ("pandas", "polars", "arrow"):
        return _frame(_cells_of(value, origin, fields), fields)
    if origin in ("array", "scipy"):
        return _array(value, fields)
    if isinstance(value, Mapping):
        return _mapping(value, fields)
    return _other(value, fields)


# Frames


def _cells_of(value: Any, origin: str, fields: Sequence[FieldType]) -> dict[str, list[Any]]:
    """The Python values of a frame's columns by name."""
    otherwise = fields[0].name or "value" if fields else "value"
    if origin == "arrow" and hasattr(value, "to_pylist") and not hasattr(value, "schema"):
        return {otherwise: value.to_pylist()}
    if origin == "arrow" and hasattr(value, "column"):
        return {n: value.column(at).to_pylist() for at, n in enumerate(value.schema.names)}
    if origin == "polars" and hasattr(value, "collect"):
        value = value.collect()
    if origin == "polars" and hasattr(value, "get_columns"):
        return {series.name: series.to_list() for series in value.get_columns()}
    if origin == "pandas" and hasattr(value, "columns"):
        names, _ = observed.column_names(value.columns)
        return {name: value.iloc[:, at].tolist() for at, name in enumerate(names)}
    if hasattr(value, "name"):
        own = value.name if value.name not in (None, "") else otherwise
        return {str(own): value.to_list() if origin == "polars" else value.tolist()}
    raise InvalidInput(f"{class_name(value)} holds no data", hint="give the table itself")


def _frame(cells: dict[str, list[Any]], fields: Sequence[FieldType]) -> LaidOut:
    form = form_of(fields)
    if form == "value":
        return _unnamed(cells, fields[0])
    if form == "named":
        by_name = {field.name: field for field in fields}
        return LaidOut(
            "tensors",
            {name: [cell(v, by_name.get(name)) for v in values] for name, values in cells.items()},
        )
    known = table_fields(fields)
    written = {n: [cell(v, known.get(n)) for v in values] for n, values in cells.items()}
    if known.keys() != written.keys():
        rows = zip(*written.values(), strict=True)
        return LaidOut("records", [dict(zip(written, row, strict=True)) for row in rows])
    return _split({name: written[name] for name in known})


def _unnamed(cells: dict[str, list[Any]], field: FieldType) -> LaidOut:
    """A frame for a model that takes an array: its rows; of a series its values."""
    columns = [[cell(value, field) for value in values] for values in cells.values()]
    if isinstance(field, Tensor) and len(field.shape) == 1 and len(columns) == 1:
        return LaidOut("tensor", columns[0])
    return LaidOut("tensor", [list(row) for row in zip(*columns, strict=True)])


def _split(columns: Mapping[str, Iterable[Any]]) -> LaidOut:
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return LaidOut("table", {"columns": list(columns), "data": rows})


# Arrays


def _array(value: Any, fields: Sequence[FieldType]) -> LaidOut:
    if names := getattr(value.dtype, "names", None):
        rows = value.ravel().tolist()
        return _frame({n: [row[at] for row in rows] for at, n in enumerate(names)}, fields)
    written = array_form(value)
    if form_of(fields) != "table":
        return LaidOut("tensor", written)
    # A model of columns that is shown an array takes its columns in their order.
    rows = written.tolist() if isinstance(written, Array) else written
    rows = [[row] for row in rows] if rows and not isinstance(rows[0], list) else rows
    names = [field.name or str(at) for at, field in enumerate(fields)]
    if any(len(row) != len(names) for row in rows):
        raise InvalidInput(
            "the array does not have the columns of the signature",
            cause=f"shape {tuple(value.shape)}, and {len(names)} columns",
        )
    return _frame({name: [row[at] for row in rows] for at, name in enumerate(names)}, fields)


def array_form(value: Any) -> Array | Any:
    """An array as bytes where the file format has its type, as nested lists where it has not.

    bfloat16 becomes float32, which holds all of its values.

    Raises:
        InvalidInput: the elements have no form in JSON.
    """
    array = _as_numpy(value)
    kind = array.dtype.kind
    if kind == "M":
        return _without_nat(array.astype("datetime64[ns]").astype(str).tolist())
    if kind == "m":
        return array.astype("timedelta64[us]").astype("int64").tolist()
    if array.dtype.name == "bfloat16":
        array = array.astype("float32")
    if npy.can_hold(array.dtype.name):
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        shape = tuple(int(length) for length in array.shape)
        return Array(array.dtype.name, shape, memoryview(little.tobytes()))
    return plain(array.tolist(), in_tensor=True)


def _as_numpy(value: Any) -> Any:
    """numpy's view of an array, by whichever of its ways the library offers."""
    if hasattr(value, "toarray"):  # scipy.sparse
        return value.toarray()
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
        if value.layout is not type(value)().layout:
            value = value.to_dense()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if hasattr(value, "numpy"):  # tensorflow
        value = value.numpy()
    return value if hasattr(value, "astype") and hasattr(value, "tobytes") else value.__array__()


def _without_nat(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nat(item) for item in value]
    return None if value == "NaT" else value


# Plain values


def _mapping(value: Mapping[Any, Any], fields: Sequence[FieldType]) -> LaidOut:
    if form_of(fields) == "value":
        return LaidOut("value", plain(value))
    if form_of(fields) == "named":
        return LaidOut("tensors", {str(name): _entry(part) for name, part in value.items()})
    known = table_fields(fields)
    if is_split(known, value):
        columns = dict(zip(value["columns"], zip(*value["data"], strict=True), strict=True))
        return _frame({name: list(column) for name, column in columns.items()}, fields)
    if _is_by_column(value, known):
        return _frame({str(name): list(part) for name, part in value.items()}, fields)
    record = {str(name): cell(part, known.get(str(name))) for name, part in value.items()}
    return LaidOut("record", record)


def _is_by_column(value: Mapping[Any, Any], known: Mapping[str, FieldType]) -> bool:
    """Whether each name has a list of its column's cells, rather than one cell."""
    columns = [part for name, part in value.items() if isinstance(known.get(str(name)), Column)]
    return bool(columns) and all(
        isinstance(part, (list, tuple)) or getattr(part, "shape", ()) for part in columns
    )


def _entry(value: Any) -> Any:
    if isinstance(value, Array):
        return value
    if origin_of(value) in ("array", "scipy"):
        return array_form(value)
    if origin_of(value) in ("pandas", "polars", "arrow") and hasattr(value, "__len__"):
        return [plain(item, in_tensor=True) for item in list(value)]
    return plain(value, in_tensor=isinstance(value, (list, tuple)))


def _other(value: Any, fields: Sequence[FieldType]) -> LaidOut:
    form = form_of(fields)
    records = isinstance(value, (list, tuple)) and all(isinstance(row, Mapping) for row in value)
    if records and form == "table":
        known = table_fields(fields)
        return LaidOut("records", [_record(row, known) for row in value])
    if records and value and form == "named":
        names = dict.fromkeys(str(name) for row in value for name in row)
        return _frame({name: [row.get(name) for row in value] for name in names}, fields)
    tensor = form == "value" and isinstance(fields[0], Tensor)
    return LaidOut("tensor" if tensor else "value", plain(value, in_tensor=tensor))


def _record(row: Mapping[Any, Any], known: Mapping[str, FieldType]) -> dict[str, Any]:
    return {str(name): cell(part, known.get(str(name))) for name, part in row.items()}


def cell(value: Any, field: FieldType | None) -> Any:
    """One cell of a table in its JSON form."""
    if not isinstance(field, Column):
        return plain(value, in_tensor=isinstance(field, Tensor))
    if is_missing(value):
        # A float that cannot be missing is not a number, and that is a value, too.
        number = field.dtype in FLOATS and scalar_json(value) == "NaN"
        return "NaN" if number and not field.nullable else None
    if isinstance(value, (Mapping, list, tuple)):
        return plain(value)
    return _known(scalar_json(value, field.unit))


def plain(value: Any, *, in_tensor: bool = False, depth: int = 1) -> Any:
    """A nested Python value as JSON; arrays inside become lists.

    Raises:
        InvalidInput: nested too deeply, a key that is no text, an infinite number outside of a
            tensor, or a type that JSON does not have.
    """
    if depth > DEEPEST:
        raise InvalidInput("the value is nested too deeply", cause=f"over {DEEPEST} levels")
    if isinstance(value, Mapping):
        if wrong := next((key for key in value if not isinstance(key, str)), None):
            raise InvalidInput("a key of the value is no text", cause=repr(wrong)[:80])
        return {key: plain(part, depth=depth + 1) for key, part in value.items()}
    if getattr(value, "shape", ()) and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(part, in_tensor=in_tensor, depth=depth + 1) for part in value]
    if is_missing(value) and not (in_tensor and isinstance(value, float)):
        return None
    written = _known(scalar_json(value))
    if isinstance(value, float) and isinstance(written, str) and not in_tensor:
        raise InvalidInput(
            "a JSON value cannot be infinite", hint="null, or text, or give it as an array"
        )
    return written


def _known(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InvalidInput(
        "a value has no form in JSON",
        cause=class_name(value),
        hint="text, numbers, booleans, bytes, dates, times, decimals, lists and dictionaries",
    )
