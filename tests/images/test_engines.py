"""Real builds by Docker and by Podman: what is in an image, and every way in which none comes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from images import packed
from parts import environments, python_image
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman
from parts.process import run

from lading.capture.lock.locked import Package
from lading.errors import (
    Conflict,
    InvalidInput,
    LocalFailure,
    NotFound,
    Unavailable,
    Unsupported,
)
from lading.operations.image_build import ImageBuildResult, image_build
from lading.settings import Settings

Builder = DockerEngine | Podman


@pytest.fixture
def at(settings: Settings, builder: Builder) -> Settings:
    """Settings that choose the builder."""
    return replace(settings, builder=builder.url)


@pytest.fixture
def with_docker(settings: Settings, docker_builder: DockerEngine) -> Settings:
    """Settings that choose Docker, for what does not depend on the engine."""
    return replace(settings, builder=docker_builder.url)


def pushed(tmp_path: Path, settings: Settings, index: PackageIndex, **others: Package) -> str:
    packed.push(tmp_path / "m", packed.VERSION, packed.lock(index.folder, **others), settings)
    return packed.VERSION


def names(result: ImageBuildResult) -> set[str]:
    (image,) = result.images
    return {package.partition("==")[0] for package in image.packages}


def in_image(builder: Builder, image: str, *command: str) -> str:
    flags = ("--rm", "--network=none", "--read-only", "--entrypoint", command[0])
    return builder.run("run", *flags, image, *command[1:]).stdout


def test_base_has_what_the_model_needs_as_the_lock_pins_it(
    tmp_path: Path, at: Settings, builder: Builder, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, at, index)

    result = image_build(reference, target="base", settings=at)

    (image,) = result.images
    assert image.packages == ("rates==1.2", "tariff==2.0")
    assert image.without == ("tuner",)
    script = (
        "import tariff, rates, os, importlib.util as u;"
        "print(rates.VERSION, os.getuid(), *map(u.find_spec, ('tuner', 'pip')))"
    )
    said = in_image(builder, image.name, "python", "-c", script)
    assert said.split() == ["1.2", "65532", "None", "None"]
    assert "no compiler" in in_image(
        builder, image.name, "sh", "-c", "gcc --version 2>/dev/null || echo no compiler"
    )


def test_train_has_the_whole_lock_on_top_of_base(
    tmp_path: Path, at: Settings, builder: Builder, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, at, index)

    base = image_build(reference, target="base", settings=at).images[0]
    train = image_build(reference, target="train", settings=at).images[0]

    assert train.packages == ("rates==1.2", "tariff==2.0", "tuner==3.0")
    assert train.without == ()
    layers = [
        json.loads(builder.run("image", "inspect", image.name).stdout)[0]["RootFS"]["Layers"]
        for image in (base, train)
    ]
    assert layers[1][: len(layers[0])] == layers[0]
    assert in_image(builder, train.name, "python", "-c", "import tuner, tariff; print(1)") == "1\n"


def test_podman_builds_the_same_image_twice(
    tmp_path: Path, settings: Settings, podman_builder: Podman, index: PackageIndex
) -> None:
    found = json.loads(podman_builder.run("image", "inspect", python_image.NAME).stdout)[0]
    base = f"localhost/python@{found['Digest']}"
    settings = replace(settings, builder=podman_builder.url)
    reference = pushed(tmp_path, settings, index)

    builds = [
        image_build(reference, target="base", base=base, fresh=fresh, settings=settings).images[0]
        for fresh in (False, True)
    ]

    assert builds[0].packages == ("rates==1.2", "tariff==2.0")
    assert builds[0].reproducible, builds[0].why_not
    assert builds[0].id == builds[1].id


def test_versions_with_one_lock_share_their_layers(
    tmp_path: Path, with_docker: Settings, docker_builder: DockerEngine, index: PackageIndex
) -> None:
    lines: list[str] = []
    for number in ("1.0.0", "1.1.0"):
        locked = packed.lock(index.folder)
        packed.push(tmp_path / number, f"ml/line:{number}", locked, with_docker)
        lines.clear()
        image_build(f"ml/line:{number}", target="base", settings=with_docker, on_line=lines.append)

    found = [
        json.loads(docker_builder.run("image", "inspect", f"ml/line:base-{number}").stdout)[0]
        for number in ("1.0.0", "1.1.0")
    ]
    assert found[0]["RootFS"]["Layers"] == found[1]["RootFS"]["Layers"]
    assert not any("Collecting" in line for line in lines)


def test_docker_says_why_it_does_not(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, with_docker, index)

    (image,) = image_build(reference, target="base", settings=with_docker).images

    assert not image.reproducible
    assert "classic builder writes the time" in str(image.why_not)
    assert "is a tag" in str(image.why_not)


def test_buildkit_builds_the_same_packages(
    tmp_path: Path,
    with_docker: Settings,
    index: PackageIndex,
    monkeypatch: pytest.MonkeyPatch,
    docker_builder: DockerEngine,
) -> None:
    # Debian's command line has BuildKit's client in it; another one may stand before it on PATH.
    monkeypatch.setenv("PATH", f"/usr/bin:{os.environ['PATH']}")
    reference = pushed(tmp_path, with_docker, index)
    lines: list[str] = []

    result = image_build(reference, target="base", settings=with_docker, on_line=lines.append)

    assert names(result) == {"rates", "tariff"}
    assert "BuildKit" in str(result.images[0].why_not)
    assert any(line.startswith("#") for line in lines)


def test_a_wheel_that_is_another_is_named(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    reference = pushed(
        tmp_path, with_docker, index, rates=Package("rates", "1.2", hashes=("sha256:" + "0" * 64,))
    )

    with pytest.raises(Unsupported, match="does not know rates-") as caught:
        image_build(reference, target="base", settings=with_docker)

    assert "rates 1.2" in str(caught.value.cause)


def test_a_package_without_a_wheel_is_named(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, with_docker, index, rates=Package("rates", "1.9"))

    with pytest.raises(Unsupported, match=r"no wheel of rates 1\.9") as caught:
        image_build(reference, target="base", settings=with_docker)

    assert "1.2, 1.3" in str(caught.value.cause)


def test_a_need_that_the_lock_lacks_is_named(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    locked = packed.lock(index.folder)
    lacking = replace(locked, packages=tuple(p for p in locked.packages if p.name != "rates"))
    packed.push(tmp_path / "m", packed.VERSION, lacking, with_docker)

    with pytest.raises(Conflict, match=r"rates 1\.3 is needed and not in the lock"):
        image_build(packed.VERSION, target="base", settings=with_docker)


def test_pins_that_contradict_each_other_are_named(tmp_path: Path, with_docker: Settings) -> None:
    wheels = packed.packages(tmp_path / "wheels")
    environments.wheel(wheels, "rates", "0.5")
    with PackageIndex(wheels) as index:
        own = replace(with_docker, index_url=index.url)
        reference = pushed(tmp_path, own, index, rates=Package("rates", "0.5"))

        with pytest.raises(Conflict, match="does not go together") as caught:
            image_build(reference, target="base", settings=own)

    assert "rates>=1" in str(caught.value.cause)


def test_an_index_that_is_not_there_is_said(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, with_docker, index)
    gone = replace(with_docker, index_url="http://127.0.0.1:9/simple/")

    with pytest.raises(Unavailable, match="no index of packages answers"):
        image_build(reference, target="base", settings=gone)


def test_a_base_that_is_not_there_is_said(
    tmp_path: Path, at: Settings, index: PackageIndex, registry: object
) -> None:
    reference = pushed(tmp_path, at, index)
    host = registry.host  # type: ignore[attr-defined]  # a DockerRegistry

    with pytest.raises(NotFound, match="cannot be had"):
        image_build(reference, target="base", base=f"{host}/nothing:1", settings=at)


def test_a_base_with_another_python_is_refused(
    tmp_path: Path, with_docker: Settings, index: PackageIndex
) -> None:
    packed.push(
        tmp_path / "m", packed.VERSION, packed.lock(index.folder), with_docker, python="3.9.1"
    )

    with pytest.raises(InvalidInput, match="has another Python") as caught:
        image_build(packed.VERSION, target="base", settings=with_docker)

    assert "3.9" in str(caught.value.cause)


def test_an_index_password_is_in_no_image(
    tmp_path: Path,
    with_docker: Settings,
    docker_builder: DockerEngine,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with PackageIndex(packed.packages(tmp_path / "wheels")) as closed:
        closed.secret = "ada:sesame-open"
        reference = pushed(tmp_path, with_docker, closed)
        own = replace(with_docker, index_url=closed.url)

        (image,) = image_build(reference, target="base", settings=own).images

    archive = tmp_path / "image.tar"
    docker_builder.run("save", "--output", str(archive), image.name)
    assert "tariff==2.0" in image.packages
    assert b"sesame-open" not in archive.read_bytes()
    assert "sesame-open" not in repr(own)


def test_an_interrupted_build_leaves_no_image(
    tmp_path: Path, at: Settings, builder: Builder, index: PackageIndex
) -> None:
    # Another lock than any that was built before: nothing comes from the builder's cache.
    newer = Package("rates", "1.3", hashes=(packed.hash_of(index.folder, "rates", "1.3"),))
    reference = pushed(tmp_path, at, index, rates=newer)
    builder.run("rmi", "--force", "ml/tariff:base-1.0.0", check=False)

    def interrupt(line: str) -> None:
        if "Collecting tariff" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        image_build(reference, target="base", settings=at, on_line=interrupt)

    assert builder.run("image", "inspect", "ml/tariff:base-1.0.0", check=False).returncode != 0
    # What was built before is no half image, and a second run is whole.
    assert image_build(reference, target="base", settings=at).images[0].packages


def test_a_full_disk_is_said(
    tmp_path: Path, settings: Settings, index: PackageIndex, python_archive: Path
) -> None:
    reference = pushed(tmp_path, settings, index)
    with Podman() as podman:
        store = podman.folder / "root"
        store.mkdir()
        # The base has room, and an environment with pip in it has none.
        room = python_archive.stat().st_size // (1024 * 1024) + 20
        run("mount", "-t", "tmpfs", "-o", f"size={room}m", "tmpfs", store)
        podman.run("import", "--change", python_image.CHANGES[0], str(python_archive), "small")
        with podman.service() as url, pytest.raises(LocalFailure, match="was not built") as caught:
            full = replace(settings, builder=url)
            image_build(reference, target="base", base="localhost/small", settings=full)

    assert "disk is full" in str(caught.value.cause)


def test_nobody_there_is_said_with_what_was_tried(
    tmp_path: Path, settings: Settings, index: PackageIndex
) -> None:
    reference = pushed(tmp_path, settings, index)
    nobody = replace(settings, builder=f"unix://{tmp_path}/no.sock")

    with pytest.raises(Unavailable, match="no Docker and no Podman answers") as caught:
        image_build(reference, settings=nobody)

    assert "there is no such socket" in str(caught.value.cause)
    assert "image assemble" in str(caught.value.hint)


def test_a_user_without_rights_is_told_so(tmp_path: Path, docker_builder: DockerEngine) -> None:
    docker_builder.socket.chmod(0o600)
    docker_builder.folder.chmod(0o755)
    # Everything is imported by the first, since nobody may read the modules.
    script = (
        "import os\n"
        "from lading.images.engine import Engine\n"
        "from lading.errors import AccessDenied, Unavailable\n"
        "try: Engine.find({}, 'tcp://127.0.0.1:9')\n"
        "except Unavailable: pass\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"try: Engine.find({{}}, {docker_builder.url!r})\n"
        "except AccessDenied as error: print(error.cause, '|', error.hint)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.stdout.startswith("permission denied | join the group docker"), done.stderr
