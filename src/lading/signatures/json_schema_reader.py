"""A signature from a JSON Schema that anybody may have written.

Objects of scalars become columns, rectangular arrays tensors, everything else a JSON field with
its own schema. Local references are put in place, to a depth; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from lading.errors import InvalidInput
from lading.signatures.scalars import INTEGERS
from lading.spec.signature import DATA_TYPES, Column, FieldType, JsonField, Signature, Tensor

_DEEPEST: Final = 48
_MOST_PARTS: Final = 100_000
_TYPES: Final = {
    "boolean": "bool",
    "integer": "int64",
    "number": "float64",
    "string": "string",
}
_DEFINITIONS: Final = ("$defs", "definitions")
_FORMATS: Final = {"date": "date32", "time": "time64", "date-time": "timestamp"}
# What the schema of a column or a tensor's element may say, and nothing be lost.
_SAID: Final = frozenset(
    {
        *("type", "enum", "format", "description", "title", "minimum", "maximum", "pattern"),
        *(
            "contentEncoding",
            "x-dtype",
            "x-timezone",
            "x-unit",
            "examples",
            "default",
            "$schema",
            "$id",
        ),
    }
)

Schema = Mapping[str, Any]


def from_json_schema(schema: Mapping[str, Any], part: str = "inputs") -> Signature:
    """The signature whose inputs (or outputs) a JSON Schema describes.

    An object is a table where every property is a scalar that a column's type can say; other
    objects are fields by name; an array of objects is a table, an array of scalars a tensor.

    Raises:
        InvalidInput: the schema refers to another document, to itself or to nothing, or is
            nested too deeply.
    """
    whole = _Resolver().resolved(schema, schema, 0)
    _demand_schema(whole)
    fields = _own(whole) or _fields(whole)
    return Signature(outputs=fields) if part == "outputs" else Signature(inputs=fields)


def _demand_schema(schema: Any) -> None:
    import jsonschema

    if not isinstance(schema, dict):
        raise InvalidInput("a JSON Schema is an object", cause=f"got {schema!r}"[:80])
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise InvalidInput("this is no JSON Schema", cause=error.message[:200]) from error


class _Resolver:
    """Puts what is referred to where it is referred to; counts, so that nothing explodes.

    A schema with an id of its own is the root of the references inside it.
    """

    def __init__(self) -> None:
        self._parts = 0

    def resolved(
        self, value: Any, root: Schema, depth: int, inside: tuple[tuple[int, str], ...] = ()
    ) -> Any:
        self._parts += 1
        if depth > _DEEPEST or self._parts > _MOST_PARTS:
            raise InvalidInput(
                "the JSON Schema is too large or nested too deeply",
                cause=f"over {_DEEPEST} levels or {_MOST_PARTS:,} parts, with its references",
            )
        if isinstance(value, list):
            return [self.resolved(item, root, depth + 1, inside) for item in value]
        if not isinstance(value, Mapping):
            return value
        root = value if isinstance(value.get("$id"), str) else root
        if isinstance(value.get("$ref"), str):
            return self._referred(value, root, depth, inside)
        # Definitions are looked at where they are referred to.
        return {
            str(key): self.resolved(item, root, depth + 1, inside)
            for key, item in value.items()
            if key not in _DEFINITIONS
        }

    def _referred(
        self, value: Schema, root: Schema, depth: int, inside: tuple[tuple[int, str], ...]
    ) -> Any:
        reference: str = value["$ref"]
        if not reference.startswith("#"):
            raise InvalidInput(
                "the JSON Schema refers to another document",
                cause=reference[:200],
                hint="put what it means under $defs",
            )
        step = (id(root), reference)
        if step in inside:
            raise InvalidInput("the JSON Schema refers to itself", cause=reference[:200])
        found = self.resolved(_at(root, reference), root, depth + 1, (*inside, step))
        beside = {
            key: item for key, item in value.items() if key not in ("$ref", "$id", *_DEFINITIONS)
        }
        return {**found, **beside} if beside and isinstance(found, dict) else found


def _at(root: Schema, reference: str) -> Any:
    """What a local reference points to."""
    found: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise InvalidInput("the JSON Schema refers to what is not in it", cause=reference[:200])
    return found


def _own(schema: Schema) -> tuple[FieldType, ...]:
    """The columns, where the schema is one that ``to_json_schema`` wrote for a table."""
    for way in schema.get("anyOf", ()) if set(schema) <= {"$schema", "anyOf"} else ():
        if _is(way, "object") and way.get("properties", {}).keys() != {"columns", "data"}:
            return _columns(way) or ()
    return ()


def _fields(schema: Schema) -> tuple[FieldType, ...]:
    if _is(schema, "array") and _is(schema.get("items"), "object"):
        return _columns(schema["items"]) or (_single(schema),)
    if _is(schema, "object") and isinstance(schema.get("properties"), dict):
        closed = schema.get("additionalProperties") in (None, True, False)
        if schema["properties"] and closed and all(schema["properties"]):
            return _columns(schema) or _named(schema)
    return (_single(schema),)


def _is(schema: Any, kind: str) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == kind


def _columns(schema: Schema) -> tuple[FieldType, ...]:
    """The properties as columns and JSON beside them, if any is a column."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    required = schema.get("required", ())
    fields: list[FieldType] = []
    for name, each in properties.items():
        column = _column(name, each, name in required) if isinstance(each, Mapping) else None
        fields.append(column or _json(name, each, name in required))
    return tuple(fields) if any(isinstance(field, Column) for field in fields) else ()


