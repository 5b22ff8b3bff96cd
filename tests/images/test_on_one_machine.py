"""Documents for one machine are run: by this machine's Podman, and by newer engines.

Podman 4.3 runs what ``--as podman`` tells it to, and an init container as it is written for
Kubernetes. Newer ones (Debian's next release, :mod:`parts.newer`) run what was written as it was
written, in a network of their own. One thing is changed: no systemd starts the units there. Their
commands are those that Podman's own generator makes, and two lines in a drop-in say that nobody
waits for health checks, which systemd's timers would ask for, nor for control groups of systemd's.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from images import packed
from images.conftest import Runtime
from images.containers import answered
from parts.newer import NewerEngines
from parts.package_index import PackageIndex
from parts.podman import Podman
from parts.process import free_port, run
from parts.registry import DockerRegistry

import lading
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.puller import puller
from lading.errors import Unsupported
from lading.settings import Settings
from lading.spec.digest import Digest

ROWS = [1.5, 2.0, -4.0]
ANSWER = [2.0 * row for row in ROWS]
MIB = 1024 * 1024
ALONE = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=65532:65532")


def test_podman_serves_the_model_s_index_mounted_by_digest(
    docker_runtime: Runtime, podman: Podman
) -> None:
    reference, settings = f"{docker_runtime.place}:1.0.0", docker_runtime.settings
    with pytest.raises(Unsupported) as caught:
        lading.deploy(
            reference, kind="podman", podman_version="4.3", allow_pickle=True, settings=settings
        )
    first, line = map(shlex.split, (caught.value.hint or "").partition("; or ")[2].split(" && "))
    digest = lading.pull(reference, settings=settings).digest
    assert first == ["podman", "pull", f"{docker_runtime.place}@{digest}"]
    podman.run(*first[1:])

    # As it is, but that the tests' containers have no network.
    container = podman.run("run", "--network=none", *line[2:]).stdout.strip()

    try:
        assert answered(podman, container, "/v2/health/ready").startswith("200 ")
        answer = answered(podman, container, "/predict", json.dumps(ROWS)).split(" ", 2)[2]
        assert json.loads(answer)["predictions"] == ANSWER
        assert json.loads(answer)["version"] == "1.0.0"
        refused = podman.run("exec", container, "sh", "-c", "echo > /opt/x", check=False)
        assert "Read-only" in refused.stderr
    finally:
        podman.run("rm", "--force", container)


def test_podman_pulls_the_model_first_where_somebody_named_what_pulls(
    docker_runtime: Runtime, client: str, podman: Podman
) -> None:
    reference, settings = f"{docker_runtime.place}:1.0.0", docker_runtime.settings
    with pytest.raises(Unsupported) as caught:
        lading.deploy(
            reference,
            kind="podman",
            podman_version="4.3",
            puller=client,
            allow_pickle=True,
            settings=settings,
        )
    first, line = map(shlex.split, (caught.value.hint or "").partition("; or ")[2].split(" && "))
    volume = next(word for word in line if word.startswith("--volume=")).split("=")[1].split(":")[0]
    container = ""

    try:
        podman.run("run", "--network=host", *first[2:])
        container = podman.run("run", "--network=none", *line[2:]).stdout.strip()
        answer = answered(podman, container, "/predict", json.dumps(ROWS)).split(" ", 2)[2]
        assert json.loads(answer)["predictions"] == ANSWER
    finally:
        podman.run("rm", "--force", container or "none", check=False)
        podman.run("volume", "rm", "--force", volume, check=False)


# What an init container runs


@dataclass(frozen=True)
class Cargo:
    """A version behind a password, with 32 MiB of weights."""

    registry: DockerRegistry
    reference: str
    digest: Digest
    weights: Path

    def pins(self, client: str) -> Pins:
        place = self.reference.rpartition(":")[0]
        return Pins(Runs(place, self.digest, "1.0.0"), Serving(client, False), client)


@pytest.fixture
def cargo(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, index: PackageIndex
) -> Iterator[Cargo]:
    folder = tmp_path_factory.mktemp("guarded")
    with DockerRegistry(folder, users={"ada": "secret"}) as registry:
        settings = Settings(
            home=tmp_path / "home", cache=tmp_path / "c", username="ada", password="secret"
        )
        reference = f"{registry.host}/ml/tariff:1.0.0"
        (tmp_path / "m").mkdir()
        weights = tmp_path / "m/weights.bin"
        weights.write_bytes(bytes(range(256)) * (32 * MIB // 256))
        packed.push(tmp_path / "m", reference, packed.lock(index.folder), settings)
        digest = lading.pull(reference, settings=settings).digest
        yield Cargo(registry, reference, Digest(digest), weights)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[str]:
    """A volume that has room for the model once, and not twice."""
    folder = tmp_path / "volume"
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=40m,mode=1777", "tmpfs", folder)
    yield str(folder)
    run("umount", folder)


@pytest.fixture
def credentials(podman: Podman, cargo: Cargo, tmp_path: Path) -> Iterator[str]:
    """A secret as Podman keeps it."""
    auth = "YWRhOnNlY3JldA=="
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {cargo.registry.host: {"auth": auth}}}))
    podman.run("secret", "create", "registry-login", str(file))
    yield "registry-login"
    podman.run("secret", "rm", "registry-login")


@pytest.fixture
def pull(cargo: Cargo, client: str, volume: str, credentials: str) -> tuple[str, ...]:
    """What a puller is, in the words of ``podman run``."""
    found = puller(cargo.pins(client), credentials=True)
    mounted = f"{credentials},type=mount,target={found.credentials}/config.json"
    return (
        *("run", "--rm", "--network=host", *ALONE, f"--tmpfs={found.scratch}:mode=1777,size=64m"),
        *(f"--env={name}={value}" for name, value in found.env.items()),
        f"--volume={volume}:{found.models}",
        f"--secret={mounted},uid=65532,gid=65532,mode=0400",
        *(f"--entrypoint={found.command[0]}", found.image, *found.args),
    )


def test_an_init_container_pulls_by_digest_and_hands_over_and_the_model_is_stored_once(
    cargo: Cargo, volume: str, pull: tuple[str, ...], podman: Podman, docker_runtime: Runtime
) -> None:
    podman.run(*pull)
    again = podman.run(*pull)

    server = f"{docker_runtime.place}@{docker_runtime.image.digest}"
    mounted = ("--network=none", *ALONE, f"--volume={volume}:/models:ro")
    words = ("serve", "/models", "--host", "0.0.0.0", "--port", "8080", "--allow-pickle")
    container = podman.run("run", "--detach", *mounted, server, *words).stdout.strip()
    try:
        answer = answered(podman, container, "/predict", json.dumps(ROWS)).split(" ", 2)[2]
        assert json.loads(answer)["predictions"] == ANSWER
        size = int(podman.run("exec", container, "python", "-c", _SIZE).stdout)
        refused = podman.run("exec", container, "sh", "-c", "echo > /models/x", check=False)
    finally:
        podman.run("rm", "--force", container)
    print(f"volume: {size / MIB:.1f} MiB of a model of {cargo.weights.stat().st_size / MIB:.1f}")
    assert size < cargo.weights.stat().st_size * 1.02
    assert refused.returncode
    # The second time only the document came.
    assert re.search(r"fetched [0-9.]+ kB", again.stderr)


_SIZE = """
import os
print(sum(os.lstat(os.path.join(top, name)).st_blocks * 512
          for top, folders, files in os.walk('/models') for name in files))
