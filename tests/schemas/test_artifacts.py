"""Everything a push writes is what OCI's and ModelPack's schemas say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import lading
from schemas.validators import Name, check, check_own

LARGE = 5 * 1024 * 1024
_IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
_MODELPACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
_DOCUMENT = "application/vnd.lading.model.config.v1+json"
CONFIGS: dict[str, Name] = {_IMAGE_CONFIG: "image-config", _MODELPACK_CONFIG: "modelpack"}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A layout with a version of a model that has files of every role."""
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "model.safetensors").write_bytes(bytes(LARGE))
    for name in ("config.json", "README.md", "code/train.py", "data.csv", "LICENSE"):
        (model / name).write_text(name)
    lading.push(
        model,
        f"oci:{tmp_path / 'layout'}:1.0.0",
        description="a <model> & more",
        authors=("Ada",),
        licenses=("Apache-2.0",),
    )
    return tmp_path / "layout"


def blob(layout: Path, descriptor: Mapping[str, Any]) -> bytes:
    algorithm, _, digits = descriptor["digest"].partition(":")
    raw = Path(layout, "blobs", algorithm, digits).read_bytes()
    assert len(raw) == descriptor["size"]
    assert hashlib.new(algorithm, raw).hexdigest() == digits
    return raw


def test_a_pushed_version_is_valid_to_the_last_blob(layout: Path) -> None:
    configs = []

    check("image-layout", (layout / "oci-layout").read_bytes())
    top = (layout / "index.json").read_bytes()
    check("image-index", top)
    index = blob(layout, json.loads(top)["manifests"][0])
    check("image-index", index)
    for entry in json.loads(index)["manifests"]:
        manifest = blob(layout, entry)
        check("image-manifest", manifest)
        parsed = json.loads(manifest)
        config, kind = blob(layout, parsed["config"]), parsed["config"]["mediaType"]
        configs.append(kind)
        if kind == _DOCUMENT:
            check_own("model", config)
        else:
            check(CONFIGS[kind], config)
        for layer in parsed["layers"]:
            blob(layout, layer)

    assert configs == [_IMAGE_CONFIG, _IMAGE_CONFIG, _DOCUMENT, _MODELPACK_CONFIG]
