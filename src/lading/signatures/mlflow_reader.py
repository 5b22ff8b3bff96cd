"""A signature from MLflow's, as its ``MLmodel`` file holds it. Nothing in it is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from lading.errors import InvalidInput
from lading.spec.signature import (
    DATA_TYPES,
    Column,
    FieldType,
    JsonField,
    Param,
    Signature,
    Tensor,
)

_MOST_TEXT: Final = 16 * 1024 * 1024
_DEEPEST: Final = 32
_COLUMNS: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "binary": "binary",
    "datetime": "timestamp",
}
_JSON_TYPES: Final[dict[str, dict[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
    "any": {},
    "sparkml vector": {"type": "array", "items": {"type": "number"}},
}
_TENSORS: Final = {"str": "string", "object": "string", "bytes": "binary"}


def from_mlflow(value: Mapping[str, Any]) -> Signature:
    """The signature that MLflow's dictionary describes.

    A column that is not required may be missing and may be null; a column without a name is a
    list of values. MLflow's own enforcement is as lenient.

    Raises:
        InvalidInput: it is none of MLflow's signatures.
    """
    try:
        return Signature(
            inputs=tuple(_read(value, "inputs", _field)),
            outputs=tuple(_read(value, "outputs", _field)),
            params=tuple(_read(value, "params", _param)),
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise InvalidInput("this is no signature of MLflow's", cause=str(error)[:200]) from error


def _read(value: Mapping[str, Any], side: str, read: Callable[[Any], Any]) -> list[Any]:
    parts = value.get(side)
    if isinstance(parts, str):
        parts = _parsed(parts, side)
    if parts is None:
        return []
    if not isinstance(parts, list):
        raise InvalidInput(f"{side} of MLflow's signature is no list")
    return [read(part) for part in parts]


def _parsed(text: str, side: str) -> Any:
    if len(text) > _MOST_TEXT:
        raise InvalidInput(f"{side} of MLflow's signature is larger than 16 MiB")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{side} of MLflow's signature is not JSON", cause=str(error)) from error


def _field(part: Mapping[str, Any]) -> FieldType:
    name, kind = part.get("name"), part["type"]
    if kind == "tensor":
        spec = part["tensor-spec"]
        return Tensor.model_validate(
            {"name": name, "dtype": _numpy(str(spec["dtype"])), "shape": tuple(spec["shape"])}
        )
    required = part.get("required") is not False and part.get("optional") is not True
    if kind not in _COLUMNS:
        return JsonField(name=name, json_schema=_schema(part, 1), required=required)
    unit = "ns" if kind == "datetime" else None
    if name is None:
        return Tensor.model_validate({"dtype": _COLUMNS[kind], "shape": (-1,)})
    return Column.model_validate(
        {
            "name": name,
            "dtype": _COLUMNS[kind],
            "nullable": not required,
            "required": required,
            "unit": unit,
        }
    )


def _numpy(dtype: str) -> str:
    if dtype.startswith(("datetime64", "timedelta64")):
        if dtype == "datetime64[D]":
            return "date32"
        return "timestamp" if dtype.startswith("datetime64") else "duration"
    found = _TENSORS.get(dtype, dtype)
    if found not in DATA_TYPES:
        raise InvalidInput("a tensor of a type that a signature does not have", cause=dtype[:80])
    return found


def _schema(part: Any, depth: int) -> dict[str, Any]:
    """The JSON Schema of one of MLflow's nested types."""
    if depth > _DEEPEST:
        raise InvalidInput("MLflow's signature is nested too deeply")
    if isinstance(part, str):
        part = {"type": part}
    kind = part["type"]
    if kind in _JSON_TYPES:
        return dict(_JSON_TYPES[kind])
    if kind == "array":
        return {"type": "array", "items": _schema(part["items"], depth + 1)}
    if kind == "map":
        return {"type": "object", "additionalProperties": _schema(part["values"], depth + 1)}
    if kind != "object":
        raise InvalidInput("MLflow's signature has a type that is not known", cause=str(kind)[:80])
    properties = {name: _schema(each, depth + 1) for name, each in part["properties"].items()}
    required = [name for name, each in part["properties"].items() if each.get("required", True)]
    schema = {"type": "object", "properties": properties}
    return schema | {"required": required} if required else schema


def _param(part: Mapping[str, Any]) -> Param:
    kind = part.get("type") or part["dtype"]
    if kind not in _COLUMNS:
        raise InvalidInput(
            f"parameter {str(part.get('name'))[:80]!r} of MLflow's signature is an object",
            cause="a signature's parameters are values and lists",
        )
    shape = part.get("shape")
    return Param.model_validate(
        {
            "name": part["name"],
            "dtype": _COLUMNS[kind],
            "shape": None if shape is None else tuple(shape),
            "default": part.get("default"),
        }
    )
