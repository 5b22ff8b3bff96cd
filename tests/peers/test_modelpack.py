"""ModelPack artifacts as modctl writes them are pulled; what is no model is named and refused."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
from parts.registry import DockerRegistry
from peers import gotar
from peers.plain import INDEX, MANIFEST, Json, Repository, digest_of, files_of, folders_of
from schemas.validators import check

from lading.errors import IntegrityError, InvalidInput, Unsupported
from lading.operations.copy import copy
from lading.operations.inspect import inspect
from lading.operations.pull import pull
from lading.operations.verify import verify
from lading.settings import Settings

Form = Literal["raw", "tar", "tar+gzip"]
FORMS: tuple[Form, ...] = ("raw", "tar", "tar+gzip")
# The two families of names: ModelPack's own, and those from before it was CNCF's.
CNCF, CNAI = "cncf", "cnai"

FILES: dict[str, bytes] = {
    "model.safetensors": os.urandom(5_000_000),
    "config.json": b'{"hidden_size": 64}\n',
    "tokenizer/vocab.txt": b"one\ntwo\n",
    "README.md": b"# Model\n",
    "empty.txt": b"",
    "größe 模型.bin": b"umlauts",
    "deep/" + "d" * 90 + "/" + "f" * 60 + ".json": b"{}",
    "deep/" + "n" * 180 + ".json": b"[]",
}
KINDS = {".safetensors": "weight", ".json": "weight.config", ".md": "doc", ".txt": "weight.config"}


class Modctl:
    """Writes artifacts to a repository as ``modctl build`` and ``modctl push`` do."""

    def __init__(self, repository: Repository, family: str = CNCF) -> None:
        self.repository = repository
        self.family = family

    def layer(self, path: str, content: bytes, form: Form = "raw") -> Json:
        """One file's layer."""
        raw = content if form == "raw" else gotar.archive({path: content})
        return self.blob(path, gotar.compressed(raw) if form == "tar+gzip" else raw, form)

    def blob(self, path: str, raw: bytes, form: Form, kind: str | None = None) -> Json:
        """A layer of any bytes."""
        kind = kind or KINDS.get(Path(path).suffix, "code")
        media_type = f"application/vnd.{self.family}.model.{kind}.v1.{form}"
        metadata = {
            "name": Path(path).name,
            "mode": 420,
            "uid": 0,
            "gid": 0,
            "size": len(raw),
            "mtime": "2025-11-10T12:34:56.789012345Z",
            "typeflag": 0,
        }
        annotations = {
            f"org.{self.family}.model.filepath": path,
            f"org.{self.family}.model.file.metadata+json": json.dumps(metadata),
        }
        return self.repository.put_blob(raw, media_type, **annotations)

    def push(self, layers: list[Json], tag: str = "latest", *, artifact_type: bool = True) -> Json:
        """The config and the manifest; the manifest's descriptor."""
        config = {
            "descriptor": {"createdAt": "2025-11-10T12:34:56.789012345Z", "name": "tiny"},
            "modelfs": {"type": "layers", "diffIds": [layer["digest"] for layer in layers]},
            "config": {"architecture": "transformer", "format": "safetensors"},
        }
        check("modelpack", config)
        manifest: Json = {"schemaVersion": 2, "mediaType": MANIFEST}
        if artifact_type:
            manifest["artifactType"] = f"application/vnd.{self.family}.model.manifest.v1+json"
        config_type = f"application/vnd.{self.family}.model.config.v1+json"
        manifest["config"] = self.repository.put_blob(json.dumps(config).encode(), config_type)
        manifest["layers"] = layers
        check("image-manifest", manifest)
        return self.repository.put_manifest(manifest, tag)


@pytest.fixture
def plain(registry: DockerRegistry, repository: str) -> Repository:
    return Repository(registry.host, repository)


@pytest.fixture
def reference(plain: Repository) -> str:
    return f"{plain.host}/{plain.name}:latest"