"""


def test_a_blob_that_is_damaged_ends_the_init_container_and_nothing_is_handed_over(
    cargo: Cargo, volume: str, pull: tuple[str, ...], podman: Podman
) -> None:
    (large,) = [
        file
        for file in cargo.registry.root.rglob("data")
        if file.stat().st_size > cargo.weights.stat().st_size
    ]
    with large.open("r+b") as blob:
        blob.seek(16 * MIB)
        blob.write(b"\xff damaged")

    done = podman.run(*pull, check=False)

    assert done.returncode == 6, done.stderr
    assert str(cargo.digest) in done.stderr or "damaged" in done.stderr
    listed = podman.run(
        *("run", "--rm", "--network=none", f"--volume={volume}:/models", podman.busybox()),
        *("ls", "-A", "/models"),
    )
    assert set(listed.stdout.split()) <= {".lading-pull"}


def test_without_its_credentials_an_init_container_says_that_access_is_denied(
    cargo: Cargo, client: str, volume: str, podman: Podman
) -> None:
    found = puller(cargo.pins(client))
    words = (*ALONE, "--network=host", "--tmpfs=/tmp", f"--volume={volume}:/models")
    env = [f"--env={name}={value}" for name, value in found.env.items()]

    done = podman.run("run", "--rm", *words, *env, found.image, *found.args, check=False)

    assert done.returncode == 4, done.stderr


# Newer engines


@pytest.fixture(scope="session")
def newer() -> Iterator[NewerEngines]:
    """Podman 5, Docker 28, Compose 2."""
    with NewerEngines() as engines:
        yield engines


@dataclass(frozen=True)
class Written:
    """A folder of documents, there, and how the model answers."""

    folder: str
    port: int
    engines: NewerEngines

    def file(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def predicted(self) -> object:
        body = json.dumps(ROWS)
        return json.loads(self.engines.asked(f"http://127.0.0.1:{self.port}/predict", body))


def written(
    kind: str,
    runtime: Runtime,
    registry: DockerRegistry,
    newer: NewerEngines,
    *,
    puller: str | None = None,
    guarded: Cargo | None = None,
) -> Written:
    """What ``lading deploy`` writes, with the registry's name in that world for ours.

    A model that is ``guarded`` is pulled with a secret called login.
    """
    from lading.deploy import kinds
    from lading.deploy.engines import Podman as Version
    from lading.deploy.wish import Facts, Wish

    there = newer.hosts(registry.folder / "config.yml", registry.port)
    place = runtime.place.replace(registry.host, there)
    digest = Digest(lading.pull(f"{runtime.place}:1.0.0", settings=runtime.settings).digest)
    pins = Pins(
        Runs(place, digest, "1.0.0"),
        Serving(f"{place}@{runtime.image.digest}", holds_model=False),
        puller.replace(registry.host, there) if puller else None,
    )
    if guarded is not None:
        host = newer.hosts(guarded.registry.folder / "config.yml", guarded.registry.port)
        place = guarded.reference.rpartition(":")[0].replace(guarded.registry.host, host)
        pins = replace(pins, runs=Runs(place, guarded.digest, "1.0.0"))
    port = free_port()
    version = re.search(r"[0-9.]+", newer.run("podman", "--version").stdout)
    assert version
    wish = Wish(
        kind=kind,  # type: ignore[arg-type]  # one of two
        name=f"tariff-{'pulled' if puller else 'mounted'}",
        published=port,
        allow_pickle=True,
        insecure=True,
        credentials="login" if guarded else None,
        podman=Version.parse(version[0]),
    )
    made = kinds.resources(pins, Facts(1000, "python"), wish)
    folder = newer.shared / f"{kind}-{wish.name}-{port}"
    folder.mkdir()
    for name, text in kinds.written(made, wish).items():
        (folder / name).write_text(text)
    return Written(f"/shared/{folder.name}", port, newer)


@pytest.fixture(params=["mounted", "pulled"])
def pulled_by(request: pytest.FixtureRequest, client: str) -> str | None:
    """Whether the model is mounted, or pulled by Lading's own image."""
    return client if request.param == "pulled" else None


