"""Whether one JSON Schema takes everything that another takes.

Only what can be shown is believed: the keywords below are understood, and where either schema
says anything else that differs, the answer is that it cannot be shown. One thing is forgiven: an
object that may have properties beside those it names is not expected to have one that the other
schema names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 64
_NOTES: Final = frozenset(
    ("$schema", "$id", "title", "description", "examples", "default", "$comment")
)
_KNOWN: Final = frozenset(
    {
        *("type", "enum", "const", "properties", "required", "additionalProperties", "items"),
        *("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"),
    }
)
_LEAST: Final = ("minimum", "minItems", "minLength")
_MOST: Final = ("maximum", "maxItems", "maxLength")
_ALL_TYPES: Final = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))

Schema = Mapping[str, Any]


def narrowing(sent: Any, taken: Any) -> str:
    """Why what one schema takes may not be taken by another; nothing if all of it is."""
    try:
        return _narrowing(sent, taken, 1)
    except (TypeError, AttributeError) as error:
        # A keyword holds what it cannot: nobody checked these schemas before.
        return f"it cannot be shown to be compatible: no JSON Schema ({error})"[:200]


def _narrowing(sent: Any, taken: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return "it cannot be shown to be compatible: nested too deeply"
    if taken is True or _bare(taken) == {} or _bare(sent) == _bare(taken) or sent is False:
        return ""
    if not isinstance(sent, Mapping) or not isinstance(taken, Mapping):
        return "it cannot be shown to be compatible"
    sent, taken = _bare(sent), _bare(taken)
    strange = {key for key in {*sent, *taken} - _KNOWN if sent.get(key) != taken.get(key)}
    if strange:
        return f"it cannot be shown to be compatible: {', '.join(sorted(strange))} differs"
    return (
        _types(sent, taken)
        or _values(sent, taken)
        or _ranges(sent, taken)
        or _items(sent, taken, depth)
        or _properties(sent, taken, depth)
    )


def _bare(schema: Any) -> Any:
    """A schema without what is only said about it."""
    if not isinstance(schema, Mapping):
        return schema
    return {key: value for key, value in schema.items() if key not in _NOTES}


def _types(sent: Schema, taken: Schema) -> str:
    refused = _type_set(sent) - _type_set(taken)
    return f"{', '.join(sorted(refused))} is not taken" if refused else ""


def _type_set(schema: Schema) -> frozenset[str]:
    kinds = schema.get("type", _ALL_TYPES)
    found = frozenset([kinds] if isinstance(kinds, str) else kinds)
    return found | {"integer"} if "number" in found else found


def _values(sent: Schema, taken: Schema) -> str:
    wanted, given = _enum(taken), _enum(sent)
    if wanted is None:
        return ""
    return "" if given is not None and given <= wanted else "other values are not taken"


def _enum(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _ranges(sent: Schema, taken: Schema) -> str:
    for key in _LEAST:
        if key in taken and not (key in sent and sent[key] >= taken[key]):
            return f"{key} is {taken[key]}"
    for key in _MOST:
        if key in taken and not (key in sent and sent[key] <= taken[key]):
            return f"{key} is {taken[key]}"
    return ""


def _items(sent: Schema, taken: Schema, depth: int) -> str:
    if "items" not in taken or "array" not in _type_set(sent):
        return ""
    why = _narrowing(sent.get("items", True), taken["items"], depth + 1)
    return f"items: {why}" if why else ""


def _properties(sent: Schema, taken: Schema, depth: int) -> str:
    if "object" not in _type_set(sent):
        return ""
    if missing := sorted(set(taken.get("required", ())) - set(sent.get("required", ()))):
        return f"{', '.join(missing)} is required"
    given, wanted = sent.get("properties", {}), taken.get("properties", {})
    rest = taken.get("additionalProperties", True)
    for name, schema in given.items():
        if why := _narrowing(schema, wanted.get(name, rest), depth + 1):
            return f"{name}: {why}"
    why = _narrowing(sent.get("additionalProperties", True), rest, depth + 1)
    return f"other properties: {why}" if why else ""
