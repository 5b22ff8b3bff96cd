"""``lading deploy`` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from images.bases import CONFIG, BaseImage
from parts.command import Command
from parts.registry import DockerRegistry

from lading.settings import Settings


@pytest.fixture
def version(lading: Command, model: Path, registry: DockerRegistry, repository: str) -> str:
    name = f"{registry.host}/{repository}:1.0.0"
    done = lading("push", model, name)
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture
def runtime(version: str, tmp_path: Path) -> str:
    base = BaseImage(config={**CONFIG, "Labels": {"dev.lading.target": "runtime"}})
    return base.put(version.rpartition(":")[0], Settings(home=tmp_path, cache=tmp_path), "runtime")


def test_documents_are_printed_for_kubectl_and_the_rest_is_talk(
    lading: Command, version: str, runtime: str
) -> None:
    done = lading("deploy", version, "--image", runtime, "--replicas", "2", "-n", "ml")

    documents = list(yaml.safe_load_all(done.stdout))
    assert done.returncode == 0, done.stderr
    kinds = [each["kind"] for each in documents]
    assert kinds == ["Deployment", "Service", "PodDisruptionBudget"]
    assert {each["metadata"]["namespace"] for each in documents} == {"ml"}
    assert "is a guess" in done.stderr
    assert runtime in done.stderr


def test_options_may_stand_before_the_reference(
    lading: Command, version: str, runtime: str
) -> None:
    model = version.rpartition(":")[0]
    assert lading("promote", version, "prod").returncode == 0

    done = lading("deploy", "--stage", "prod", "--image", runtime, "--json", model)

    result = json.loads(done.stdout)
    assert (result["stage"], result["version"], result["kind"]) == ("prod", "1.0.0", "deployment")
    assert result["name"] == model.rpartition("/")[2][:63].rstrip("-")


def test_a_folder_is_named_once_it_is_written(lading: Command, version: str, runtime: str) -> None:
    command = ("deploy", version, "--image", runtime, "-o", "out", "--helm")

    first, second = lading(*command), lading(*command)

    assert (first.stdout, second.stdout) == ("out\n", "out\n")
    assert "written: kustomization.yaml" in first.stderr
    assert first.stderr.rstrip().splitlines()[-1].startswith("note: kubectl apply -k out runs it")
    assert "unchanged: kustomization.yaml" in second.stderr
    assert "kubectl" not in second.stderr
    assert (lading.folder / "out/values.yaml").exists()


def test_a_job_scores_a_file_of_a_volume(lading: Command, version: str, runtime: str) -> None:
    files = ("--rows", "/data/a.csv", "--predictions", "/data/b.csv", "--volume", "claim:/data")

    done = lading("deploy", version, "--as", "job", "--image", runtime, *files)

    document = yaml.safe_load(done.stdout)
    assert document["kind"] == "Job"
    assert document["metadata"]["name"][-13:].startswith("-")


def test_kserve_is_told_how_the_model_comes_or_it_is_said_what_would_bring_it(
    lading: Command, version: str, runtime: str
) -> None:
    command = ("deploy", version, "--as", "kserve", "--image", runtime)

    done = lading(*command, "--name", "fraud")
    older = lading(*command, "--kserve-version", "0.15")

    documents = list(yaml.safe_load_all(done.stdout))
    assert [each["kind"] for each in documents] == ["ServingRuntime", "InferenceService"]
    storage = documents[1]["spec"]["predictor"]["model"]["storageUri"]
    assert storage.startswith(f"oci+native://{version.rpartition(':')[0]}@sha256:")
    assert "is a guess" in done.stderr
    assert older.returncode == 8
    assert "--modelcar" in older.stderr


def test_without_a_reference_it_is_said_what_there_is(lading: Command) -> None:
    bare, asked = lading("deploy"), lading("deploy", "--help")

    assert bare.stdout == asked.stdout
    assert "--kubernetes-version" in asked.stdout
    assert "Usage: lading deploy [OPTIONS]" in asked.stdout


def test_a_word_that_is_wrong_is_told_with_the_right_one(lading: Command, version: str) -> None:
    done = lading("deploy", version, "--as", "deploymnt")

    assert done.returncode == 2
    assert "deployment" in done.stderr
