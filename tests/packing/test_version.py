"""A version: one cargo, four views of it, and the document; as the format says, to the byte."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from packing.trees import make, read, settle, trees
from parts.laws import tries
from schemas.validators import check

from lading.errors import InvalidInput, LocalFailure, NotFound
from lading.packing.artifact import recognise
from lading.packing.listing import listing
from lading.packing.memory import DigestMemory
from lading.packing.plan import Plan, plan
from lading.packing.roles import LARGE
from lading.packing.tarview import TarView
from lading.packing.version import PackedVersion, reseal, seal
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.document import Document
from lading.spec.identity import Identity
from lading.spec.manifest import Manifest, parse
from lading.stores.memory import MemoryStore
from lading.transfer import copy
from lading.transfer import read as read_small

CREATED = "2026-03-01T12:00:00Z"
WHO = Identity(
    name="ml/fraud",
    version="1.2.0",
    description="Finds <fraud> & more",
    authors=("Ada", "Grace"),
    licenses=("Apache-2.0",),
    tags={"task": "classification", "team": "risk"},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with a large file, bundles of one and of several files, and an empty folder."""
    folder = make(
        tmp_path / "model",
        {
            "onnx/tokenizer.json": b"[]",
            "onnx/config.json": b"{}",
            "code/predict.py": b"pass",
            "README.md": b"# Fraud",
        },
    )
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(LARGE)
    return folder


@pytest.fixture
def packed(folder: Path) -> PackedVersion:
    return seal(plan(folder, memory=None), WHO, created=CREATED)


def manifest_of(packed: PackedVersion, role: str) -> Manifest:
    (entry, *_) = (
        entry for entry in packed.index.manifests if entry.annotations[mediatypes.ROLE] == role
    )
    manifest = parse(read_small(packed, entry), entry.media_type)
    assert isinstance(manifest, Manifest)
    return manifest


def config_of(packed: PackedVersion, role: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(read_small(packed, manifest_of(packed, role).config))
    return value


ROLES = ["image", "model", "modelpack"]


# The index


def test_the_index_lists_images_first_then_the_two_artifacts(packed: PackedVersion) -> None:
    value = json.loads(packed.index.raw)

    assert value["mediaType"] == mediatypes.IMAGE_INDEX
    assert value["artifactType"] == mediatypes.MODEL
    assert [(entry["annotations"], entry["platform"]) for entry in value["manifests"]] == [
        ({"dev.lading.role": "image"}, {"architecture": "amd64", "os": "linux"}),
        ({"dev.lading.role": "image"}, {"architecture": "arm64", "os": "linux"}),
        ({"dev.lading.role": "model"}, {"architecture": "unknown", "os": "unknown"}),
        ({"dev.lading.role": "modelpack"}, {"architecture": "unknown", "os": "unknown"}),
    ]
    assert not any("artifactType" in entry for entry in value["manifests"])


def test_the_index_sums_the_version_up(packed: PackedVersion) -> None:
    assert packed.index.annotations == {
        "org.opencontainers.image.title": "ml/fraud",
        "org.opencontainers.image.version": "1.2.0",
        "org.opencontainers.image.created": CREATED,
        "org.opencontainers.image.authors": "Ada, Grace",
        "org.opencontainers.image.description": "Finds <fraud> & more",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "dev.lading.document": str(Digest.of(packed.document)),
        "dev.lading.files": "5",
        "dev.lading.format": "safetensors",
        "dev.lading.size": str(LARGE + 4 + 4 + 7),
        "dev.lading.task": "classification",
    }


def test_more_platforms_are_more_images(folder: Path) -> None:
    platforms = (Platform("s390x", "linux"), Platform("arm", "linux", "v7"))

    packed = seal(plan(folder, memory=None), WHO, created=CREATED, platforms=platforms)

    images = [e for e in packed.index.manifests if e.annotations[mediatypes.ROLE] == "image"]
    assert [str(entry.platform) for entry in images] == ["linux/s390x", "linux/arm/v7"]
    assert len({entry.digest for entry in images}) == 2


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (("MIT",), "MIT"),
        (("MIT OR Apache-2.0",), "MIT OR Apache-2.0"),
        (("MIT", "CC-BY-4.0"), "MIT AND CC-BY-4.0"),
        (("MIT OR Apache-2.0", "CC-BY-4.0"), "(MIT OR Apache-2.0) AND CC-BY-4.0"),
    ],
)
def test_licences_are_one_expression(
    folder: Path, licenses: tuple[str, ...], expected: str
) -> None:
    packed = seal(plan(folder, memory=None), Identity(licenses=licenses), created=CREATED)

    assert packed.index.annotations[mediatypes.LICENSES] == expected


