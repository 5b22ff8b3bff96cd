"""A signature in MLflow's words, and back, without MLflow.

MLflow keeps ``{"inputs": …, "outputs": …, "params": …}`` with JSON text in each. A side is either
all columns (ColSpec) or all tensors (TensorSpec), and either all named or all not; it has eight
types of columns. What does not fit is brought closest, and said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.converted import Converted
from lading.signatures.forms import by_key, nested_shape
from lading.signatures.mlflow_reader import from_mlflow
from lading.spec.signature import Column, FieldType, Param, Signature, Tensor

__all__ = ["from_mlflow", "to_mlflow"]

# MLflow's type of a column, and whether it says less than ours.
_COLUMNS: Final[dict[str, tuple[str, bool]]] = {
    "bool": ("boolean", False),
    "int8": ("integer", True),
    "int16": ("integer", True),
    "int32": ("integer", False),
    "int64": ("long", False),
    "uint8": ("integer", True),
    "uint16": ("integer", True),
    "uint32": ("long", True),
    "uint64": ("long", True),
    "float16": ("float", True),
    "bfloat16": ("float", True),
    "float32": ("float", False),
    "float64": ("double", False),
    "decimal128": ("string", True),
    "string": ("string", False),
    "binary": ("binary", False),
    "date32": ("datetime", True),
    "time64": ("string", True),
    "timestamp": ("datetime", False),
    "duration": ("long", True),
}
# numpy's type of a tensor where its name is another than ours.
_TENSORS: Final[dict[str, tuple[str, bool]]] = {
    "bfloat16": ("float32", True),
    "string": ("str", False),
    "binary": ("bytes", False),
    "decimal128": ("str", True),
    "date32": ("datetime64[D]", False),
    "time64": ("str", True),
    "timestamp": ("datetime64[ns]", False),
    "duration": ("timedelta64[us]", False),
}
_JSON_TYPES: Final = {
    "boolean": "boolean",
    "integer": "long",
    "number": "double",
    "string": "string",
}
# What a schema may say beside, and MLflow's types lose nothing.
_SAID: Final = frozenset(("type", "items", "properties", "required", "additionalProperties"))
_DEEPEST: Final = 32

_Losses = list[str]


def to_mlflow(signature: Signature) -> Converted[dict[str, str | None]]:
    """MLflow's signature, as ``ModelSignature.to_dict`` writes it, and what it cannot say."""
    losses: _Losses = []
    value = {
        "inputs": _side(signature.inputs, losses),
        "outputs": _side(signature.outputs, losses),
        "params": _text([_param(param, losses) for param in signature.params]),
    }
    return Converted(value, tuple(dict.fromkeys(losses)))


def _text(parts: list[dict[str, Any]]) -> str | None:
    return json.dumps(parts) if parts else None


def _side(fields: Sequence[FieldType], losses: _Losses) -> str | None:
    tensors = all(isinstance(field, Tensor) and field.shape for field in fields)
    unnamed = len(fields) == 1 and fields[0].name is None
    parts = []
    for key, field in by_key(fields).items():
        if field.description:
            losses.append(f"{key}: its description is lost")
        if field.name is None and not unnamed:
            losses.append(f"{key}: it has no name; MLflow wants one beside others")
        name = {} if unnamed else {"name": key}
        if tensors and isinstance(field, Tensor):
            parts.append(name | _tensor(field, key, losses))
        else:
            parts.append(_column(field, key, losses, named=not unnamed) | name)
    return _text(parts)


def _tensor(field: Tensor, key: str, losses: _Losses) -> dict[str, Any]:
    dtype, loses = _TENSORS.get(field.dtype, (field.dtype, False))
    if loses:
        losses.append(f"{key}: {field.dtype} is written as {dtype}")
    if not field.required:
        losses.append(f"{key}: it is optional; MLflow demands every tensor")
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(field.shape)}}


def _column(field: FieldType, key: str, losses: _Losses, *, named: bool) -> dict[str, Any]:
    required = field.required
    if isinstance(field, Column):
        kind: dict[str, Any] = {"type": _column_type(field, key, losses)}
        if field.nullable:
            required = False
            if field.required:
                losses.append(f"{key}: it may be null; MLflow only knows that it may be missing")
    elif isinstance(field, Tensor):
        kind = _array(field, key, losses)
    else:
        kind, optional = _json(field.json_schema, key, losses)
        required = required and not optional
    if not named and not required:
        losses.append(f"{key}: without a name it cannot be optional")
        required = True
    return kind | {"required": required}