@pytest.mark.slow
def test_newer_podman_plays_the_pod(
    newer: NewerEngines, docker_runtime: Runtime, registry: DockerRegistry, pulled_by: str | None
) -> None:
    made = written("podman", docker_runtime, registry, newer, puller=pulled_by)

    newer.run("podman", "kube", "play", made.file("pod.yaml"))

    try:
        assert made.predicted()["predictions"] == ANSWER  # type: ignore[index]
        name = f"tariff-{'pulled' if pulled_by else 'mounted'}-model"
        newer.run("podman", "healthcheck", "run", name)
        refused = newer.run("podman", "exec", name, "sh", "-c", "echo > /models/x", check=False)
        assert "Read-only" in refused.stderr
    finally:
        newer.run("podman", "kube", "down", made.file("pod.yaml"))


@pytest.mark.slow
def test_newer_podman_pulls_with_one_secret_for_its_pods_and_its_units(
    newer: NewerEngines,
    docker_runtime: Runtime,
    registry: DockerRegistry,
    cargo: Cargo,
    client: str,
) -> None:
    made = written("podman", docker_runtime, registry, newer, puller=client, guarded=cargo)
    folder = newer.shared / made.folder.removeprefix("/shared/")
    host = newer.hosts(cargo.registry.folder / "config.yml", cargo.registry.port)
    passwords = {"auths": {host: {"auth": "YWRhOnNlY3JldA=="}}}
    (newer.shared / "auth.json").write_text(json.dumps(passwords))
    # The line as the files have it, which needs a shell; that world has none.
    found = re.search(
        r"auth\.json: (.*) \| podman secret create login -", (folder / "pod.yaml").read_text()
    )
    assert found
    run("sh", "-c", f"cd {newer.shared}; {found[1]} > both")
    newer.run("podman", "secret", "create", "login", "/shared/both")

    newer.run("podman", "kube", "play", made.file("pod.yaml"))
    try:
        assert made.predicted()["predictions"] == ANSWER  # type: ignore[index]
    finally:
        newer.run("podman", "kube", "down", made.file("pod.yaml"))

    newer.run("cp", "-r", f"{made.folder}/.", "/etc/containers/systemd/")
    (newer.shared / "none.conf").write_text("[Container]\nCgroupsMode=enabled\n")
    newer.run("mkdir", "-p", "/etc/containers/systemd/tariff-pulled-pull.container.d")
    newer.run("cp", "/shared/none.conf", "/etc/containers/systemd/tariff-pulled-pull.container.d/")
    try:
        units = dict(re.findall(r"---(\S+)---\n(.*?)(?=\n---|\Z)", newer.units(), re.DOTALL))
        for unit in ("tariff-pulled-model-volume.service", "tariff-pulled-pull.service"):
            command = re.search(r"^ExecStart=(.*)$", units[unit], re.MULTILINE)
            assert command, units[unit]
            newer.run(*(word.replace("\\x20", " ") for word in shlex.split(command[1])))
    finally:
        newer.run("podman", "secret", "rm", "login")
        newer.run("rm", "-r", "/etc/containers/systemd")
        newer.run("mkdir", "/etc/containers/systemd")