# The manifests


def test_all_manifests_list_the_same_cargo(packed: PackedVersion) -> None:
    cargo = [layer.digest for layer in packed.layers]
    kinds = {role: manifest_of(packed, role) for role in ROLES}

    assert all([layer.digest for layer in m.layers] == cargo for m in kinds.values())
    assert {layer.media_type for layer in kinds["image"].layers} == {mediatypes.IMAGE_LAYER}
    assert {layer.media_type for layer in kinds["model"].layers} == {mediatypes.MODEL_LAYER}
    assert [layer.media_type for layer in kinds["modelpack"].layers] == [
        "application/vnd.cncf.model.weight.v1.tar",
        "application/vnd.cncf.model.weight.config.v1.tar",
        "application/vnd.cncf.model.code.v1.tar",
        "application/vnd.cncf.model.doc.v1.tar",
        "application/vnd.cncf.model.doc.v1.tar",
    ]
    assert kinds["image"].artifact_type is None
    assert kinds["model"].artifact_type == mediatypes.MODEL
    assert kinds["modelpack"].artifact_type == mediatypes.MODELPACK


def test_only_the_models_layers_have_titles(packed: PackedVersion) -> None:
    titles = [layer.annotations.get(mediatypes.TITLE) for layer in packed.layers]

    assert titles == [
        "model.safetensors.tar",
        "lading.config.tar",
        "lading.code.tar",
        "lading.doc.tar",
        "lading.json.tar",
    ]
    assert packed.layers == manifest_of(packed, "model").layers
    for role in ("image", "modelpack"):
        assert b"image.title" not in manifest_of(packed, role).raw
        assert b"image.title" not in json.dumps(config_of(packed, role)).encode()


def test_an_images_config_has_the_right_diff_ids(packed: PackedVersion) -> None:
    configs = [
        json.loads(read_small(packed, config.config))
        for entry in packed.index.manifests[:2]
        if isinstance(config := parse(read_small(packed, entry)), Manifest)
    ]

    for config, architecture in zip(configs, ("amd64", "arm64"), strict=True):
        assert list(config) == ["created", "architecture", "os", "config", "rootfs"]
        assert (config["architecture"], config["os"]) == (architecture, "linux")
        assert config["rootfs"] == {
            "type": "layers",
            "diff_ids": [str(Digest.of(read(packed.content(layer)))) for layer in packed.layers],
        }


def test_the_model_manifests_config_is_the_document(packed: PackedVersion) -> None:
    model = manifest_of(packed, "model")

    assert model.config == Descriptor.of(packed.document, mediatypes.MODEL_CONFIG)
    assert packed.model == model.descriptor
    with tarfile.open(fileobj=io.BytesIO(read(packed.content(packed.layers[-1])))) as archive:
        file = archive.extractfile("models/lading.json")
        assert archive.getnames() == ["models", "models/lading.json"]
        assert file is not None
        assert file.read() == packed.document


def test_modelpack_finds_files_by_their_annotations(packed: PackedVersion) -> None:
    layers = manifest_of(packed, "modelpack").layers
    found = [
        (layer.annotations[mediatypes.FILEPATH], layer.annotations[mediatypes.FILE_METADATA])
        for layer in layers
    ]

    def metadata(name: str, mode: int, size: int, kind: int) -> str:
        return (
            f'{{"name":"{name}","mode":{mode},"uid":0,"gid":0,"size":{size},'
            f'"mtime":"1970-01-01T00:00:00Z","typeflag":{kind}}}'
        )

    assert found == [
        ("models/model.safetensors", metadata("model.safetensors", 0o644, LARGE, 48)),
        ("models/onnx", metadata("onnx", 0o755, 0, 53)),
        ("models/code/predict.py", metadata("predict.py", 0o644, 4, 48)),
        ("models/README.md", metadata("README.md", 0o644, 7, 48)),
        ("models/lading.json", metadata("lading.json", 0o644, len(packed.document), 48)),
    ]
    assert all(len(layer.annotations) == 2 for layer in layers)


