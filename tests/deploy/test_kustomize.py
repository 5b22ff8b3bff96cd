"""A base and its patches, as kustomize itself puts them together.

``kubectl kustomize`` reads no cluster. It is one of Debian's next release: see ``parts.sid``.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from deploy.given import CLIENT, FACTS, KINDS, PINS, SERVER, wish
from parts.sid import kubectl

from lading.deploy import kinds, kustomize
from lading.deploy.cluster import Cluster
from lading.deploy.kserve_version import Storage
from lading.deploy.resource import Resource
from lading.deploy.wish import Kind

# A resource of somebody else's, as KServe's are: kustomize knows no schema of it.
FOREIGN: Resource = {
    "apiVersion": "serving.example.com/v1",
    "kind": "InferenceService",
    "metadata": {"name": "fraud", "annotations": PINS.annotations},
    "spec": {
        "predictor": {
            "model": {"storageUri": f"oci+native://{PINS.runs.reference}", "name": "fraud"},
            "containers": [
                {"name": "first", "args": ["x"]},
                {"name": "server", "image": PINS.serving.reference},
            ],
        }
    },
}


def built(folder: Path, files: dict[str, str]) -> list[Resource]:
    """What ``kubectl apply -k`` would send."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    done = subprocess.run(
        [kubectl(), "kustomize", str(folder)],
        env={"HOME": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


def by_kind(documents: list[Resource]) -> dict[str, Resource]:
    return {each["kind"]: each for each in documents}


@pytest.mark.parametrize("minor", [28, 36])
@pytest.mark.parametrize("kind", KINDS)
def test_kustomize_makes_the_documents_that_are_printed(
    kind: Kind, minor: int, tmp_path: Path
) -> None:
    if (kind, minor) == ("deployment", 28):
        minor = 35
    asked = wish(
        kind,
        cluster=Cluster(minor),
        namespace="ml",
        replicas=2,
        most=4,
        pull_secrets=("regcred",),
    )
    made = kinds.resources(PINS, FACTS, asked)

    found = built(tmp_path / "base", kustomize.files(made))

    assert by_kind(found) == by_kind(list(made))


def test_what_kustomize_knows_no_schema_of_is_put_together_as_well(tmp_path: Path) -> None:
    found = built(tmp_path / "base", kustomize.files([FOREIGN]))

    assert found == [FOREIGN]
    assert kustomize.merge(*kustomize.split([FOREIGN])) == (FOREIGN,)


@pytest.mark.parametrize("storage", ["native", "lading", "modelcar"])
def test_kustomize_makes_the_documents_of_kserve_that_are_printed(
    storage: Storage, tmp_path: Path
) -> None:
    asked = wish("kserve", namespace="ml", replicas=2, kserve_storage=storage)
    made = kinds.resources(replace(PINS, puller=CLIENT, modelcar=SERVER), FACTS, asked)

    found = built(tmp_path / "base", kustomize.files(made))

    assert by_kind(found) == by_kind(list(made))


def test_the_base_has_a_file_for_each_document_and_one_with_digests() -> None:
    made = kinds.resources(PINS, FACTS, wish(replicas=2))

    files = kustomize.files(made)

    assert list(files) == [
        "kustomization.yaml",
        "deployment.yaml",
        "service.yaml",
        "poddisruptionbudget.yaml",
        "digests.yaml",
    ]
    assert [name for name, content in files.items() if "sha256:" in content] == ["digests.yaml"]


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_patch_since_older_kustomize_refuses_a_file_with_two(kind: Kind) -> None:
    asked = wish(kind, cluster=Cluster(36), namespace="ml")

    assert len(kustomize.split(kinds.resources(PINS, FACTS, asked))[1]) == 1


def test_two_documents_of_a_kind_have_files_of_their_own() -> None:
    other = FOREIGN | {"metadata": {"name": "other"}}

    files = kustomize.files([FOREIGN, other])

    assert {"inferenceservice-fraud.yaml", "inferenceservice-other.yaml"} < files.keys()


def test_a_puller_of_its_own_is_patched_with_its_digest() -> None:

    made = kinds.resources(replace(PINS, puller=CLIENT), FACTS, wish("init"))

    (patch,) = kustomize.split(made)[1]

    (puller,) = patch["spec"]["template"]["spec"]["initContainers"]
    assert puller["image"] == CLIENT
    assert PINS.runs.reference in puller["args"]
