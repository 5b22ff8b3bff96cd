"""Schemas say what the code says; the vendored ones refuse what is wrong."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from schemas import generate
from schemas.validators import Name, check

DIGEST = "sha256:" + "0" * 64
DESCRIPTOR = {"mediaType": "application/octet-stream", "digest": DIGEST, "size": 1}
MANIFEST: dict[str, Any] = {"schemaVersion": 2, "config": DESCRIPTOR, "layers": [DESCRIPTOR]}
MODELPACK: dict[str, Any] = {
    "descriptor": {"name": "m"},
    "modelfs": {"type": "layers", "diffIds": [DIGEST]},
    "config": {},
}
IMAGE = {
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
}
VALID: dict[Name, dict[str, Any]] = {
    "descriptor": DESCRIPTOR,
    "image-manifest": MANIFEST,
    "image-index": {"schemaVersion": 2, "manifests": [DESCRIPTOR]},
    "image-config": IMAGE,
    "image-layout": {"imageLayoutVersion": "1.0.0"},
    "modelpack": MODELPACK,
}
INVALID: list[tuple[Name, dict[str, Any]]] = [
    ("descriptor", DESCRIPTOR | {"digest": "sha256"}),
    ("descriptor", DESCRIPTOR | {"annotations": {"number": 1}}),
    ("image-manifest", MANIFEST | {"layers": [DESCRIPTOR | {"size": -(2**70)}]}),
    ("image-manifest", MANIFEST | {"artifactType": "no media type"}),
    ("image-index", {"schemaVersion": 2, "manifests": [DESCRIPTOR | {"platform": {"os": "l"}}]}),
    ("image-config", IMAGE | {"rootfs": {"type": "layers"}}),
    ("image-layout", {}),
    ("modelpack", MODELPACK | {"more": 1}),
    ("modelpack", MODELPACK | {"descriptor": {"createdAt": 1}}),
]


def test_the_schemas_are_what_the_code_says() -> None:
    assert generate.stale() == [], "run: python tests/schemas/generate.py"


def test_every_schema_is_a_schema() -> None:
    for name, raw in generate.schemas().items():
        schema = json.loads(raw)

        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["title"], name
        assert schema["description"], name


@pytest.mark.parametrize("name", VALID)
def test_what_is_valid_passes(name: Name) -> None:
    check(name, VALID[name])


@pytest.mark.parametrize(("name", "document"), INVALID)
def test_what_is_wrong_is_refused(name: Name, document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(name, document)
