"""Holds documents against the schemas of those who defined their kinds: strict, nothing unknown."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_FOLDER = Path(__file__).with_name("crds")
# Beside a field's schema: the first minor version that has the field.
_SINCE = "x-since"


def problems(
    source: str, document: dict[str, Any], minor: int | None = None, *, kind: str | None = None
) -> list[str]:
    """What a definition (``kserve``, ``flux``) does not allow in a document.

    With ``minor``, the definition as that version has it: without the fields that came later.
    """
    found = _validators(source, minor)[kind or document["kind"]].iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


@cache
def _validators(source: str, minor: int | None) -> dict[str, Draft202012Validator]:
    schemas = json.loads((_FOLDER / f"{source}.json").read_text("utf-8"))
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {kind: Draft202012Validator(_as_of(schema, minor)) for kind, schema in schemas.items()}


def _as_of(schema: Any, minor: int | None) -> Any:
    if isinstance(schema, list):
        return [_as_of(each, minor) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _as_of(part, minor) for key, part in schema.items() if not _is_later(part, minor)}


def _is_later(part: Any, minor: int | None) -> bool:
    return minor is not None and isinstance(part, dict) and part.get(_SINCE, 0) > minor
