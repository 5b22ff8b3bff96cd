"""A signature's columns from Arrow's tables, batches, schemas and arrays (pyarrow)."""

from __future__ import annotations

import re
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures import observed
from lading.signatures.observed import ColumnType, Observed, json_type, or_null
from lading.signatures.origin import class_name
from lading.spec.signature import Column, JsonField

_NAMES: Final = {
    "bool": "bool", "halffloat": "float16", "float": "float32", "double": "float64",
    "string": "string", "large_string": "string", "string_view": "string", "utf8": "string",
    "binary": "binary", "fixed_size_binary": "binary", "date32": "date32",
    **{f"decimal{bits}": "decimal128" for bits in (32, 64, 128, 256)},
    "large_binary": "binary", "binary_view": "binary",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_TIMED: Final = re.compile(r"(timestamp|duration|time32|time64)\[(s|ms|us|ns)(?:, tz=(.+))?\]")
_DEEPEST: Final = 16


def observe(value: Any, name: str | None = None) -> Observed:
    """The columns of a Table, RecordBatch or Schema, or the one of an array.

    Raises:
        InvalidInput: it is another of Arrow's classes, or has a type that a signature lacks.
    """
    if not hasattr(value, "field") or hasattr(value, "type"):
        return _array(value, name)
    schema = getattr(value, "schema", value)
    names, notes = observed.column_names(schema.names)
    columns: list[Column | JsonField] = []
    for at, label in enumerate(names):
        data = value.column(at) if hasattr(value, "column") else None
        found = _dictionary(label, schema.field(at).type, data)
        nullable = schema.field(at).nullable if data is None else data.null_count > 0
        columns.append(found.named(label, nullable=nullable))
        notes += found.notes
    return observed.table(columns, notes)


def _array(value: Any, name: str | None) -> Observed:
    if not hasattr(value, "type") or not hasattr(value, "null_count"):
        raise InvalidInput(f"{class_name(value)} is no table", hint="a Table or a RecordBatch")
    label = name or "value"
    found = _dictionary(label, value.type, value)
    return observed.table([found.named(label, nullable=value.null_count > 0)], found.notes)


def _dictionary(name: str, arrow: Any, data: Any) -> ColumnType:
    """A column's type, with the values of its dictionary where they are at hand."""
    found = column_type(name, arrow)
    if not str(arrow).startswith("dictionary<") or data is None:
        return found
    chunks = data.chunks if hasattr(data, "chunks") else [data]
    values = {item: None for chunk in chunks for item in chunk.dictionary.to_pylist()}
    return observed.categories(name, list(values), found)


def column_type(name: str, arrow: Any) -> ColumnType:
    """The type of a column by Arrow's.

    Raises:
        InvalidInput: a signature has no such type.
    """
    text = str(arrow)
    if text.startswith("dictionary<"):
        return column_type(name, arrow.value_type)
    if match := _TIMED.fullmatch(text):
        kind = "time64" if match[1].startswith("time3") else match[1]
        return ColumnType(kind, timezone=match[3], unit=match[2])
    if text == "date64[ms]":
        return ColumnType("timestamp", unit="ms")
    if text == "null":
        return ColumnType("string", notes=(f"column {name!r} holds no value; taken for text",))
    # What has parameters is known by its first letters.
    if found := _NAMES.get(text.partition("(")[0].partition("[")[0]):
        return ColumnType(found)
    return ColumnType(json_schema=_nested(name, arrow, 1))


def _nested(name: str, arrow: Any, depth: int) -> dict[str, Any]:
    """The JSON Schema of a nested type; everything in it may be null, as in Arrow."""
    text = str(arrow)
    if depth > _DEEPEST:
        raise InvalidInput(f"column {name!r} is nested too deeply", cause=text[:200])
    if text.startswith(("list", "large_list", "fixed_size_list")):
        return {"type": "array", "items": or_null(_nested(name, arrow.value_type, depth + 1))}
    if text.startswith("struct<"):
        fields = [arrow.field(at) for at in range(arrow.num_fields)]
        inner = {each.name: or_null(_nested(name, each.type, depth + 1)) for each in fields}
        return {"type": "object", "properties": inner}
    if text.startswith("map<"):
        # Written as pairs, because a key need not be text.
        return {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}}
    if text in _NAMES or text.startswith(("dictionary<", "date", "time", "decimal")):
        return {"type": json_type(_NAMES.get(text, "string"))}
    raise InvalidInput(
        f"column {name!r} is of a type that a signature does not have", cause=text[:200]
    )
