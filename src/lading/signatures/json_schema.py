"""A signature as a JSON Schema (2020-12) of the JSON form of its values, and back.

The form is that of ``forms`` and ``scalars``. What a schema cannot say of a type stands in
annotations (``x-dtype``, ``x-timezone``, ``x-unit``, ``x-shape``), which validators ignore and
``from_json_schema`` reads again. Other people's schemas are read in ``json_schema_reader``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from lading.signatures.converted import Converted, PartName
from lading.signatures.forms import TableField, by_key, form_of, nested_shape, part_of, table_fields
from lading.signatures.json_schema_reader import from_json_schema
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE, pattern_of
from lading.spec.signature import Column, FieldType, JsonField, Signature, Tensor

__all__ = ["from_json_schema", "to_json_schema"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FORMATS: Final = {"date32": "date", "time64": "time", "timestamp": "date-time"}

Schema = dict[str, Any]


def to_json_schema(signature: Signature, part: PartName = "inputs") -> Converted[Schema]:
    """The JSON Schema of the inputs or the outputs, and what it cannot check."""
    fields = part_of(signature, part)
    form = form_of(fields)
    schema: Schema = {"$schema": DIALECT}
    if form == "table":
        schema |= _table(table_fields(fields))
    elif form == "value":
        schema |= _field(fields[0], root=True)
    elif form == "named":
        schema |= _object(by_key(fields))
    return Converted(schema, tuple(dict.fromkeys(_losses(fields))))


def params_schema(signature: Signature) -> Schema:
    """The JSON Schema of the parameters, an object by name."""
    properties = {}
    for param in signature.params:
        schema = _scalar(param.dtype)
        for length in reversed(nested_shape(param)):
            schema = {"type": "array", "items": schema}
            if length != -1:
                schema |= {"minItems": length, "maxItems": length}
        said = {} if param.default is None else {"default": param.default}
        properties[param.name] = schema | said
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _table(fields: Mapping[str, TableField]) -> Schema:
    """Records, one record, or columns and data where every column must be there."""
    record = _object(fields, rows=False)
    ways: list[Schema] = [
        {"type": "array", "items": {"$ref": "#/$defs/record"}},
        {"$ref": "#/$defs/record"},
    ]
    if all(field.required for field in fields.values()):
        ways.insert(0, _split(fields))
    return {"$defs": {"record": record}, "anyOf": ways}


def _split(fields: Mapping[str, TableField]) -> Schema:
    row = {
        "type": "array",
        "prefixItems": [{"$ref": f"#/$defs/record/properties/{_pointer(name)}"} for name in fields],
        "items": False,
        "minItems": len(fields),
    }
    return {
        "type": "object",
        "properties": {"columns": {"const": list(fields)}, "data": {"type": "array", "items": row}},
        "required": ["columns", "data"],
        "additionalProperties": False,
    }


def _pointer(name: str) -> str:
    """A name as a part of a JSON pointer in a URI's fragment."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


def _object(fields: Mapping[str, FieldType], *, rows: bool = True) -> Schema:
    properties = {name: _field(field, rows=rows) for name, field in fields.items()}
    required = [name for name, field in fields.items() if field.required]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": required} if required else schema


def _field(field: FieldType, *, rows: bool = True, root: bool = False) -> Schema:
    """One field; of a column the cell, or with ``rows`` the list of its cells."""
    said = {"description": field.description} if field.description else {}
    if isinstance(field, JsonField):
        return said | (field.json_schema if root else _embedded(field))
    if isinstance(field, Tensor):
        return said | _nested(field)
    cell = said | _column(field)
    return {"type": "array", "items": cell} if rows else cell


def _embedded(field: JsonField) -> Schema:
    """A schema inside another: with an id, so that ``#/$defs`` in it stays its own."""
    schema = field.json_schema
    if "$id" in schema or '"$ref"' not in json.dumps(schema):
        return schema
    return {"$id": f"urn:lading:field:{quote(field.name or '0', safe='')}", **schema}


def _column(field: Column) -> Schema:
    schema = _scalar(field.dtype, field.timezone, field.unit)
    if field.enum:
        # An enum alone would not do: to JSON Schema 1.0 is 1.
        schema["enum"] = [*field.enum, *([None] if field.nullable else [])]
    if not field.nullable:
        return schema
    if isinstance(schema["type"], list):
        return schema | {"type": [*schema["type"], "null"]}
    return schema | {"type": [schema["type"], "null"]}


def _scalar(dtype: str, timezone: str | None = None, unit: str | None = None) -> Schema:
    notes = {"x-dtype": dtype, "x-timezone": timezone, "x-unit": unit}
    annotations: Schema = {name: value for name, value in notes.items() if value is not None}
    if dtype == "bool":
        return {"type": "boolean", **annotations}
    if bounds := INTEGERS.get(dtype) or (INTEGERS["int64"] if dtype == "duration" else None):
        return {"type": "integer", "minimum": bounds[0], "maximum": bounds[1], **annotations}
    if dtype in FLOATS:
        # A pattern says nothing of numbers, and a range nothing of text.
        most = FLOATS[dtype]
        pattern = f"^({'|'.join(NON_FINITE)})$"
        limits = {"minimum": -most, "maximum": most, "pattern": pattern}
        return {"type": ["number", "string"], **limits, **annotations}
    schema: Schema = {"type": "string"}
    if dtype == "binary":
        schema["contentEncoding"] = "base64"
    if dtype in _FORMATS and (dtype != "timestamp" or timezone):
        schema["format"] = _FORMATS[dtype]
    if pattern_text := pattern_of(dtype, timezone):
        schema["pattern"] = f"^({pattern_text})$"
    return schema | annotations


def _nested(field: Tensor) -> Schema:
    schema = _scalar(field.dtype)
    if field.dtype == "timestamp":
        # An array's times may have an offset or none.
        either = (pattern_of("timestamp"), pattern_of("timestamp", "UTC"))
        schema["pattern"] = f"^({'|'.join(filter(None, either))})$"
    if not field.shape:
        schema["x-shape"] = []  # one value, and no cell of a column
    for length in reversed(nested_shape(field)):
        schema = {"type": "array", "items": schema}
        if length != -1:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def _losses(fields: Sequence[FieldType]) -> Iterable[str]:
    """What the schema cannot check, or refuses too much of, a sentence each."""
    if form_of(fields) == "table":
        optional = not all(field.required for field in fields)
        why = "is left out: a column is optional" if optional else "must be in this order"
        yield f"the form of columns and data {why}"
    for name, field in by_key(fields).items():
        if isinstance(field, JsonField):
            continue
        if field.dtype in ("float16", "bfloat16", "float32"):
            yield f"{name}: JSON Schema has one type of number; {field.dtype} is an annotation"
        if field.dtype in ("date32", "time64", "timestamp", "decimal128", "binary"):
            yield f"{name}: {field.dtype} is text of a pattern; impossible values are not refused"
        if isinstance(field, Column) and field.timezone not in (None, "UTC"):
            yield f"{name}: the time zone {field.timezone} is an annotation; any offset is taken"
        if isinstance(field, Tensor) and len(field.shape) > 1 and -1 in field.shape[1:]:
            yield f"{name}: JSON Schema cannot say that all rows are equally long"
