"""Builders that run, a base image for them, and an index of little packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from images import packed
from parts import python_image
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman

from lading.settings import Settings


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    """An index with the packages of :mod:`images.packed`."""
    with PackageIndex(packed.packages(tmp_path_factory.mktemp("wheels"))) as index:
        yield index


@pytest.fixture(scope="session")
def python_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base image as an archive."""
    return python_image.archive(tmp_path_factory.mktemp("base") / "python.tar")


@pytest.fixture(scope="session")
def docker_builder(docker_engine: DockerEngine, python_archive: Path) -> DockerEngine:
    """Docker, with a base image."""
    changes = [word for change in python_image.CHANGES for word in ("--change", change)]
    docker_engine.run("import", *changes, str(python_archive), python_image.NAME)
    return docker_engine


@pytest.fixture(scope="session")
def podman_builder(podman: Podman, python_archive: Path) -> Iterator[Podman]:
    """Podman that answers on a socket, with a base image."""
    changes = [word for change in python_image.CHANGES for word in ("--change", change)]
    podman.run("import", *changes, str(python_archive), python_image.NAME)
    with podman.service():
        yield podman


@pytest.fixture(params=["docker", "podman"])
def builder(request: pytest.FixtureRequest) -> DockerEngine | Podman:
    """Each engine in turn."""
    found: DockerEngine | Podman = request.getfixturevalue(f"{request.param}_builder")
    return found


@pytest.fixture
def settings(tmp_path: Path, index: PackageIndex) -> Settings:
    """Settings with which builds reach the index of the tests, and nothing else."""
    return Settings(
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        retries=1,
        index_url=index.url,
        build_network="host",
        base_image=python_image.NAME,
    )
