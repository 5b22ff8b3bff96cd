"""The overlay of README.md that tells what pulls whom to trust, as kubectl makes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from deploy import given as g
from parts.process import run
from parts.sid import kubectl

from lading.deploy import kinds, kustomize
from lading.deploy.cluster import Cluster
from lading.spec.mirror import parse_mirrors

README = (Path(__file__).parents[2] / "README.md").read_text()
SETS = ("LADING_CA_FILE", "LADING_MIRRORS")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an overlay, and beside it the one that it names."""
    asked = g.wish("init", cluster=Cluster(28), namespace="ml", pull_secrets=("registry",))
    base = kustomize.files(kinds.resources(g.PINS, g.FACTS, asked))
    found = re.findall(r"```yaml\n# (deploy/site/\S+),[^\n]*\n(.*?)```", README, re.DOTALL)
    for name, text in [*found, *((f"deploy/older/{name}", text) for name, text in base.items())]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "deploy/site"


def deployment(folder: Path) -> dict[str, Any]:
    done = run(kubectl(), "kustomize", folder, environment={"HOME": str(folder), "PATH": ""})
    (found,) = (each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "Deployment")
    assert isinstance(found, dict)
    return found


def test_it_adds_an_authority_and_mirrors_and_changes_nothing_else(folder: Path) -> None:
    made, plain = deployment(folder), deployment(folder.parent / "older")

    assert kubernetes_validate.validate(made, "1.28", strict=True) == "1.28"
    spec = made["spec"]["template"]["spec"]
    (pull,) = spec["initContainers"]
    settings = {each["name"]: each.get("value") for each in pull["env"]}
    (mount,) = [each for each in pull["volumeMounts"] if each["name"] == "ca"]
    assert settings["LADING_CA_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert parse_mirrors(settings["LADING_MIRRORS"])
    pull["volumeMounts"].remove(mount)
    pull["env"] = [each for each in pull["env"] if each["name"] not in SETS]
    spec["volumes"].remove({"name": "ca", "configMap": {"name": "registry-ca"}})
    assert made == plain
