"""What a push makes is what OCI's and ModelPack's schemas allow, and what Go would have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from parts.registry import DockerRegistry
from peers.plain import INDEX, MANIFEST, Json, Repository
from peers.shipped import Shipped
from schemas.validators import Name, check

from lading.operations.push import push
from lading.settings import Settings

# The order of the fields of image-spec's Go types.
_INDEX = ("schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations")
_MANIFEST = (
    *("schemaVersion", "mediaType", "artifactType", "config", "layers", "subject"),
    "annotations",
)
_DESCRIPTOR = (
    *("mediaType", "digest", "size", "urls", "annotations", "data", "platform"),
    "artifactType",
)
_PLATFORM = ("architecture", "os", "os.version", "os.features", "variant")
# What encoding/json writes otherwise than Python, unless it is told not to.
_GO = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def entries(plain: Repository, reference: str) -> dict[str, Json]:
    """The manifests of a version, by role; of two images the last."""
    index = plain.document(reference)
    return {
        entry["annotations"]["dev.lading.role"]: plain.document(entry["digest"])
        for entry in index["manifests"]
    }


@pytest.fixture
def plainest(
    registry: DockerRegistry, repository: str, tmp_path: Path, settings: Settings
) -> Repository:
    """A version of which nothing is said: one file, no description, no author."""
    (tmp_path / "weights.bin").write_bytes(b"weights")
    push(tmp_path / "weights.bin", f"{registry.host}/{repository}:1.2.0", settings=settings)
    return Repository(registry.host, repository)


@pytest.fixture
def everything(
    registry: DockerRegistry, repository: str, model: Path, settings: Settings
) -> Repository:
    """A version of which as much is said as can be."""
    push(model, "ml/base:1.0.0", settings=settings)
    push(
        model,
        f"{registry.host}/{repository}:1.2.0",
        settings=settings,
        description="a" * 5000,
        authors=tuple(f"Author {number} <a{number}@example.com>" for number in range(50)),
        licenses=("Apache-2.0", "MIT OR GPL-2.0-only"),
        tags={f"key-{number}": f"value <{number}>" for number in range(100)},
        metrics={f"metric-{number}@test": number / 7 for number in range(100)},
        params={f"param-{number}": number for number in range(100)},
        parents=["ml/base:1.0.0"],
        datasets=["s3://data/train"],
        signature={"inputs": [{"kind": "column", "name": "age", "dtype": "int64"}]},
        card={"task": "tabular-classification"},
    )
    return Repository(registry.host, repository)


@pytest.fixture(params=["shipped", "plainest", "everything"])
def plain(request: pytest.FixtureRequest) -> Repository:
    value = request.getfixturevalue(request.param)
    found = value.plain if isinstance(value, Shipped) else value
    assert isinstance(found, Repository)
    return found


def test_every_manifest_is_valid(plain: Repository) -> None:
    check("image-index", plain.manifest("1.2.0"))

    for entry in plain.document("1.2.0")["manifests"]:
        check("descriptor", entry)
        check("image-manifest", plain.manifest(entry["digest"]))


def test_every_config_is_valid(plain: Repository) -> None:
    schemas: dict[str, Name] = {"image": "image-config", "modelpack": "modelpack"}

    for role, manifest in entries(plain, "1.2.0").items():
        config = plain.blob(manifest["config"]["digest"])
        if role in schemas:
            check(schemas[role], config)
        else:
            assert json.loads(config)["files"] is not None


def test_every_size_and_type_is_true(plain: Repository) -> None:
    index = plain.document("1.2.0")
    assert index["mediaType"] == INDEX

    for entry in index["manifests"]:
        assert entry["size"] == len(plain.manifest(entry["digest"]))
        manifest = plain.document(entry["digest"])
        assert entry["mediaType"] == manifest["mediaType"] == MANIFEST
        for part in (manifest["config"], *manifest["layers"]):
            assert part["size"] == len(plain.blob(part["digest"]))


def test_all_views_list_the_same_layers(plain: Repository) -> None:
    index = plain.document("1.2.0")
    lists = [
        [layer["digest"] for layer in plain.document(entry["digest"])["layers"]]
        for entry in index["manifests"]
    ]
    image = json.loads(plain.blob(entries(plain, "1.2.0")["image"]["config"]["digest"]))
    pack = json.loads(plain.blob(entries(plain, "1.2.0")["modelpack"]["config"]["digest"]))

    assert len(lists) == 4
    assert all(each == lists[0] for each in lists)
    # Plain tar: a layer's digest is its diffID.
    assert image["rootfs"]["diff_ids"] == pack["modelfs"]["diffIds"] == lists[0]


def test_no_two_configs_are_one(plain: Repository) -> None:
    """containerd names an image by its config's digest: equal configs would be one image."""
    index = plain.document("1.2.0")

    configs = [plain.document(entry["digest"])["config"]["digest"] for entry in index["manifests"]]

    assert len(set(configs)) == len(configs)


def test_no_descriptor_of_the_index_has_an_artifact_type(plain: Repository) -> None:
    """Older skopeo drops it, and the index would get another digest."""
    for entry in plain.document("1.2.0")["manifests"]:
        assert "artifactType" not in entry


def test_go_would_have_written_the_same_bytes(plain: Repository) -> None:
    raw = plain.manifest("1.2.0")
    assert raw == go(index_as_go(json.loads(raw)))

    for entry in json.loads(raw)["manifests"]:
        manifest = plain.manifest(entry["digest"])
        assert manifest == go(manifest_as_go(json.loads(manifest)))


def index_as_go(value: Json) -> Json:
    fields = ordered(value, _INDEX)
    return fields | {"manifests": [descriptor(entry) for entry in value["manifests"]]}


def manifest_as_go(value: Json) -> Json:
    fields = ordered(value, _MANIFEST)
    fields["config"] = descriptor(value["config"])
    return fields | {"layers": [descriptor(layer) for layer in value["layers"]]}


def descriptor(value: Json) -> Json:
    fields = ordered(value, _DESCRIPTOR)
    if "platform" in fields:
        fields["platform"] = ordered(value["platform"], _PLATFORM)
    return fields


def ordered(value: Json, fields: tuple[str, ...]) -> Json:
    """A struct in the order of its fields, its maps sorted, as encoding/json does."""
    assert set(value) <= set(fields)
    annotations: dict[str, Any] = value.get("annotations", {})
    known = {name: value[name] for name in fields if name in value}
    return known | ({"annotations": dict(sorted(annotations.items()))} if annotations else {})


def go(value: Json) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in _GO.items():
        text = text.replace(character, escaped)
    return text.encode()