def _named(schema: Schema) -> tuple[FieldType, ...]:
    required = schema.get("required", ())
    fields: list[FieldType] = []
    for name, each in schema["properties"].items():
        tensor = _tensor(name, each, name in required)
        fields.append(tensor or _json(name, each, name in required))
    return tuple(fields)


def _single(schema: Schema) -> FieldType:
    return _tensor(None, schema, True) or _json(None, schema, True)


def _json(name: str | None, schema: Any, required: bool) -> JsonField:
    # A schema may be just true or false.
    value = {} if schema is True else {"not": {}} if schema is False else dict(schema)
    value.pop("$schema", None)
    return JsonField(name=name, json_schema=value, required=required)


def _column(name: str, schema: Schema, required: bool) -> Column | None:
    scalar = _scalar(schema)
    if scalar is None:
        return None
    nullable = "null" in schema["type"] if isinstance(schema.get("type"), list) else False
    fields = {
        "name": name,
        "dtype": scalar,
        "nullable": nullable,
        "required": required,
        "enum": tuple(item for item in schema.get("enum", ()) if item is not None),
        "timezone": _timezone(schema, scalar),
        "unit": schema.get("x-unit"),
        "description": schema.get("description"),
    }
    return Column.model_validate(fields)


def _timezone(schema: Schema, dtype: str) -> str | None:
    if dtype == "timestamp" and schema.get("format") == "date-time" and "x-dtype" not in schema:
        return "UTC"
    return schema.get("x-timezone")


def _tensor(name: str | None, schema: Any, required: bool) -> Tensor | None:
    shape: list[int] = []
    inner = schema
    while _is(inner, "array") and isinstance(inner.get("items"), Mapping):
        least, most = inner.get("minItems"), inner.get("maxItems")
        if set(inner) - {"type", "items", "minItems", "maxItems", "description", "$schema"}:
            return None
        if (least, most) != (None, None) and (least != most or not isinstance(least, int)):
            return None
        shape.append(-1 if least is None else least)
        inner = inner["items"]
    if not isinstance(inner, Mapping) or (not shape and inner.get("x-shape") != []):
        return None
    scalar = _scalar({key: item for key, item in inner.items() if key != "x-shape"})
    if scalar is None or "null" in (inner.get("type") or ()) or "enum" in inner:
        return None
    fields = {"name": name, "dtype": scalar, "shape": tuple(shape), "required": required}
    return Tensor.model_validate(fields | {"description": schema.get("description")})


def _scalar(schema: Schema) -> str | None:
    """The type of a column that this schema describes in full, if there is one."""
    if set(schema) - _SAID:
        return None
    if (stated := schema.get("x-dtype")) in DATA_TYPES:
        return str(stated)
    kinds = schema.get("type")
    kinds = [kind for kind in kinds if kind != "null"] if isinstance(kinds, list) else [kinds]
    if len(kinds) != 1 or kinds[0] not in _TYPES or "pattern" in schema:
        return None
    dtype = _TYPES[kinds[0]]
    if dtype == "string":
        if schema.get("contentEncoding") == "base64":
            return "binary"
        return _FORMATS.get(str(schema.get("format")), "string")
    return _ranged(schema, dtype)


def _ranged(schema: Schema, dtype: str) -> str | None:
    """A number's type by its range; a range that is no type's is not a column's."""
    bounds = (schema.get("minimum"), schema.get("maximum"))
    if bounds == (None, None):
        return dtype
    named = (name for name, limits in INTEGERS.items() if limits == bounds)
    return next(named, None) if dtype == "int64" else None