def _column_type(field: Column, key: str, losses: _Losses) -> str:
    dtype, loses = _COLUMNS[field.dtype]
    if loses:
        losses.append(f"{key}: {field.dtype} is written as {dtype}")
    if field.enum:
        losses.append(f"{key}: its {len(field.enum)} possible values are lost")
    if field.timezone:
        losses.append(f"{key}: the time zone {field.timezone} is lost")
    if field.unit and field.unit != "ns":
        losses.append(f"{key}: the unit {field.unit} is lost")
    return dtype


def _array(field: Tensor, key: str, losses: _Losses) -> dict[str, Any]:
    """A tensor where MLflow wants columns: lists in lists."""
    dtype, loses = _COLUMNS[field.dtype]
    if loses:
        losses.append(f"{key}: {field.dtype} is written as {dtype}")
    kind: dict[str, Any] = {"type": dtype}
    for _ in nested_shape(field):
        kind = {"type": "array", "items": kind}
    what = f"shape {list(field.shape)}" if field.shape else "that it is one value"
    losses.append(f"{key}: {what} is lost")
    return kind


def _json(schema: Any, key: str, losses: _Losses) -> tuple[dict[str, Any], bool]:
    try:
        return _json_type(schema, key, losses, 1)
    except (TypeError, AttributeError):
        # A keyword holds what it cannot: nobody checked this schema before.
        losses.append(f"{key}: its JSON Schema is none; any JSON is taken")
        return {"type": "any"}, False


def _json_type(schema: Any, key: str, losses: _Losses, depth: int) -> tuple[dict[str, Any], bool]:
    """MLflow's type for a JSON Schema, and whether it may be null."""
    inner, optional = _without_null(schema)
    if optional:
        losses.append(f"{key}: it may be null; MLflow only knows that it may be missing")
    kind = _json_kind(inner, key, losses, depth) if depth <= _DEEPEST else None
    if kind is None:
        losses.append(f"{key}: its JSON Schema is more than MLflow's types say; any JSON is taken")
        return {"type": "any"}, optional
    if set(inner) - _SAID:
        losses.append(f"{key}: {', '.join(sorted(set(inner) - _SAID))} of its JSON Schema is lost")
    return kind, optional


def _without_null(schema: Any) -> tuple[Any, bool]:
    if not isinstance(schema, Mapping):
        return {}, False
    kinds, ways = schema.get("type"), schema.get("anyOf")
    if isinstance(kinds, list) and "null" in kinds and len(kinds) == 2:
        (kind,) = (kind for kind in kinds if kind != "null")
        return {**schema, "type": kind}, True
    if isinstance(ways, list) and len(ways) == 2 and {"type": "null"} in ways and len(schema) == 1:
        (way,) = (way for way in ways if way != {"type": "null"})
        return way, True
    return schema, False


def _json_kind(
    schema: Mapping[str, Any], key: str, losses: _Losses, depth: int
) -> dict[str, Any] | None:
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _JSON_TYPES:
        return {"type": _JSON_TYPES[kind]}
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return {"type": "array", "items": _json_type(schema["items"], key, losses, depth + 1)[0]}
    if kind != "object":
        return None
    if properties := schema.get("properties"):
        parts = {}
        for name, each in properties.items():
            part, optional = _json_type(each, f"{key}.{name}", losses, depth + 1)
            required = name in schema.get("required", ()) and not optional
            parts[name] = part | {"required": required}
        return {"type": "object", "properties": parts}
    if isinstance(values := schema.get("additionalProperties"), Mapping):
        return {"type": "map", "values": _json_type(values, key, losses, depth + 1)[0]}
    return None


def _param(param: Param, losses: _Losses) -> dict[str, Any]:
    """A parameter.

    Raises:
        InvalidInput: it is a matrix, which MLflow's parameters cannot be.
    """
    dtype, loses = _COLUMNS[param.dtype]
    if loses:
        losses.append(f"parameter {param.name}: {param.dtype} is written as {dtype}")
    if param.shape is not None and len(param.shape) != 1:
        raise InvalidInput(
            f"parameter {param.name} has shape {list(param.shape)}",
            cause="MLflow's parameters are single values or lists",
        )
    if param.shape is not None and param.shape != (-1,):
        losses.append(f"parameter {param.name}: the length {param.shape[0]} is lost")
    shape = None if param.shape is None else [-1]
    return {"name": param.name, "default": param.default, "shape": shape, "type": dtype}
