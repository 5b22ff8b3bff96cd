"""One runtime image for each lock: what is trained again becomes an image without a builder."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from images import packed
from images.conftest import Runtime
from images.containers import served
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.podman import Podman

from lading.operations.evidence import evidence
from lading.operations.image_assemble import ImageAssembleResult, image_assemble
from lading.operations.image_build import image_build
from lading.operations.image_check import image_check

ROWS = [1.5, 2.0, -4.0]


@pytest.fixture(params=["docker", pytest.param("podman", marks=pytest.mark.slow)])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """A runtime image of each builder."""
    found: Runtime = request.getfixturevalue(f"{request.param}_runtime")
    return found


def retrained(
    tmp_path: Path, runtime: Runtime, index: PackageIndex, version: str, factor: float
) -> ImageAssembleResult:
    """A newer version, and its image on the runtime of the first; nobody is asked to build."""
    nobody = replace(
        runtime.settings,
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        builder="unix:///nobody.sock",
    )
    reference = f"{runtime.place}:{version}"
    packed.push(tmp_path / "m", reference, packed.lock(index.folder), nobody, factor=factor)
    return image_assemble(reference, base=runtime.base, allow_pickle=True, settings=nobody)


def test_what_is_trained_again_is_served_everywhere_without_a_builder(
    tmp_path: Path,
    runtime: Runtime,
    index: PackageIndex,
    docker_engine: DockerEngine,
    podman: Podman,
) -> None:
    done = retrained(tmp_path, runtime, index, "1.1.0", 3.0)

    assert (done.sent, done.mounted) == (0, 0)
    # Nothing but what the tag was: the packages are those of the lock.
    assert done.notes == (f"{runtime.base} is {runtime.image.digest} now",)
    image = f"{runtime.place}@{done.image}"
    name = runtime.place.rpartition("/")[2]
    body = json.dumps(ROWS)
    for engine in (docker_engine, podman):
        engine.run("pull", image)
        status, digest, ready = served(engine, image, "/v2/health/ready").split(" ", 2)
        assert (status, digest) == ("200", done.digest), ready
        answer = served(engine, image, "/predict", body)
        assert json.loads(answer.split(" ", 2)[2])["predictions"] == [3.0 * row for row in ROWS]
        assert done.digest in served(engine, image, f"/v2/models/{name}")


def test_the_check_of_an_assembled_image_is_docker_s_own(
    tmp_path: Path, docker_runtime: Runtime, index: PackageIndex, docker_engine: DockerEngine
) -> None:
    done = retrained(tmp_path, docker_runtime, index, "1.2.0", 4.0)
    image = f"{docker_runtime.place}@{done.image}"
    docker_engine.run("pull", image)

    alone = ("run", "--detach", "--network=none", "--read-only", "--cap-drop=ALL")
    container = docker_engine.run(*alone, "--health-interval=500ms", image).stdout.strip()

    try:
        said = ""
        for _ in range(60):
            shown = docker_engine.run("inspect", "-f", "{{.State.Health.Status}}", container)
            if (said := shown.stdout.strip()) != "starting":
                break
            time.sleep(0.5)
        assert said == "healthy", docker_engine.run("logs", container).stderr
    finally:
        docker_engine.run("rm", "--force", container)


def test_what_is_in_an_assembled_image_is_what_the_lock_says(
    tmp_path: Path, docker_runtime: Runtime, index: PackageIndex
) -> None:
    retrained(tmp_path, docker_runtime, index, "1.3.0", 5.0)

    found = image_check(f"{docker_runtime.place}:1.3.0", settings=docker_runtime.settings)

    (platform,) = found.platforms
    assert {each.name: each.state for each in platform.packages} == {
        "rates": "equal",
        "tariff": "equal",
    }
    assert platform.left_out == ("tuner",)
    assert "lading" in platform.extra


def test_a_version_with_another_lock_is_told_of(
    tmp_path: Path, docker_runtime: Runtime, index: PackageIndex
) -> None:
    from lading.capture.lock.locked import Package

    reference = f"{docker_runtime.place}:2.0.0"
    other = packed.lock(
        index.folder,
        rates=Package("rates", "1.3", hashes=(packed.hash_of(index.folder, "rates", "1.3"),)),
    )
    packed.push(tmp_path / "m", reference, other, docker_runtime.settings)

    done = image_assemble(reference, base=docker_runtime.base, settings=docker_runtime.settings)

    assert "the model was made with rates 1.3, and the base has 1.2" in done.notes


def test_the_runtime_is_told_of_with_its_packages(docker_runtime: Runtime) -> None:
    said = evidence(f"{docker_runtime.place}:1.0.0", settings=docker_runtime.settings).evidence

    (image,) = [each for each in said if each.content.get("target") == "runtime"]
    assert image.content["image"]["digest"] == docker_runtime.image.digest
    assert {"rates==1.2", "tariff==2.0"} <= set(image.content["packages"])
    assert not any(package.startswith("tuner") for package in image.content["packages"])


def test_all_is_every_image_and_serve_is_the_runtime_and_the_model(
    docker_runtime: Runtime, docker_builder: DockerEngine
) -> None:
    reference, settings = f"{docker_runtime.place}:1.0.0", docker_runtime.settings

    made = image_build(reference, target="all", allow_pickle=True, settings=settings).images

    assert [image.target for image in made] == ["base", "train", "runtime", "serve"]
    layers = {
        image.target: json.loads(docker_builder.run("image", "inspect", image.name).stdout)[0][
            "RootFS"
        ]["Layers"]
        for image in made
    }
    assert layers["runtime"][: len(layers["base"])] == layers["base"]
    assert layers["serve"][: len(layers["runtime"])] == layers["runtime"]
    assert made[2].packages == made[3].packages == docker_runtime.image.packages
    assert made[2].without == made[3].without == ("tuner",)