def test_a_bundle_with_empty_folders_is_a_folder(tmp_path: Path) -> None:
    make(tmp_path, {"a/config.json": b"{}"}, ("a/empty", "b"))

    packed = seal(plan(tmp_path, memory=None), Identity(), created=CREATED)

    (bundle, _) = manifest_of(packed, "modelpack").layers
    assert bundle.annotations[mediatypes.FILEPATH] == "models"
    assert json.loads(bundle.annotations[mediatypes.FILE_METADATA])["typeflag"] == 53


def test_the_modelpack_config_tells_what_its_schema_knows(packed: PackedVersion) -> None:
    assert config_of(packed, "modelpack") == {
        "descriptor": {
            "createdAt": CREATED,
            "authors": ["Ada", "Grace"],
            "name": "ml/fraud",
            "version": "1.2.0",
            "licenses": ["Apache-2.0"],
            "description": "Finds <fraud> & more",
        },
        "modelfs": {"type": "layers", "diffIds": [str(layer.digest) for layer in packed.layers]},
        "config": {"format": "safetensors"},
    }


@pytest.mark.parametrize("identity", [WHO, Identity()], ids=["said", "unsaid"])
def test_everything_is_valid_by_the_schemas_of_oci_and_modelpack(
    folder: Path, identity: Identity
) -> None:
    packed = seal(plan(folder, memory=None), identity, created=CREATED)

    check("image-index", packed.index.raw)
    for _, raw in packed.manifests:
        check("image-manifest", raw)
    check("image-config", config_of(packed, "image"))
    check("modelpack", config_of(packed, "modelpack"))


def test_bytes_are_written_as_go_would(packed: PackedVersion) -> None:
    everything = [packed.index.raw, packed.document, *(raw for _, raw in packed.manifests)]

    for raw in everything:
        assert b"\n" not in raw
        assert b'": ' not in raw
        assert not set(b"<>&") & set(raw)
    assert list(json.loads(packed.index.raw)) == [
        "schemaVersion",
        "mediaType",
        "artifactType",
        "manifests",
        "annotations",
    ]


# The document


def test_the_document_lists_every_file(packed: PackedVersion) -> None:
    document = Document.parse(packed.document)

    assert [(f.path, f.size, f.role, f.format) for f in document.files] == [
        ("README.md", 7, "doc", None),
        ("code/predict.py", 4, "code", None),
        ("model.safetensors", LARGE, "weights", "safetensors"),
        ("onnx/config.json", 2, "config", None),
        ("onnx/tokenizer.json", 2, "config", None),
    ]
    assert [file.path for file in document.files if file.sha256 is None] == ["model.safetensors"]
    assert {file.layer for file in document.files} == {str(d.digest) for d in packed.layers[:-1]}
    assert document.files[1].sha256 == Digest.of(b"pass").hex


def test_the_document_says_what_the_person_said(packed: PackedVersion) -> None:
    document = Document.parse(packed.document)

    assert (document.name, document.version, document.created) == ("ml/fraud", "1.2.0", CREATED)
    assert document.description == "Finds <fraud> & more"
    assert (document.authors, document.licenses) == (("Ada", "Grace"), ("Apache-2.0",))
    assert document.tags == {"task": "classification", "team": "risk"}


@pytest.mark.parametrize("identity", [WHO, Identity()], ids=["said", "unsaid"])
@pytest.mark.parametrize("file_hashes", [False, True])
def test_the_document_is_what_its_model_would_write(
    folder: Path, identity: Identity, file_hashes: bool
) -> None:
    planned = plan(folder, memory=None, file_hashes=file_hashes)

    packed = seal(planned, identity, created=CREATED)

    assert Document.parse(packed.document).encode() == packed.document


