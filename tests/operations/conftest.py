"""A model's folder, settings of its own for each test, and the places a model can go to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, Team
from parts.registry import DockerRegistry

from lading.settings import Settings

MIB = 1024 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two large files, small ones of every role, a folder in a folder, an empty folder."""
    folder = tmp_path / "model"
    (folder / "nested" / "deeper").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "weights.safetensors").write_bytes(os.urandom(5 * MIB))
    (folder / "nested" / "second.bin").write_bytes(os.urandom(4 * MIB))
    (folder / "config.json").write_text('{"hidden": 8}')
    (folder / "README.md").write_text("# A model\n")
    (folder / "nested" / "deeper" / "train.py").write_text("print('trained')\n")
    (folder / "nul.bin").write_bytes(b"")
    # Digests of files written in the clock's very tick of their reading are not remembered.
    time.sleep(0.05)
    return folder


@pytest.fixture(params=["local", "layout", "registry"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a repository can be: each test runs for every one."""
    if request.param == "local":
        return "ml/fraud"
    if request.param == "layout":
        return f"oci:{tmp_path / 'layout'}"
    registry: DockerRegistry = request.getfixturevalue("registry")
    name = "".join(c if c.isalnum() else "-" for c in tmp_path.name.lower()).strip("-")
    return f"{registry.host}/{name[:60].rstrip('-')}"


Tree = dict[str, bytes | None]


@pytest.fixture
def tree() -> Callable[[Path], Tree]:
    """What is below a folder: contents of files, None for folders."""

    def read(folder: Path) -> Tree:
        return {
            str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
            for path in sorted(folder.rglob("*"))
        }

    return read


@pytest.fixture
def team(place: str, settings: Settings, tmp_path: Path) -> Team:
    """Ada, with two versions pushed; once for each place."""
    return _begun(Team(place, replace(settings, actor=ADA), tmp_path))


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Team:
    """Ada, with two versions pushed into the local store."""
    return _begun(Team("ml/fraud", replace(settings, actor=ADA), tmp_path))


def _begun(team: Team) -> Team:
    team.push("1.0.0", authors=[ADA], metrics={"auc": 0.95})
    team.push("1.1.0", authors=[ADA], metrics={"auc": 0.85})
    return team
