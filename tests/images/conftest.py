"""Builders that run, a base image for them, and an index of little packages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from images import packed
from parts import python_image
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman
from parts.registry import DockerRegistry

from lading.operations.image_build import ImageOfVersion, image_build
from lading.settings import Settings

# Lading's own needs come from where this machine's pip finds packages.
PUBLIC_INDEX = os.environ.get("PIP_INDEX_URL")


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    """An index with the packages of :mod:`images.packed`."""
    with PackageIndex(packed.packages(tmp_path_factory.mktemp("wheels"))) as index:
        yield index


@dataclass(frozen=True, slots=True)
class Runtime:
    """A version in a registry, and its runtime image beside it."""

    place: str
    settings: Settings
    image: ImageOfVersion

    @property
    def base(self) -> str:
        """The image by its tag."""
        return f"{self.place}:runtime-1.0.0"


def _runtime(
    url: str, name: str, registry: DockerRegistry, index: PackageIndex, at: Path
) -> Runtime:
    settings = replace(_settings(at, index), builder=url)
    settings = replace(settings, index_url=PUBLIC_INDEX, extra_index_url=index.url)
    place = f"{registry.host}/ml/{name}"
    packed.push(at / "m", f"{place}:1.0.0", packed.lock(index.folder), settings)
    done = image_build(
        f"{place}:1.0.0", target="runtime", push=True, allow_pickle=True, settings=settings
    )
    return Runtime(place, settings, done.images[0])


@pytest.fixture(scope="session")
def docker_runtime(
    docker_builder: DockerEngine,
    registry: DockerRegistry,
    index: PackageIndex,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runtime:
    """A runtime image that Docker built: Lading's own needs are fetched once."""
    at = tmp_path_factory.mktemp("docker-runtime")
    return _runtime(docker_builder.url, "by-docker", registry, index, at)


@pytest.fixture(scope="session")
def podman_runtime(
    podman_builder: Podman,
    registry: DockerRegistry,
    index: PackageIndex,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runtime:
    """A runtime image that Podman built."""
    at = tmp_path_factory.mktemp("podman-runtime")
    return _runtime(podman_builder.url, "by-podman", registry, index, at)


@pytest.fixture(scope="session")
def client(
    docker_builder: DockerEngine, registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Lading's own image, which Docker built, in a registry by digest."""
    root, source = Path(__file__).parents[2], tmp_path_factory.mktemp("client")
    for name in ("src", "schemas", "Dockerfiles"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / name, source / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source / name)
    tag = f"{registry.host}/tools/lading:1"
    options = ("--network=host", "--build-arg", f"BASE={python_image.NAME}", "--tag", tag)
    file = str(source / "Dockerfiles/client.Dockerfile")
    docker_builder.run("build", *options, "--file", file, str(source), timeout=600)
    pushed = docker_builder.run("push", tag, timeout=300).stdout
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
    assert found, pushed
    return f"{registry.host}/tools/lading@{found[1]}"


@pytest.fixture(params=["docker", pytest.param("podman", marks=pytest.mark.slow)])
def builder(request: pytest.FixtureRequest) -> DockerEngine | Podman:
    """Each engine in turn; the second one tells the same story again, in long runs."""
    found: DockerEngine | Podman = request.getfixturevalue(f"{request.param}_builder")
    return found


@pytest.fixture
def settings(tmp_path: Path, index: PackageIndex) -> Settings:
    """Settings with which builds reach the index of the tests, and nothing else."""
    return _settings(tmp_path, index)


def _settings(folder: Path, index: PackageIndex) -> Settings:
    return Settings(
        home=folder / "home",
        cache=folder / "cache",
        retries=1,
        index_url=index.url,
        build_network="host",
        base_image=python_image.NAME,
    )
