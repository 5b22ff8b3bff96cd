"""Assembled images run: in a Docker engine and in Podman, on bases of several shapes."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import pytest
from images.bases import BaseImage, Packed, Shape
from parts.docker_engine import DockerEngine
from parts.podman import Podman, busybox_archive
from parts.registry import DockerRegistry

from lading.operations.copy import copy
from lading.operations.image_assemble import ImageAssembleResult, image_assemble
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.descriptor import Platform

# What says who runs, what the image says of itself, and what lies where.
_LOOK = "busybox id -u; echo $LADING_MODEL_DIGEST; sha256sum models/weights.bin; cat models/*.json"
WEIGHTS = b"w" * (5 * 1024 * 1024)
_OTHER = {"amd64": "arm64", "arm64": "amd64"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return busybox_archive(tmp_path_factory.mktemp("base") / "busybox.tar").read_bytes()


@pytest.fixture
def version(tmp_path: Path, settings: Settings, registry: DockerRegistry, repository: str) -> str:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(WEIGHTS)
    (folder / "config.json").write_text('{"hidden": 8}')
    reference = f"{registry.host}/{repository}:1.0.0"
    push(folder, reference, settings=settings)
    return reference


def platforms() -> tuple[Platform, Platform]:
    """That of this machine, and another."""
    own = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    return Platform(own, "linux"), Platform(_OTHER[own], "linux")


def assembled(
    version: str, system: bytes, settings: Settings, shape: Shape, how: Packed
) -> ImageAssembleResult:
    base = BaseImage(
        layers=[system],
        shape=shape,
        how=how,
        platforms=platforms(),
        config={"Env": ["PATH=/bin"], "WorkingDir": "/"},
    ).put(f"{version.rpartition(':')[0]}/base", settings)
    return image_assemble(version, base=base, cmd=["sh", "-c", _LOOK], settings=settings)


def demand_right(printed: str, done: ImageAssembleResult) -> None:
    user, digest, weights, *document = printed.splitlines()
    assert (user, digest) == ("65532", done.digest)
    assert weights.split()[0] == hashlib.sha256(WEIGHTS).hexdigest()
    first, _, second = "".join(document).partition('{"hidden": 8}')
    files = json.loads(first or second)["files"]
    assert {each["path"] for each in files} == {"weights.bin", "config.json"}


@pytest.mark.parametrize(("shape", "how"), [("docker", "gzip"), ("oci", "gzip"), ("oci", "plain")])
def test_docker_runs_it(
    docker_engine: DockerEngine,
    version: str,
    system: bytes,
    settings: Settings,
    *,
    shape: Shape,
    how: Packed,
) -> None:
    done = assembled(version, system, settings, shape, how)
    image = f"{version.rpartition(':')[0]}:{done.tag}"

    docker_engine.run("pull", image)
    printed = docker_engine.run("run", "--rm", "--network=none", "--read-only", image).stdout

    demand_right(printed, done)
    said = json.loads(docker_engine.run("image", "inspect", image).stdout)[0]
    assert said["RepoDigests"] == [f"{version.rpartition(':')[0]}@{done.image}"]
    assert said["Config"]["Labels"]["dev.lading.digest"] == done.digest


@pytest.mark.parametrize(("shape", "how"), [("docker", "gzip"), ("oci", "zstd"), ("oci", "plain")])
def test_podman_runs_it(
    podman: Podman,
    version: str,
    system: bytes,
    settings: Settings,
    *,
    shape: Shape,
    how: Packed,
) -> None:
    done = assembled(version, system, settings, shape, how)
    image = f"{version.rpartition(':')[0]}@{done.image}"

    podman.run("pull", image)
    printed = podman.run("run", "--rm", "--network=none", "--read-only", image).stdout

    demand_right(printed, done)


def test_a_modelcar_of_kserve_s_shows_its_model_to_the_server_beside_it(
    podman: Podman, version: str, system: bytes, settings: Settings
) -> None:
    base = BaseImage(
        layers=[system],
        platforms=platforms(),
        config={"Env": ["PATH=/bin"], "WorkingDir": "/", "Entrypoint": ["lading"]},
    ).put(f"{version.rpartition(':')[0]}/base", settings)
    done = image_assemble(version, base=base, modelcar=True, settings=settings)
    image = f"{version.rpartition(':')[0]}@{done.image}"
    podman.run("volume", "create", "mnt")
    # As KServe does it: both see the other's processes, and one volume, and are the same user.
    alone = ("--network=none", "--user=65532", "--security-opt=no-new-privileges")
    shared = (*alone, "--volume=mnt:/mnt:U")
    link = "ln -sf /proc/$$/root/models /mnt/models && sleep infinity"
    # What runs first in its pod, and must find the folder there.
    podman.run("run", "--rm", *alone, image, "sh", "-c", '[ -d /models ] && [ "$(ls /models)" ]')

    podman.run("run", "--detach", "--name=car", *shared, image, "sh", "-c", link)
    try:
        look = (
            "until [ -e /mnt/models/config.json ]; do sleep 0.1; done; cat /mnt/models/config.json"
        )
        beside = (*shared, "--read-only", "--cap-drop=ALL", "--pid=container:car")
        printed = podman.run(
            "run", "--rm", *beside, podman.busybox(), "sh", "-c", look, timeout=60
        ).stdout
    finally:
        podman.run("rm", "--force", "--time=0", "car")
        podman.run("volume", "rm", "mnt")

    assert printed == '{"hidden": 8}'


def test_podman_runs_one_out_of_a_folder(
    podman: Podman, version: str, system: bytes, settings: Settings, tmp_path: Path
) -> None:
    copy(version, f"oci:{tmp_path / 'here'}:1.0.0", settings=settings)
    base = BaseImage(
        layers=[system], platforms=platforms(), config={"Env": ["PATH=/bin"], "WorkingDir": "/"}
    ).put(f"oci:{tmp_path / 'base'}", settings)

    done = image_assemble(
        f"oci:{tmp_path / 'here'}:1.0.0", base=base, cmd=["sh", "-c", _LOOK], settings=settings
    )

    image = f"oci:{tmp_path / 'here'}:{done.tag}"
    podman.run("pull", image)
    demand_right(podman.run("run", "--rm", "--network=none", image).stdout, done)