@pytest.mark.slow
def test_newer_podman_makes_units_whose_commands_serve_the_model(
    newer: NewerEngines, docker_runtime: Runtime, registry: DockerRegistry, pulled_by: str | None
) -> None:
    made = written("podman", docker_runtime, registry, newer, puller=pulled_by)
    name = f"tariff-{'pulled' if pulled_by else 'mounted'}"
    newer.run("cp", "-r", f"{made.folder}/.", "/etc/containers/systemd/")
    for each in (name, f"{name}-pull"):
        # No systemd is there: see the head of this module.
        drop_in = newer.shared / "none.conf"
        drop_in.write_text("[Container]\nCgroupsMode=enabled\nNotify=false\n")
        newer.run("mkdir", "-p", f"/etc/containers/systemd/{each}.container.d")
        newer.run("cp", "/shared/none.conf", f"/etc/containers/systemd/{each}.container.d/")

    units = dict(re.findall(r"---(\S+)---\n(.*?)(?=\n---|\Z)", newer.units(), re.DOTALL))
    before = ["model-volume", "pull"] if pulled_by else ["model-image"]
    for unit in (*(f"{name}-{each}.service" for each in before), f"{name}.service"):
        found = re.search(r"^ExecStart=(.*)$", units[unit], re.MULTILINE)
        assert found, units[unit]
        newer.run(*(word.replace("\\x20", " ") for word in shlex.split(found[1])))

    try:
        assert made.predicted()["predictions"] == ANSWER  # type: ignore[index]
        newer.run("podman", "healthcheck", "run", name)
        assert f"{name}-{before[-1]}.service" in units[f"{name}.service"]
    finally:
        newer.run("podman", "rm", "--force", "--time", "0", name)
        newer.run("rm", "-r", "/etc/containers/systemd")
        newer.run("mkdir", "/etc/containers/systemd")


@pytest.mark.slow
def test_newer_docker_composes_the_server(
    newer: NewerEngines, docker_runtime: Runtime, registry: DockerRegistry, pulled_by: str | None
) -> None:
    made = written("compose", docker_runtime, registry, newer, puller=pulled_by)
    newer.docker(newer.hosts(registry.folder / "config.yml", registry.port))
    compose = ("docker", "compose", "--file", made.file("compose.yaml"))

    # Twice: an image that is there already was not found by some versions.
    for _ in range(2):
        newer.run(*compose, "up", "--detach", "--wait", timeout=180)

        assert made.predicted()["predictions"] == ANSWER  # type: ignore[index]
        newer.run(*compose, "down")
