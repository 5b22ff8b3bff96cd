"""The JSON Schema of JSON values that were seen: as narrow as their types, as wide as all of them.

Types, properties and items only: no enum or range is guessed from examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.scalars import is_missing
from lading.spec.encoding import DEEPEST

_MOST_ITEMS: Final = 1_000
_MOST_PROPERTIES: Final = 1_000
# Within the document, which is itself nested a few levels when it holds a schema.
_DEEPEST: Final = DEEPEST // 4

Schema = dict[str, Any]


def schema_of(values: Iterable[Any], what: str) -> Schema:
    """One schema that takes all of the values.

    Raises:
        InvalidInput: a value has no form in JSON, or is nested too deeply.
    """
    return _merged(list(values), what, 1)


def _merged(values: list[Any], what: str, depth: int) -> Schema:
    if depth > _DEEPEST:
        raise InvalidInput(f"{what} is nested too deeply", cause=f"over {_DEEPEST} levels")
    objects = [value for value in values if isinstance(value, Mapping)]
    arrays = [value for value in values if _is_array(value)]
    names = sorted({_scalar_type(value, what) for value in values} - {""})
    if "integer" in names and "number" in names:
        names.remove("integer")
    alternatives: list[Schema] = [{"type": name} for name in names]
    if arrays:
        alternatives.append(_array(arrays, what, depth))
    if objects:
        alternatives.append(_object(objects, what, depth))
    if len(alternatives) > 1 and len(alternatives) == len(names):
        return {"type": names}
    if len(alternatives) > 1:
        return {"anyOf": alternatives}
    return alternatives[0] if alternatives else {}


def _array(arrays: list[Any], what: str, depth: int) -> Schema:
    items = [item for array in arrays for item in list(array)[:_MOST_ITEMS]]
    inner = _merged(items[:_MOST_ITEMS], what, depth + 1)
    return {"type": "array", "items": inner} if inner else {"type": "array"}


def _object(objects: list[Mapping[Any, Any]], what: str, depth: int) -> Schema:
    names = {name: None for each in objects for name in each}
    if len(names) > _MOST_PROPERTIES:
        return {"type": "object"}
    if wrong := next((name for name in names if not isinstance(name, str)), None):
        raise InvalidInput(f"{what} has a key that is no text", cause=repr(wrong)[:80])
    properties = {
        name: _merged([each[name] for each in objects if name in each], what, depth + 1)
        for name in names
    }
    required = [name for name in names if all(name in each for each in objects)]
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": required} if required else schema


def _is_array(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or _rank(value) > 0


def _rank(value: Any) -> int:
    """How many dimensions an array inside a value has; data frames hold them as cells."""
    shape = getattr(value, "shape", ())
    return len(shape) if isinstance(shape, tuple) and hasattr(value, "tolist") else 0


def _scalar_type(value: Any, what: str) -> str:
    """JSON's word for a value that is neither object nor array; nothing for those."""
    if isinstance(value, Mapping) or _is_array(value):
        return ""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return "string"
    if value is None:
        return "null"
    if isinstance(value, float):
        return "number" if not is_missing(value) else "null"
    raise InvalidInput(
        f"{what} holds a value that JSON does not have", cause=type(value).__qualname__
    )
