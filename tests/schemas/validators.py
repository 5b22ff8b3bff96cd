"""Checks documents against schemas of other projects, vendored here, and Lading's own.

``check("image-index", raw)`` and ``check_own("push", raw)`` say nothing, or raise
``jsonschema.ValidationError``. No network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import jsonschema
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT4

Name = Literal[
    "descriptor",
    "image-manifest",
    "image-index",
    "image-config",
    "image-layout",
    "modelpack",
    "github-workflow",
    "gitlab-ci",
]

_VENDORED = Path(__file__).parent / "vendored"
_OWN = Path(__file__).resolve().parents[2] / "schemas"
_FILES: dict[Name, str] = {
    "descriptor": "image-spec/content-descriptor.json",
    "image-manifest": "image-spec/image-manifest-schema.json",
    "image-index": "image-spec/image-index-schema.json",
    "image-config": "image-spec/config-schema.json",
    "image-layout": "image-spec/image-layout-schema.json",
    "modelpack": "model-spec/config-schema.json",
    "github-workflow": "pipelines/github-workflow.json",
    "gitlab-ci": "pipelines/gitlab-ci.json",
}


def check(name: Name, document: bytes | str | dict[str, Any]) -> None:
    """Let a document pass that is valid.

    Raises:
        jsonschema.ValidationError: it is not; says where and why.
    """
    value = json.loads(document) if isinstance(document, (bytes, str)) else document
    validator(name).validate(value)


def check_own(name: str, document: bytes | str) -> None:
    """Let a document pass that is what one of Lading's own schemas says, and nothing more.

    Raises:
        jsonschema.ValidationError: it is not, or has fields that the schema does not name.
    """
    schema = json.loads((_OWN / f"{name}.schema.json").read_bytes())
    strict = {"unevaluatedProperties": False} if name != "model" else {}
    jsonschema.Draft202012Validator(schema | strict).validate(json.loads(document))


def validator(name: Name) -> Validator:
    """A validator that checks formats, too, and finds references in the vendored files."""
    schema = _load(_FILES[name])
    kind = jsonschema.validators.validator_for(schema)
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # mypy does not see attrs here
    return kind(schema, registry=registry, format_checker=kind.FORMAT_CHECKER)


def _retrieve(uri: str) -> Resource[Any]:
    """The vendored file a reference means; OCI's are relative to ids that are no addresses."""
    file = _VENDORED / "image-spec" / uri.rpartition("/")[2]
    if not file.is_file():
        raise NoSuchResource(uri)
    # One of them does not say which draft it is written in; all are in the fourth.
    return Resource.from_contents(json.loads(file.read_bytes()), DRAFT4)


def _load(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((_VENDORED / name).read_bytes())
    return value