def test_file_hashes_are_written_for_large_files_too(folder: Path) -> None:
    packed = seal(plan(folder, memory=None, file_hashes=True), WHO, created=CREATED)

    (large,) = (f for f in Document.parse(packed.document).files if f.size == LARGE)
    assert large.sha256 == Digest.of((folder / "model.safetensors").read_bytes()).hex


def test_a_document_that_nobody_could_read_is_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(folder, memory=None)
    monkeypatch.setattr("lading.packing.version.DOCUMENT_LIMIT", 500)

    with pytest.raises(InvalidInput, match="the document would be larger"):
        seal(planned, WHO, created=CREATED)


def test_a_manifest_that_no_registry_takes_is_not_written(folder: Path) -> None:
    wordy = Identity(description="words " * 1_000_000)

    with pytest.raises(InvalidInput, match="larger than 4 MiB"):
        seal(plan(folder, memory=None), wordy, created=CREATED)


# The same again


@given(trees())
@tries(20)
def test_the_same_files_and_words_are_the_same_version(
    tree: tuple[dict[str, bytes], tuple[str, ...]],
) -> None:
    files, folders = tree
    files = {f"in/{path}": content for path, content in files.items()} | {"x.py": b"1"}
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        first = seal(plan(make(Path(one), files, folders), memory=None), WHO, created=CREATED)
        backwards = dict(reversed(files.items()))
        copied = make(Path(other), backwards, folders)
        second = seal(plan(copied, memory=None), WHO, created=CREATED)

        assert first.root == second.root
        assert {d: read(first.content(d)) for d in first.layers} == {
            d: read(second.content(d)) for d in second.layers
        }
        assert Document.parse(first.document).encode() == first.document


def test_other_words_change_no_other_layer(folder: Path, packed: PackedVersion) -> None:
    other = seal(plan(folder, memory=None), Identity(name="ml/other"), created=CREATED)

    assert other.root.digest != packed.root.digest
    assert other.layers[:-1] == packed.layers[:-1]
    assert other.layers[-1] != packed.layers[-1]


def test_an_hour_later_the_same_content_is_the_same_version(
    folder: Path, packed: PackedVersion
) -> None:
    again = reseal(plan(folder, memory=None), WHO, packed.document)

    assert again.root == packed.root
    assert again.document == packed.document
    assert again.index.raw == packed.index.raw


def test_what_is_not_said_again_still_holds(folder: Path, packed: PackedVersion) -> None:
    silent = Identity(name="ml/fraud", version="1.2.0", tags={"team": "risk"})

    assert reseal(plan(folder, memory=None), silent, packed.document).root == packed.root


@pytest.mark.parametrize(
    "said",
    [
        Identity(description="Something else"),
        Identity(version="1.2.1"),
        Identity(authors=("Ada",)),
        Identity(licenses=("MIT",)),
        Identity(tags={"task": "regression"}),
        Identity(tags={"new": "tag"}),
    ],
    ids=["description", "version", "authors", "licenses", "tag", "new tag"],
)
def test_what_is_said_otherwise_is_another_version(
    folder: Path, packed: PackedVersion, said: Identity
) -> None:
    assert reseal(plan(folder, memory=None), said, packed.document).root != packed.root


def test_other_files_are_another_version(folder: Path, packed: PackedVersion) -> None:
    make(folder, {"README.md": b"# fraud"})

    assert reseal(plan(folder, memory=None), WHO, packed.document).root != packed.root


def test_a_copy_in_another_repository_is_still_the_same(
    folder: Path, packed: PackedVersion
) -> None:
    there = Identity(name="mirror/fraud", version="1.2.0")

    assert reseal(plan(folder, memory=None), there, packed.document).root == packed.root


@pytest.mark.parametrize("then", [False, True])
def test_whether_large_files_were_hashed_makes_no_difference(folder: Path, then: bool) -> None:
    first = seal(plan(folder, memory=None, file_hashes=then), WHO, created=CREATED)

    again = reseal(plan(folder, memory=None, file_hashes=not then), WHO, first.document)

    assert again.root == first.root


