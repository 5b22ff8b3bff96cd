"""One version, pushed once for all the peers that look at it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from parts.registry import DockerRegistry
from peers.plain import files_of
from peers.shipped import Shipped, make_model

from lading.operations.push import push
from lading.settings import Settings


@pytest.fixture(scope="session")
def shipped(registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """A version that nobody may change: shared by the tests of one run."""
    folder = make_model(tmp_path_factory.mktemp("shipped") / "model")
    home = tmp_path_factory.mktemp("shipped-home")
    repository = f"peers{os.getpid()}/fraud"
    result = push(
        folder,
        f"{registry.host}/{repository}:1.2.0",
        # What Go escapes in JSON, and what it does not.
        description="größer <b> & 'kleiner' \u2028 模型",
        authors=("Ada Lovelace", "Grace Hopper"),
        licenses=("Apache-2.0",),
        tags={"task": "tabular-classification"},
        settings=Settings(home=home / "data", cache=home / "cache"),
    )
    return Shipped(registry, repository, result, files_of(folder))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder like the one that was shipped, to change at will."""
    return make_model(tmp_path / "model")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A cache and a store of the test's own, and as many tries as anybody has.

    docker-registry answers 500 to who reads a tag in the moment in which it is written, and
    a writer that never rests makes that happen twice in a row.
    """
    return Settings(home=tmp_path / "data", cache=tmp_path / "cache")
