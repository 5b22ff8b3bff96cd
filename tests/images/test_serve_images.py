"""Whole images: built, looked into, pushed beside their model and tied to it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from images import packed
from images.conftest import PUBLIC_INDEX
from images.containers import served
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman
from parts.registry import DockerRegistry
from schemas.validators import check_own

from lading.errors import AccessDenied, InvalidInput, PolicyRefused, Unsupported
from lading.images.engine import Engine
from lading.operations.evidence import evidence
from lading.operations.image_build import image_build
from lading.operations.stores import open_store
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.mediatypes import DOCKER_MANIFEST, IMAGE_MANIFEST
from lading.spec.reference import Reference
from lading.transfer import read


@pytest.fixture
def here(settings: Settings, docker_builder: DockerEngine, index: PackageIndex) -> Settings:
    """Docker, and both indexes."""
    return replace(
        settings, builder=docker_builder.url, index_url=PUBLIC_INDEX, extra_index_url=index.url
    )


@pytest.fixture
def place(registry: DockerRegistry, repository: str) -> str:
    """Where a model may be pushed to."""
    return f"{registry.host}/{repository}"


def inspected(builder: DockerEngine | Podman, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(builder.run("image", "inspect", image).stdout)[0]
    return found


def test_serve_holds_the_model_and_a_server_and_nothing_of_training(
    tmp_path: Path,
    here: Settings,
    docker_builder: DockerEngine,
    index: PackageIndex,
    place: str,
) -> None:
    reference = f"{place}:1.0.0_cpu"
    packed.push(tmp_path / "m", reference, packed.lock(index.folder), here)
    lines: list[str] = []

    result = image_build(
        reference, push=True, allow_pickle=True, settings=here, on_line=lines.append
    )

    (image,) = result.images
    names = {package.partition("==")[0] for package in image.packages}
    assert {"lading", "tariff", "rates"} <= names
    assert image.without == ("tuner",)
    assert image.name.endswith(":serve-1.0.0_cpu")
    store = open_store(Reference.parse(reference), here)
    assert store.resolve("serve-1.0.0_cpu").digest == image.digest
    (hung,) = evidence(reference, settings=here).evidence
    assert (hung.type, hung.digest) == ("image", image.evidence)
    config = inspected(docker_builder, image.name)["Config"]
    assert config["User"] == "65532:65532"
    assert config["Labels"]["dev.lading.digest"] == result.digest
    assert config["Labels"]["dev.lading.target"] == "serve"
    assert f"LADING_MODEL_DIGEST={result.digest}" in config["Env"]
    assert "health" in str(config["Healthcheck"])
    script = "import os, tariff; print(tariff.Tariff().predict([1.5]), os.getuid())"
    alone = ("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    python = (*alone, "--entrypoint", "python", image.name, "-c", script)
    assert docker_builder.run(*python).stdout == "[3.0] 65532\n"
    version = docker_builder.run(*alone, image.name, "--version").stdout
    assert version.startswith("lading ")
    assert any("Pushed" in line for line in lines)
    check_own("image-build", json.dumps(asdict(result)))
    assert served(docker_builder, image.name, "/v2/health/ready").startswith("200 ")
    assert result.digest in served(
        docker_builder, image.name, f"/v2/models/{place.rpartition('/')[2]}"
    )


def test_an_image_that_is_pushed_again_is_told_of_once(
    tmp_path: Path,
    settings: Settings,
    podman_builder: Podman,
    index: PackageIndex,
    place: str,
) -> None:
    settings = replace(settings, builder=podman_builder.url)
    reference = f"{place}:1.0.0"
    packed.push(tmp_path / "m", reference, packed.lock(index.folder), settings)

    first = image_build(reference, target="base", push=True, settings=settings).images[0]
    again = image_build(reference, target="base", push=True, settings=settings).images[0]

    assert first.digest == again.digest
    assert first.evidence == again.evidence
    assert len(evidence(reference, settings=settings).evidence) == 1


def test_evidence_names_what_was_pushed_though_the_tag_was_given_to_another(
    tmp_path: Path,
    settings: Settings,
    builder: DockerEngine | Podman,
    index: PackageIndex,
    place: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(settings, builder=builder.url)
    reference = f"{place}:1.0.0"
    packed.push(tmp_path / "m", reference, packed.lock(index.folder), settings)
    push = Engine.push

    def overtaken(self: Engine, name: str, *rest: Any) -> str | None:
        digest = push(self, name, *rest)
        store = open_store(Reference.parse(reference), settings)
        root = store.resolve("1.0.0")
        store.push(root, BytesContent(read(store, root)), "base-1.0.0")
        return digest

    monkeypatch.setattr(Engine, "push", overtaken)

    built = image_build(reference, target="base", push=True, settings=settings).images[0]

    store = open_store(Reference.parse(reference), settings)
    assert built.digest != store.resolve("base-1.0.0").digest
    assert store.resolve(str(built.digest)).media_type in (IMAGE_MANIFEST, DOCKER_MANIFEST)


def test_a_model_that_cannot_be_loaded_fails_the_build(
    tmp_path: Path, here: Settings, docker_builder: DockerEngine, index: PackageIndex
) -> None:
    load = {"format": "python", "class": "tariff:Nothing"}
    packed.push(tmp_path / "m", "ml/bad:1.0.0", packed.lock(index.folder), here, load=load)

    with pytest.raises(Unsupported, match="the model cannot be loaded in it") as caught:
        image_build("ml/bad:1.0.0", allow_pickle=True, settings=here)

    assert "Nothing" in str(caught.value.cause)
    assert docker_builder.run("image", "inspect", "ml/bad:serve-1.0.0", check=False).returncode


def test_a_model_that_would_run_code_needs_consent(
    tmp_path: Path, here: Settings, index: PackageIndex
) -> None:
    packed.push(tmp_path / "m", packed.VERSION, packed.lock(index.folder), here)

    with pytest.raises(PolicyRefused, match="the model cannot be loaded in it"):
        image_build(packed.VERSION, settings=here)


def test_a_registry_that_refuses_says_so(
    tmp_path: Path,
    settings: Settings,
    docker_builder: DockerEngine,
    index: PackageIndex,
    password_registry: DockerRegistry,
) -> None:
    allowed = replace(
        settings,
        builder=docker_builder.url,
        username="ada",
        password="secret",
    )
    reference = f"{password_registry.host}/refuses/says:1.0.0"
    packed.push(tmp_path / "m", reference, packed.lock(index.folder), allowed)
    image_build(reference, target="base", settings=allowed)

    pushed = image_build(reference, target="base", push=True, settings=allowed).images[0]

    assert pushed.digest
    from lading.images.engine import Engine

    with Engine.find({}, docker_builder.url) as engine, pytest.raises(AccessDenied):
        engine.push(pushed.name, {"username": "ada", "password": "wrong"})


def test_what_makes_no_sense_is_refused_before_anything_is_built(
    tmp_path: Path, settings: Settings, index: PackageIndex
) -> None:
    packed.push(tmp_path / "m", packed.VERSION, packed.lock(index.folder), settings)

    with pytest.raises(Unsupported, match="where no engine can push to"):
        image_build(packed.VERSION, push=True, settings=settings)
    with pytest.raises(InvalidInput, match="--tag names one image"):
        image_build(packed.VERSION, target="all", tag="x", settings=settings)
    with pytest.raises(Unsupported, match="one platform"):
        image_build(packed.VERSION, platform="linux/amd64,linux/arm64", settings=settings)
    with pytest.raises(InvalidInput, match="not a platform"):
        image_build(packed.VERSION, platform="arm64", settings=settings)
    with pytest.raises(InvalidInput, match="not a target: 'run'"):
        image_build(packed.VERSION, target="run", settings=settings)
