"""Builds that are killed, doubled or meant for another machine: nothing half is ever there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from images import packed
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman
from parts.registry import DockerRegistry

import lading
from lading.capture.lock.locked import LockedFile, Package
from lading.errors import InvalidInput, Unsupported
from lading.operations.evidence import evidence
from lading.operations.image_build import image_build
from lading.operations.stores import open_store
from lading.settings import Settings
from lading.spec.reference import Reference

Builder = DockerEngine | Podman

# The head of a program for another kind of processor: the kernel knows that it is none of its own.
_ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
_FOREIGN = {"x86_64": 183, "aarch64": 62}


@pytest.fixture
def at(settings: Settings, builder: Builder) -> Settings:
    """Settings that choose the builder."""
    return replace(settings, builder=builder.url)


@pytest.fixture
def with_docker(settings: Settings, docker_builder: DockerEngine) -> Settings:
    """Settings that choose Docker, for what does not depend on the engine."""
    return replace(settings, builder=docker_builder.url)


def pushed(
    tmp_path: Path, reference: str, settings: Settings, index: PackageIndex, **others: Package
) -> str:
    packed.push(tmp_path / "m", reference, packed.lock(index.folder, **others), settings)
    return reference


def newer(index: PackageIndex) -> Package:
    return Package("rates", "1.3", hashes=(packed.hash_of(index.folder, "rates", "1.3"),))


def is_there(builder: Builder, image: str) -> bool:
    return builder.run("image", "inspect", image, check=False).returncode == 0


def names(reference: str, settings: Settings) -> set[str]:
    return set(open_store(Reference.parse(reference), settings).names())


def test_a_killed_build_leaves_no_name_and_the_next_is_whole(
    tmp_path: Path,
    *,
    at: Settings,
    builder: Builder,
    index: PackageIndex,
    registry: DockerRegistry,
    repository: str,
) -> None:
    reference = f"{registry.host}/{repository}:1.0.0"
    image = f"{registry.host}/{repository}:base-1.0.0"
    slow = replace(at, index_url="http://127.0.0.1:9/simple/", retries=3)
    pushed(tmp_path, reference, slow, index)
    before = names(reference, at)
    words = ["image", "build", reference, "--target", "base", "--push"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lading", *words],
        env=environment(slow),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    # pip is in the middle of its work, and waits for an index that never answers.
    for line in process.stderr or ():
        if "Retrying" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()

    deadline = time.monotonic() + 20
    while not builder_rests(builder) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert process.returncode == -signal.SIGKILL
    assert not is_there(builder, image)
    assert names(reference, at) == before
    (done,) = image_build(reference, target="base", push=True, settings=at).images
    assert is_there(builder, image)
    assert open_store(Reference.parse(reference), at).resolve("base-1.0.0").digest == done.digest


def builder_rests(builder: Builder) -> bool:
    """Whether nothing is being built any more."""
    flags = ("ps", "--quiet", *(("--external",) if isinstance(builder, Podman) else ()))
    listed = builder.run(*flags, check=False)
    # Podman fails where a container goes while it lists them.
    return not listed.returncode and not listed.stdout.strip()


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(settings.home),
        "PYTHONPATH": str(Path(lading.__file__).parents[1]),
        "PYTHONUNBUFFERED": "1",
        "LADING_HOME": str(settings.home),
        "LADING_CACHE": str(settings.cache),
        "LADING_BUILDER": str(settings.builder),
        "LADING_INDEX_URL": str(settings.index_url),
        "LADING_BUILD_NETWORK": str(settings.build_network),
        "LADING_BASE_IMAGE": str(settings.base_image),
        "LADING_RETRIES": str(settings.retries),
    }


def test_two_builds_of_one_version_at_once_are_both_whole(
    tmp_path: Path,
    *,
    with_docker: Settings,
    docker_builder: DockerEngine,
    index: PackageIndex,
    registry: DockerRegistry,
    repository: str,
) -> None:
    reference = f"{registry.host}/{repository}:1.0.0"
    pushed(tmp_path, reference, with_docker, index)

    def build(number: int) -> str:
        own = replace(with_docker, cache=tmp_path / f"cache-{number}")
        (image,) = image_build(reference, target="base", push=True, settings=own).images
        return str(image.digest)

    with ThreadPoolExecutor(2) as pool:
        digests = list(pool.map(build, range(2)))

    tagged = open_store(Reference.parse(reference), with_docker).resolve("base-1.0.0").digest
    assert tagged in digests
    said = evidence(reference, settings=with_docker).evidence
    assert {each.content["image"]["digest"] for each in said} == set(digests)
    # Neither saw the other's in time, or one did: each says it once at the most.
    assert len(set(digests)) <= len(said) <= 2


def test_a_second_run_pushes_nothing_and_says_nothing_again(
    tmp_path: Path,
    *,
    with_docker: Settings,
    docker_builder: DockerEngine,
    index: PackageIndex,
    registry: DockerRegistry,
    repository: str,
) -> None:
    reference = f"{registry.host}/{repository}:1.0.0"
    pushed(tmp_path, reference, with_docker, index)
    first = image_build(reference, target="base", push=True, settings=with_docker).images[0]
    blobs, tags = registry.blobs(), names(reference, with_docker)

    second = image_build(reference, target="base", push=True, settings=with_docker).images[0]

    assert (second.digest, second.evidence) == (first.digest, first.evidence)
    assert (registry.blobs(), names(reference, with_docker)) == (blobs, tags)
    assert len(evidence(reference, settings=with_docker).evidence) == 1


def test_a_wheel_for_another_platform_is_named(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    wheel = "rates-1.9-cp311-cp311-win_amd64.whl"
    (index.folder / wheel).write_bytes(b"never opened")
    file = LockedFile(wheel, ("sha256:" + "1" * 64,), f"https://files.example.com/{wheel}")
    reference = pushed(
        tmp_path, packed.VERSION, with_docker, index, rates=Package("rates", "1.9", files=(file,))
    )

    try:
        with pytest.raises(Unsupported, match=r"no wheel of rates 1\.9 for this image") as caught:
            image_build(reference, target="base", settings=with_docker)
    finally:
        (index.folder / wheel).unlink()

    assert wheel in str(caught.value.cause)


def test_a_base_of_another_processor_is_said(
    tmp_path: Path, with_docker: Settings, docker_builder: DockerEngine, index: PackageIndex
) -> None:
    machine = os.uname().machine
    foreign = _ELF + b"\x02\0" + _FOREIGN[machine].to_bytes(2, "little") + bytes(44)
    with tarfile.open(tmp_path / "foreign.tar", "w") as tar:
        for name in ("bin/sh", "usr/bin/python3"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(foreign), 0o755
            tar.addfile(entry, BytesIO(foreign))
    docker_builder.run("import", str(tmp_path / "foreign.tar"), "localhost/foreign:1")
    reference = pushed(tmp_path, packed.VERSION, with_docker, index)

    with pytest.raises(Unsupported) as caught:
        image_build(reference, target="base", base="localhost/foreign:1", settings=with_docker)

    assert "another kind of processor" in str(caught.value.cause)


def test_a_platform_that_the_base_is_not_for_is_refused(
    tmp_path: Path, at: Settings, builder: Builder, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, packed.VERSION, at, index)
    builder.run("rmi", "--force", "ml/tariff:base-1.0.0", check=False)

    with pytest.raises(InvalidInput) as caught:
        image_build(reference, target="base", platform="linux/s390x", settings=at)

    assert "linux/amd64, not for linux/s390x" in caught.value.what
    assert not is_there(builder, "ml/tariff:base-1.0.0")


def test_a_version_in_a_folder_is_built_without_a_registry(
    tmp_path: Path, with_docker: Settings, docker_builder: DockerEngine, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, f"oci:{tmp_path / 'layout'}:1.0.0", with_docker, index)

    (image,) = image_build(reference, target="base", settings=with_docker).images

    found = json.loads(docker_builder.run("image", "inspect", image.name).stdout)[0]
    assert found["Config"]["Labels"]["dev.lading.target"] == "base"
    assert str(tmp_path) not in json.dumps(found["Config"])
    with pytest.raises(Unsupported, match="no engine can push to") as caught:
        image_build(reference, target="base", push=True, settings=with_docker)
    assert "lading copy" in str(caught.value.hint)
