"""A model of scikit-learn, tuned with optuna: from the notebook to answers of its image."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from images.containers import served
from parts import python_image
from parts.docker_engine import DockerEngine

import lading
from lading.capture.lock import pylock
from lading.capture.lock.locked import Locked, Package
from lading.operations.image_build import image_build
from lading.settings import Settings

pytestmark = pytest.mark.slow


def resolved(*wishes: str) -> Locked:
    """What pip would install, each with its hash: a lock of a project that trains."""
    line = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    only = ["--only-binary=:all:", "--disable-pip-version-check", "--report", "-"]
    done = subprocess.run([*line, *only, *wishes], capture_output=True, text=True, check=True)
    packages = [
        Package(
            each["metadata"]["name"].lower().replace("_", "-"),
            each["metadata"]["version"],
            hashes=(f"sha256:{each['download_info']['archive_info']['hashes']['sha256']}",),
        )
        for each in json.loads(done.stdout)["install"]
    ]
    return Locked(tuple(packages))


def test_a_notebook_becomes_a_container_that_answers_the_same(
    tmp_path: Path,
    settings: Settings,
    docker_builder: DockerEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    pins = [f"{name}=={version(name)}" for name in ("scikit-learn", "skops", "numpy", "scipy")]
    (tmp_path / "pylock.toml").write_bytes(pylock.write(resolved(*pins, "optuna")))
    monkeypatch.chdir(tmp_path)
    rows = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]]
    model = linear_model.LogisticRegression().fit(rows, [0, 0, 1, 1])
    here = replace(settings, builder=docker_builder.url, index_url=None)
    lading.save(model, "ml/notebook:1.0.0", input_example=rows, settings=here)

    serve, train = (
        image_build("ml/notebook:1.0.0", target=target, settings=here).images[0]
        for target in ("serve", "train")
    )

    assert "optuna" in serve.without
    assert any(package.startswith("optuna==") for package in train.packages)
    body = json.dumps(rows)
    answer = served(docker_builder, serve.name, "/predict", body)
    assert answer.startswith("200 "), answer
    assert json.loads(answer.split(" ", 2)[2])["predictions"] == model.predict(rows).tolist()


def test_the_client_is_an_image_that_runs_as_anybody(
    tmp_path: Path, docker_builder: DockerEngine
) -> None:
    root = Path(__file__).parents[2]
    for name in ("src", "schemas", "Dockerfiles"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / name, tmp_path / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path / name)
    options = ("--network=host", "--build-arg", f"BASE={python_image.NAME}", "--tag", "lading")

    file = str(tmp_path / "Dockerfiles/client.Dockerfile")
    docker_builder.run("build", *options, "--file", file, str(tmp_path), timeout=600)

    alone = ("run", "--rm", "--network=none", "--read-only", "--user=1234:1234")
    said = docker_builder.run(*alone, "lading", "--version").stdout
    assert said.startswith("lading ")