@pytest.mark.parametrize("family", [CNCF, CNAI])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_layer_is_pulled(  # noqa: PLR0917  fixtures
    plain: Repository, reference: str, settings: Settings, tmp_path: Path, form: Form, family: str
) -> None:
    modctl = Modctl(plain, family)
    pushed = modctl.push([modctl.layer(path, raw, form) for path, raw in FILES.items()])

    into_folder = pull(reference, tmp_path / "out", settings=settings)
    into_cache = pull(reference, settings=settings)

    assert files_of(tmp_path / "out") == FILES
    assert files_of(Path(into_cache.path)) == FILES
    assert into_folder.digest == into_cache.digest == pushed["digest"]
    assert into_folder.files == into_cache.files == len(FILES)
    assert into_folder.notes == ()


@pytest.mark.parametrize("form", FORMS)
def test_inspect_says_what_it_is(
    plain: Repository, reference: str, settings: Settings, form: Form
) -> None:
    modctl = Modctl(plain)
    pushed = modctl.push([modctl.layer(path, raw, form) for path, raw in FILES.items()])

    seen = inspect(reference, settings=settings)

    assert (seen.kind, seen.digest, seen.name) == ("modelpack", pushed["digest"], "tiny")
    assert [layer.title for layer in seen.layers] == list(FILES)
    if form == "raw":
        assert {file.path: file.size for file in seen.files} == {
            path: len(raw) for path, raw in FILES.items()
        }


def test_layers_of_several_forms_make_one_model(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    forms = dict(zip(FILES, FORMS * len(FILES), strict=False))
    modctl.push([modctl.layer(path, raw, forms[path]) for path, raw in FILES.items()])

    pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == FILES


def test_two_files_that_are_equal_are_both_there(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    """modctl lists one blob once for each file: by digest alone one of them would be lost."""
    modctl = Modctl(plain)
    files = {"a/one.safetensors": b"equal" * 1000, "b/two.safetensors": b"equal" * 1000}
    modctl.push([modctl.layer(path, raw) for path, raw in files.items()])

    pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == files
    assert files_of(Path(pull(reference, settings=settings).path)) == files


def test_a_layer_of_a_whole_folder_is_unpacked(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    """modctl names folders without a slash at their end."""
    modctl = Modctl(plain)
    members: dict[str, bytes | None] = {
        "tokenizer": None,
        "tokenizer/empty": None,
        "tokenizer/vocab.txt": b"one\n",
    }
    layer = modctl.blob("tokenizer", gotar.archive(members), "tar", "weight.config")
    modctl.push([layer])

    pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == {"tokenizer/vocab.txt": b"one\n"}
    assert folders_of(tmp_path / "out") == {"tokenizer", "tokenizer/empty"}


def test_a_manifest_without_an_artifact_type_is_known_by_its_config(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.layer("a.safetensors", b"weights")], artifact_type=False)

    pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == {"a.safetensors": b"weights"}


def test_a_model_in_an_index_is_found(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    model = modctl.push([modctl.layer("a.safetensors", b"weights")], "model")
    plain.put_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": [model]}, "latest")

    pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == {"a.safetensors": b"weights"}


def test_only_the_layers_needed_are_fetched(
    plain: Repository, registry: DockerRegistry, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.layer(path, raw) for path, raw in FILES.items()])
    registry.forget_requests()

    result = pull(reference, tmp_path / "out", include=["*.json"], settings=settings)

    wanted = {path: raw for path, raw in FILES.items() if path.endswith(".json")}
    assert files_of(tmp_path / "out") == wanted
    assert result.fetched < 1000
    weights = digest_of(FILES["model.safetensors"])
    assert not any(weights in request.path for request in registry.requests())


@pytest.mark.parametrize("form", FORMS)
def test_a_pull_again_fetches_nothing_from_the_cache(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path, form: Form
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.layer(path, raw, form) for path, raw in FILES.items()])
    pull(reference, settings=settings)

    again = pull(reference, tmp_path / "out", settings=settings)

    assert again.fetched == 0
    assert files_of(tmp_path / "out") == FILES


def test_a_folder_is_verified_against_raw_layers(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.layer(path, raw) for path, raw in FILES.items()])
    pull(reference, tmp_path / "out", settings=settings)

    assert verify(tmp_path / "out", reference, settings=settings).equal

    (tmp_path / "out/config.json").write_bytes(b"other")
    assert verify(tmp_path / "out", reference, settings=settings).changed == ("config.json",)