def test_what_was_found_out_then_is_kept(folder: Path, packed: PackedVersion) -> None:
    document = json.loads(packed.document) | {"environment": {"python": "3.12.1"}, "later": [1]}
    existing = json.dumps(document, separators=(",", ":")).encode()

    again = reseal(plan(folder, memory=None), WHO, existing)

    assert json.loads(again.document) == document
    assert list(json.loads(again.document)) == list(document)


def test_a_document_that_lies_about_a_file_is_not_repeated(
    folder: Path, packed: PackedVersion
) -> None:
    document = json.loads(packed.document)
    document["files"][0]["sha256"] = "0" * 64

    again = reseal(plan(folder, memory=None), WHO, json.dumps(document).encode())

    assert Document.parse(again.document).files == Document.parse(packed.document).files


@pytest.mark.parametrize("existing", [b"", b"[]", b"nonsense", b"[" * 100_000, b"\xff"])
def test_a_document_that_is_none_is_refused(folder: Path, existing: bytes) -> None:
    with pytest.raises(InvalidInput):
        reseal(plan(folder, memory=None), WHO, existing)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"files": None, "tags": [], "authors": "Ada", "name": 5, "created": 7},
        {"files": [5, {}, {"path": 5}], "tags": {"a": 1}, "authors": [1, ""], "name": ""},
        {"x": json.loads("[" * 900 + "]" * 900)},
    ],
)
def test_a_document_of_somebody_elses_is_only_different(
    folder: Path, packed: PackedVersion, value: Mapping[str, object]
) -> None:
    try:
        again = reseal(plan(folder, memory=None), WHO, json.dumps(value).encode())
    except InvalidInput as refusal:
        assert "nested" in refusal.what
    else:
        assert again.model != packed.model


# A source like any other


def test_a_version_can_be_copied_to_a_store_and_is_recognised_there(
    folder: Path, packed: PackedVersion
) -> None:
    store = MemoryStore()

    copy(packed, store, packed.root, name="1.2.0")

    artifact = recognise(store, store.resolve("1.2.0"), "ml/fraud:1.2.0")
    files = listing(store, artifact)
    assert artifact.kind == "lading"
    assert artifact.notes == ()
    assert files is not None
    assert {file.path: file.size for file in files} == {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_parts_are_found_by_digest(packed: PackedVersion) -> None:
    assert packed.resolve("root") == packed.root
    assert packed.resolve(packed.root.digest) == packed.root
    assert packed.resolve(packed.model.digest) == packed.model
    with pytest.raises(NotFound):
        packed.resolve("latest")
    with pytest.raises(NotFound):
        packed.resolve(Digest.of(b"other"))
    with pytest.raises(NotFound), packed.fetch(Descriptor.of(b"other", mediatypes.MODEL_LAYER)):
        pass


def test_parts_are_fetched_from_any_offset(packed: PackedVersion) -> None:
    layer = packed.layers[1]
    whole = read(packed.content(layer))
    buffer = memoryview(bytearray(len(whole)))

    with packed.fetch(layer, 700) as reader:
        count = reader.readinto(buffer)

    assert bytes(buffer[:count]) == whole[700:]


def test_layers_can_be_sent_by_the_kernel(packed: PackedVersion) -> None:
    assert all(isinstance(packed.content(layer), TarView) for layer in packed.layers)
    assert isinstance(packed.content(packed.root), BytesContent)


def test_sealing_reads_only_what_is_not_known(folder: Path, tmp_path: Path) -> None:
    settle()
    memory = DigestMemory(tmp_path / "digests.sqlite")
    first = seal(plan(folder, memory=memory), WHO, created=CREATED)
    known: Plan = plan(folder, memory=memory)
    settle()
    (folder / "README.md").write_bytes(b"changed")

    second = seal(known, WHO, created=CREATED)

    assert second.root == first.root
    with pytest.raises(LocalFailure, match="changed while it was read"):
        read(second.content(second.layers[3]))
