"""Holds documents against the schemas of those who defined their kinds: strict, nothing unknown."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_FOLDER = Path(__file__).with_name("crds")


def problems(source: str, document: dict[str, Any], kind: str | None = None) -> list[str]:
    """What a definition (``kserve-0.21``, ``flux``) does not allow in a document."""
    found = _validators(source)[kind or document["kind"]].iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


@cache
def _validators(source: str) -> dict[str, Draft202012Validator]:
    schemas = json.loads((_FOLDER / f"{source}.json").read_text("utf-8"))
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {kind: Draft202012Validator(schema) for kind, schema in schemas.items()}