def test_an_artifact_is_copied_with_its_digest(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    pushed = modctl.push([modctl.layer(path, raw, "tar") for path, raw in FILES.items()])

    copied = copy(reference, f"oci:{tmp_path / 'layout'}:latest", settings=settings)

    assert copied.copied[0].digest == pushed["digest"]
    pull(f"oci:{tmp_path / 'layout'}:latest", tmp_path / "out", settings=settings)
    assert files_of(tmp_path / "out") == FILES


@pytest.mark.parametrize("path", ["../outside", "/absolute", "a/../../b", "a\\b", "line\nfeed"])
@pytest.mark.parametrize("form", ["raw", "tar"])
def test_a_name_that_leads_out_is_refused(  # noqa: PLR0917  fixtures
    plain: Repository, reference: str, settings: Settings, tmp_path: Path, path: str, form: Form
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.layer("good.txt", b"good"), modctl.layer(path, b"bad", form)])

    with pytest.raises((IntegrityError, InvalidInput)):
        pull(reference, tmp_path / "deep" / "out", settings=settings)

    assert not [found for found in tmp_path.rglob("*") if found.name in ("outside", "absolute")]
    assert not (tmp_path / "deep/out/good.txt").exists()


def test_a_layer_that_is_no_archive_is_refused(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    modctl = Modctl(plain)
    modctl.push([modctl.blob("weights.safetensors", b"no archive at all" * 100, "tar")])

    with pytest.raises(IntegrityError, match="archive"):
        pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == {}


def test_a_layer_of_an_unknown_type_is_said_to_be_one(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    """ramalama puts plain files under types of their own into such artifacts."""
    modctl = Modctl(plain, CNAI)
    layer = plain.put_blob(b"weights", "application/octet-stream")
    modctl.push([layer])

    with pytest.raises(Unsupported, match="application/octet-stream"):
        pull(reference, tmp_path / "out", settings=settings)

    assert files_of(tmp_path / "out") == {}


def test_the_folders_of_the_first_modctl_are_told_by_its_annotations(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path
) -> None:
    """Its archives hold the base name alone, so equal files of two folders are one layer."""
    modctl = Modctl(plain, CNAI)
    archive = gotar.archive({"vocab.txt": b"one\n"})
    modctl.push(
        [
            modctl.blob("tokenizer/vocab.txt", archive, "tar"),
            modctl.blob("draft/vocab.txt", archive, "tar"),
            modctl.blob("README.md", gotar.archive({"README.md": b"# Model\n"}), "tar"),
        ]
    )
    expected = {
        "tokenizer/vocab.txt": b"one\n",
        "draft/vocab.txt": b"one\n",
        "README.md": b"# Model\n",
    }

    folder = pull(reference, tmp_path / "out", settings=settings)
    snapshot = pull(reference, settings=settings)

    assert files_of(tmp_path / "out") == expected
    assert files_of(Path(snapshot.path)) == expected
    assert folder.files == len(expected)


@pytest.mark.parametrize("form", ["raw", "tar"])
def test_one_of_two_equal_files_can_be_chosen(
    plain: Repository, reference: str, settings: Settings, tmp_path: Path, form: Form
) -> None:
    names = ("a/vocab.txt", "b/vocab.txt")
    modctl = Modctl(plain)
    modctl.push([modctl.layer(name, b"equal\n", form) for name in names])

    for name in names:
        pull(reference, tmp_path / name, include=(name,), settings=settings)

    for name in names:
        assert files_of(tmp_path / name) == {name: b"equal\n"}


# --- what is no model -------------------------------------------------------------------------


def an_image(plain: Repository) -> Json:
    """A plain container image of one architecture."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("etc"))
    layer = plain.put_blob(raw.getvalue(), "application/vnd.oci.image.layer.v1.tar")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    check("image-config", config)
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": plain.put_blob(
            json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"
        ),
        "layers": [layer],
    }


def a_docker_image(plain: Repository) -> Json:
    """The same in Docker's own format."""
    image = an_image(plain)
    prefix = "application/vnd.docker."
    image["config"]["mediaType"] = prefix + "container.image.v1+json"
    image["layers"][0]["mediaType"] = prefix + "image.rootfs.diff.tar.gzip"
    return image | {"mediaType": prefix + "distribution.manifest.v2+json"}


def a_chart(plain: Repository) -> Json:
    """What ``helm push`` writes."""
    prefix = "application/vnd.cncf.helm."
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": plain.put_blob(b'{"name":"chart"}', prefix + "config.v1+json"),
        "layers": [plain.put_blob(b"chart", prefix + "chart.content.v1.tar+gzip")],
    }


def an_index_of_images(plain: Repository) -> Json:
    """An image for several platforms."""
    image = plain.put_manifest(an_image(plain))
    platforms = ({"architecture": "amd64", "os": "linux"}, {"architecture": "arm64", "os": "linux"})
    entries = [image | {"platform": platform} for platform in platforms]
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}


