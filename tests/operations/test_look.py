"""Looking reads kilobytes: inspect, list and verify."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, NotFound
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.tag import tag
from lading.operations.verify import verify
from lading.settings import Settings


def test_inspect_says_what_a_version_holds_and_who_can_use_it(
    model: Path, place: str, settings: Settings
) -> None:
    pushed = push(model, f"{place}:1.0.0", description="A model", settings=settings)

    result = inspect(f"{place}:1.0.0", settings=settings)

    assert (result.digest, result.version, result.kind) == (pushed.digest, "1.0.0", "lading")
    assert {file.path for file in result.files} == {
        "README.md", "config.json", "nested/deeper/train.py", "nested/second.bin", "nul.bin",
        "weights.safetensors",
    }  # fmt: skip
    assert [manifest.role for manifest in result.manifests] == [
        "image", "image", "model", "modelpack",
    ]  # fmt: skip
    assert "Kubernetes image volumes" in result.manifests[0].consumers
    assert "Kubernetes image volumes" not in result.manifests[2].consumers
    assert result.document["description"] == "A model"
    assert result.notes == ()


def test_inspect_reads_no_weights(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    pushed = push(model, f"{registry.host}/looked:1.0.0", settings=settings)
    layers = {layer.digest for layer in pushed.layers}
    registry.forget_requests()

    inspect(f"{registry.host}/looked:1.0.0", settings=settings)

    asked = {request.path.rpartition("/")[2] for request in registry.requests()}
    assert not asked & layers


def test_list_shows_versions_in_their_order_with_size_and_tags(
    model: Path, place: str, settings: Settings
) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        push(model, f"{place}:{version}", settings=settings)
    tag(f"{place}:1.9.0", "candidate", settings=settings)

    result = list_versions(place, settings=settings)

    assert [entry.version for entry in result.versions] == ["1.10.0", "1.10.0-rc.1", "1.9.0"]
    assert [entry.tags for entry in result.versions] == [("latest",), (), ("candidate",)]
    assert result.versions[0].files == 6
    assert result.versions[0].size == sum(
        path.stat().st_size for path in model.rglob("*") if path.is_file()
    )
    assert {entry.tag for entry in result.tags} == {"candidate", "latest"}


def test_list_without_a_repository_shows_what_is_on_this_machine(
    model: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    push(model, "ml:1.0.0", settings=settings)

    assert list_versions(settings=settings).repositories == ("ml", "ml/fraud")


def test_list_without_a_repository_asks_the_default_registrys_catalogue(
    model: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    push(model, f"{own_registry.host}/team/fraud:1.0.0", settings=settings)
    push(model, f"{own_registry.host}/other/fraud:1.0.0", settings=settings)

    whole = replace(settings, registry=own_registry.host)
    team = replace(settings, registry=f"{own_registry.host}/team")

    assert list_versions(settings=whole).repositories == ("other/fraud", "team/fraud")
    assert list_versions(settings=team).repositories == ("fraud",)


def test_list_of_an_empty_repository_says_so(settings: Settings, registry: DockerRegistry) -> None:
    with pytest.raises(NotFound):
        list_versions(f"{registry.host}/nothing/here", settings=settings)


def test_verify_knows_an_equal_folder(model: Path, place: str, settings: Settings) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    assert verify(model, f"{place}:1.0.0", settings=settings).equal


def test_verify_names_what_is_missing_changed_and_extra(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    out = tmp_path / "out"
    pull(f"{place}:1.0.0", out, settings=settings)
    with (out / "weights.safetensors").open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    (out / "config.json").unlink()
    (out / "README.md").write_bytes(os.urandom((out / "README.md").stat().st_size))
    (out / "extra.txt").write_text("extra")

    result = verify(out, f"{place}:1.0.0", settings=settings)

    assert not result.equal
    assert result.missing == ("config.json",)
    assert result.changed == ("README.md", "weights.safetensors")
    assert result.extra == ("extra.txt",)


def test_verify_of_an_empty_folder_misses_everything(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    (tmp_path / "out").mkdir()

    assert len(verify(tmp_path / "out", "ml/fraud:1.0.0", settings=settings).missing) == 6


def test_verify_does_not_mind_what_a_push_leaves_out(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    pull("ml/fraud:1.0.0", tmp_path / "out", settings=settings)
    (tmp_path / "out" / "__pycache__").mkdir()
    (tmp_path / "out" / "__pycache__" / "train.pyc").write_bytes(b"")
    (tmp_path / "out" / ".ladingignore").write_text("*.log")
    (tmp_path / "out" / "run.log").write_text("")

    assert verify(tmp_path / "out", "ml/fraud:1.0.0", settings=settings).equal


def test_verify_of_a_folder_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        verify(tmp_path / "nowhere", "ml/fraud:1.0.0", settings=settings)
