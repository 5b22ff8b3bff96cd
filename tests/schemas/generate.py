"""Writes ``schemas/*.schema.json``: for the document, for ``lading.yaml``, for what verbs answer.

Run it after a change to a result of a verb or to the document; ``--check`` only says whether
somebody forgot. The types are the source: nothing in ``schemas/`` is written by hand.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

import lading.operations

FOLDER = Path(__file__).resolve().parents[2] / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What is no verb's answer: the name of the schema, and where its type lives.
_DOCUMENTS = {
    "model": ("lading.spec.document", "Document"),
    "error": ("lading.cli.console", "Failure"),
    "evaluation": ("lading.spec.evaluation", "Evaluation"),
    "progress": ("lading.transfer.progress", "Progress"),
    "rows": ("lading.serving.batch.run", "Step"),
}
# What a person writes: a field that nobody knows is a mistake there.
_WRITTEN = {
    "lading": ("lading.spec.declaration", "Declaration"),
    "policy": ("lading.spec.policy", "PolicyWords"),
}


def schemas() -> dict[str, bytes]:
    """Every schema: its file name and its bytes."""
    made = {name: _schema(kind, "serialization") for name, kind in _types()}
    for name, (module, attribute) in _WRITTEN.items():
        kind = getattr(importlib.import_module(module), attribute)
        made[name] = _closed(_schema(kind, "validation"))
    return {f"{name}.schema.json": _bytes(made[name]) for name in sorted(made)}


def stale() -> list[str]:
    """The files in ``schemas/`` that are not what the types say, or should not be there."""
    expected = schemas()
    present = {path.name: path.read_bytes() for path in FOLDER.glob("*")}
    names = expected.keys() | present.keys()
    return sorted(name for name in names if expected.get(name) != present.get(name))


def write() -> list[str]:
    """Bring ``schemas/`` up to date; what changed."""
    changed = stale()
    expected = schemas()
    FOLDER.mkdir(exist_ok=True)
    for name in changed:
        path = FOLDER / name
        if name in expected:
            path.write_bytes(expected[name])
        else:
            path.unlink()
    return changed


def _types() -> Iterator[tuple[str, Any]]:
    for name, (module, attribute) in _DOCUMENTS.items():
        yield name, getattr(importlib.import_module(module), attribute)
    for found in pkgutil.walk_packages(lading.operations.__path__, "lading.operations."):
        module_object = importlib.import_module(found.name)
        for attribute, value in vars(module_object).items():
            own = getattr(value, "__module__", "") == found.name
            if own and attribute.endswith("Result") and dataclasses.is_dataclass(value):
                yield _verb(attribute), value


def _verb(result: str) -> str:
    """``CachePruneResult`` is what ``lading cache prune`` answers: ``cache-prune``."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", result.removesuffix("Result")).lower()


class _Untitled(GenerateJsonSchema):
    """A field's title would only say its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schema(kind: Any, mode: Literal["serialization", "validation"]) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    schema = adapter.json_schema(mode=mode, schema_generator=_Untitled)
    return {"$schema": _DIALECT, **schema}


def _closed(schema: Any) -> Any:
    """The schema with no fields but those it names."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    return closed | {"additionalProperties": False} if "properties" in schema else closed


def _bytes(schema: dict[str, Any]) -> bytes:
    return json.dumps(schema, indent=2, ensure_ascii=False).encode() + b"\n"


def main() -> int:
    """Write, or check; what to tell the shell."""
    check = "--check" in sys.argv[1:]
    changed = stale() if check else write()
    for name in changed:
        print(f"schemas/{name} {'is not what the code says' if check else 'is written'}")
    if check and changed:
        print("hint: python tests/schemas/generate.py")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