def an_index_of_nothing(plain: Repository) -> Json:
    """An empty index, as a repository's referrers may be."""
    del plain
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def a_signature(plain: Repository) -> Json:
    """What cosign writes."""
    kind = "application/vnd.dev.cosign.artifact.sig.v1+json"
    empty = plain.put_blob(b"{}", "application/vnd.oci.empty.v1+json")
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": empty,
        "layers": [plain.put_blob(b"sig", "application/vnd.dev.cosign.simplesigning.v1+json")],
    }


def a_kit(plain: Repository) -> Json:
    """What ``kit pack`` and ``kit push`` write without ``--use-model-pack``."""
    prefix = "application/vnd.kitops.modelkit."
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": prefix + "manifest.v1+json",
        "config": plain.put_blob(b'{"manifestVersion":"1.0"}', prefix + "config.v1+json"),
        "layers": [plain.put_blob(gotar.archive({"a": b"a"}), prefix + "model.v1.tar")],
    }


STRANGERS: Mapping[str, tuple[Callable[[Repository], Json], str]] = {
    "image": (an_image, "a container image"),
    "docker image": (a_docker_image, "a container image"),
    "chart": (a_chart, "a Helm chart"),
    "index of images": (an_index_of_images, "a container image for linux/amd64, linux/arm64"),
    "empty index": (an_index_of_nothing, "an index of 0 manifests"),
    "signature": (a_signature, "application/vnd.dev.cosign.artifact.sig.v1+json"),
    "kit": (a_kit, "a KitOps ModelKit"),
}


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, plain: Repository) -> Iterator[str]:
    """Something that is no model, under the tag ``latest``; what it is to be called."""
    make, name = STRANGERS[request.param]
    plain.put_manifest(make(plain), "latest")
    yield name


def test_what_is_no_model_is_named_by_pull(
    stranger: str, reference: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput) as caught:
        pull(reference, tmp_path / "out", settings=settings)

    assert stranger in str(caught.value)
    assert reference in str(caught.value)
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_what_is_no_model_is_named_by_inspect(
    stranger: str, reference: str, settings: Settings
) -> None:
    with pytest.raises(InvalidInput) as caught:
        inspect(reference, settings=settings)

    assert stranger in str(caught.value)
