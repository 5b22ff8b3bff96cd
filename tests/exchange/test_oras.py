"""Programs written for oras-py, against a real docker-registry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import oras.provider
import pytest
from parts.registry import DockerRegistry
from parts.tokens import EVERYTHING, TokenServer

from lading.errors import AccessDenied, Conflict, InvalidInput, NotFound, Unsupported
from lading.exchange.oras import Registry
from lading.operations.inspect import inspect
from lading.operations.login import login
from lading.operations.push import push
from lading.settings import Settings, load
from lading.spec import mediatypes

ADA = "pass:word ü"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("htpasswd"), users={"ada": ADA}) as running:
        yield running


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, in which the program runs."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LADING_HOME", str(home / "lading"))
    monkeypatch.setenv("LADING_CACHE", str(home / "cache"))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home / "lading", cache=home / "cache", retries=0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "nested").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(os.urandom(5 * 1024 * 1024))
    (folder / "config.json").write_text('{"hidden": 8}')
    (folder / "nested" / "train.py").write_text("print('trained')\n")
    return folder


def name() -> str:
    return f"team/{uuid4().hex[:12]}"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_pushed_as_a_version_and_pulled_again(
    registry: DockerRegistry, model: Path, tmp_path: Path, settings: Settings
) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)

    response = client.push(target=target, files=["model"])
    files = client.pull(target=target, outdir=str(tmp_path / "out"))

    seen = inspect(target, settings=settings)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == seen.digest
    assert seen.kind == "lading"
    assert contents(tmp_path / "out") == contents(model)
    assert files == [
        str(tmp_path / "out" / path)
        for path in ("config.json", "nested/train.py", "weights.safetensors")
    ]


def test_pushing_the_same_again_is_no_error(registry: DockerRegistry, model: Path) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)

    first = client.push(target=target, files=[model])
    again = client.push(target=target, files=[model])

    assert again.status_code == 201
    assert again.headers["Docker-Content-Digest"] == first.headers["Docker-Content-Digest"]
    assert again.content == b""


def test_other_content_under_the_same_version_is_refused(
    registry: DockerRegistry, model: Path
) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)
    client.push(target=target, files=[model])
    (model / "config.json").write_text("{}")

    with pytest.raises(Conflict):
        client.push(target=target, files=[model])


def test_the_registrys_name_may_be_given_once(registry: DockerRegistry, model: Path) -> None:
    client = Registry(hostname=registry.host, insecure=True)
    target = f"{name()}:1.0.0"

    client.push(target=target, files=["model"])

    assert [Path(file).name for file in client.pull(target=target)] == [
        "config.json",
        "train.py",
        "weights.safetensors",
    ]


def test_annotations_say_what_the_version_is(
    registry: DockerRegistry, model: Path, settings: Settings
) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    annotations = {mediatypes.DESCRIPTION: "A model", mediatypes.LICENSES: "MIT", "task": "chat"}

    Registry(insecure=True).push(target=target, files=["model"], manifest_annotations=annotations)

    document = inspect(target, settings=settings).document
    assert document["description"] == "A model"
    assert document["licenses"] == ["MIT"]
    assert document["tags"] == {"task": "chat"}


def test_a_tag_that_is_no_version_is_refused(registry: DockerRegistry, model: Path) -> None:
    with pytest.raises(InvalidInput):
        Registry(insecure=True).push(target=f"{registry.host}/{name()}:v1", files=["model"])


def test_a_path_that_is_not_there_or_outside_is_refused_as_by_oras(
    registry: DockerRegistry, tmp_path: Path
) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)

    with pytest.raises(FileNotFoundError):
        client.push(target=target, files=["missing"])
    with pytest.raises(ValueError, match="not in the present working directory"):
        client.push(target=target, files=["/etc/hostname"])


def test_a_file_in_the_way_is_kept_where_that_was_asked(
    registry: DockerRegistry, model: Path, tmp_path: Path
) -> None:
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)
    client.push(target=target, files=["model"])
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("mine")

    with pytest.raises(Conflict):
        client.pull(target=target, outdir=str(out), overwrite=False)
    kept = (out / "config.json").read_text()
    client.pull(target=target, outdir=str(out))

    assert kept == "mine"
    assert contents(out) == contents(model)


# What is no model stays oras-py's affair


def test_other_artifacts_are_pushed_and_pulled_as_oras_does(
    registry: DockerRegistry, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    target = f"{registry.host}/{name()}:v1"
    client = Registry(insecure=True)

    response = client.push(
        target=target, files=["a.txt:text/plain", "b.txt"], manifest_annotations={"x": "y"}
    )
    files = client.pull(target=target, outdir=str(tmp_path / "out"))

    assert response.status_code == 201
    assert sorted(Path(file).read_text() for file in files) == ["a", "b"]
    manifest = client.get_manifest(target)
    assert manifest["annotations"] == {"x": "y"}
    assert manifest["layers"][0]["mediaType"] == "text/plain"


def test_one_file_with_a_media_type_is_an_artifact(
    registry: DockerRegistry, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    target = f"{registry.host}/{name()}:1.0.0"
    client = Registry(insecure=True)

    client.push(target=target, files=["a.txt:text/plain"])

    assert client.get_manifest(target)["layers"][0]["mediaType"] == "text/plain"
    assert [Path(file).read_text() for file in client.pull(target=target)] == ["a"]


def test_what_is_not_there_is_not_found(registry: DockerRegistry) -> None:
    with pytest.raises(NotFound):
        Registry(insecure=True).pull(target=f"{registry.host}/{name()}:1.0.0")


# ModelPack


def test_a_modelpack_artifact_is_pulled(
    registry: DockerRegistry, model: Path, tmp_path: Path, settings: Settings
) -> None:
    repository = f"{registry.host}/{name()}"
    push(model, f"{repository}:1.0.0", settings=settings)
    seen = inspect(f"{repository}:1.0.0", settings=settings)
    [modelpack] = [entry.digest for entry in seen.manifests if entry.role == "modelpack"]

    files = Registry(insecure=True).pull(
        target=f"{repository}@{modelpack}", outdir=str(tmp_path / "out")
    )

    pulled = contents(tmp_path / "out")
    assert {path: pulled[path] for path in contents(model)} == contents(model)
    assert files == sorted(str(tmp_path / "out" / path) for path in pulled)


# Credentials and encryption


def test_a_password_that_the_program_gives_is_used(
    locked: DockerRegistry, model: Path, tmp_path: Path
) -> None:
    target = f"{locked.host}/{name()}:1.0.0"
    client = Registry(insecure=True)
    client.auth.set_basic_auth("ada", ADA)

    client.push(target=target, files=["model"])
    client.pull(target=target, outdir=str(tmp_path / "out"))

    assert contents(tmp_path / "out") == contents(model)


def test_dockers_file_and_one_that_is_named_are_used(
    locked: DockerRegistry, home: Path, model: Path, tmp_path: Path
) -> None:
    target = f"{locked.host}/{name()}:1.0.0"
    named = tmp_path / "auth.json"
    login(locked.host, "ada", ADA, settings=replace(load(), login_file=named))
    client = Registry(insecure=True)

    with pytest.raises(AccessDenied):
        client.push(target=target, files=["model"])
    client.push(target=target, files=["model"], config_path=str(named))
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_bytes(named.read_bytes())

    assert len(client.pull(target=target)) == 3


def test_a_password_that_oras_found_for_one_host_is_not_passed_on_to_another(
    locked: DockerRegistry, home: Path, model: Path, tmp_path: Path
) -> None:
    """oras-py keeps what it found in a file, whichever host it is asked about next."""
    login(locked.host, "ada", ADA, settings=load())
    client = Registry(insecure=True)
    client.auth.load_configs(client.get_container(f"{locked.host}/a:1.0.0"))
    with (
        TokenServer(tmp_path / "tokens", grant=lambda *_: EVERYTHING) as tokens,
        DockerRegistry(tmp_path / "registry", tokens=tokens) as other,
    ):
        client.push(target=f"{other.host}/{name()}:1.0.0", files=["model"])
        users = {request.user for request in tokens.token_requests}

    assert client.auth._basic_auth
    assert users == {None}


def test_unchecked_certificates_are_refused(registry: DockerRegistry, model: Path) -> None:
    client = Registry(tls_verify=False)

    with pytest.raises(Unsupported) as refusal:
        client.push(target="registry.example.com/a:1.0.0", files=["model"])

    assert "tls_verify='ca.pem'" in str(refusal.value.hint)


# Plain oras-py


@pytest.fixture
def pushed(registry: DockerRegistry, model: Path, settings: Settings) -> tuple[str, Any]:
    repository = f"{registry.host}/{name()}"
    return repository, push(model, f"{repository}:1.0.0", settings=settings)


def test_oras_reads_the_index_and_the_model_manifest(pushed: tuple[str, Any]) -> None:
    repository, result = pushed
    plain = oras.provider.Registry(insecure=True)

    index = plain.get_manifest(f"{repository}:1.0.0")
    manifest = plain.get_manifest(f"{repository}@{result.model_digest}")

    assert index["artifactType"] == mediatypes.MODEL
    assert result.model_digest in [entry["digest"] for entry in index["manifests"]]
    assert manifest["artifactType"] == mediatypes.MODEL
    assert manifest["config"]["mediaType"] == mediatypes.MODEL_CONFIG
    assert plain.get_tags(repository)


def test_oras_pulls_the_model_manifests_tars(pushed: tuple[str, Any], tmp_path: Path) -> None:
    repository, result = pushed
    plain = oras.provider.Registry(insecure=True)

    files = plain.pull(target=f"{repository}@{result.model_digest}", outdir=str(tmp_path / "tars"))

    names = sorted(Path(file).name for file in files)
    assert names == sorted(layer.title for layer in result.layers)
    assert "weights.safetensors.tar" in names
    assert "lading.json.tar" in names


def test_oras_reads_the_document(pushed: tuple[str, Any]) -> None:
    repository, result = pushed
    plain = oras.provider.Registry(insecure=True)
    manifest = plain.get_manifest(f"{repository}@{result.model_digest}")

    document = json.loads(plain.get_blob(repository, manifest["config"]["digest"]).content)

    assert document["version"] == "1.0.0"
