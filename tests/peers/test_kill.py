"""kill -9 at any moment: nothing half-made has a name, and the same command then succeeds."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from parts.command import Command
from parts.dialect import DISTRIBUTION_2, OCI, Dialect
from parts.double import Double
from parts.registry import DockerRegistry
from peers.plain import Repository, digest_of, files_of
from peers.shipped import MIB
from peers.victims import HaltingDouble, kill, killed_after, moments, run, start, timed

ROUNDS, KILLS = 2, 5
LARGE = 12 * MIB


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three large files and forty small ones: enough to be caught in the middle."""
    folder = tmp_path_factory.mktemp("big") / "model"
    (folder / "small").mkdir(parents=True)
    for number in range(3):
        (folder / f"weights-{number}.safetensors").write_bytes(os.urandom(LARGE))
    for number in range(40):
        (folder / f"small/{number}.json").write_text(f'{{"number": {number}}}')
    # Digests of files written in the clock's very tick of their reading are not remembered.
    time.sleep(0.05)
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Callable[[], Command]:
    """A command with data, cache and home of its own, as often as it is wanted."""
    numbers = iter(range(1000))

    def make() -> Command:
        folder = tmp_path / f"run{next(numbers)}"
        folder.mkdir()
        return Command(folder)

    return make


def demand_whole_if_named(plain: Repository) -> bool:
    """What has a tag is there with everything below it; whether there is any."""
    tags = plain.tags()
    for tag in tags:
        value = plain.document(tag)
        for entry in value.get("manifests", ()):
            manifest = plain.document(entry["digest"])
            for part in (manifest["config"], *manifest["layers"]):
                assert plain.has("blobs", part["digest"])
    return "1.0.0" in tags


def demand_finished(plain: Repository) -> None:
    """The version has all its tags, is registered once, and every byte is right."""
    assert demand_whole_if_named(plain)
    assert plain.manifest("latest") == plain.manifest("1.0.0")
    index = plain.document("1.0.0")
    keep = {f"keep-{entry['digest'][7:19]}" for entry in index["manifests"]}
    (registered,) = (name for name in plain.tags() if name.startswith("evt."))
    assert set(plain.tags()) == {"1.0.0", "latest", "ledger", registered, *keep}
    listed = plain.document("ledger")["manifests"]
    assert [entry["digest"] for entry in listed] == [digest_of(plain.manifest(registered))]
    model = plain.document(index["manifests"][2]["digest"])
    for layer in model["layers"]:
        assert digest_of(plain.blob(layer["digest"])) == layer["digest"]


def test_a_push_to_a_registry_survives_being_killed(
    model: Path, registry: DockerRegistry, repository: str, new: Callable[[], Command]
) -> None:
    whole = timed(new(), "push", model, f"{registry.host}/{repository}-rehearsal:1.0.0")
    killed = 0
    for number in range(ROUNDS):
        command, name = new(), f"{repository}-{number}"
        plain = Repository(registry.host, name)
        line = ("push", model, f"{registry.host}/{name}:1.0.0")
        for moment in moments(whole, KILLS):
            killed += killed_after(moment, command, *line)
            demand_whole_if_named(plain)

        said = run(command, *line)

        demand_finished(plain)
        assert said == f"{registry.host}/{name}:1.0.0@{digest_of(plain.manifest('1.0.0'))}\n"
        run(command, "verify", model, f"{registry.host}/{name}:1.0.0")
    assert killed >= ROUNDS


def test_a_push_into_the_local_store_survives_being_killed(
    model: Path, new: Callable[[], Command]
) -> None:
    line = ("push", model, "ml/fraud:1.0.0")
    whole = timed(new(), *line)
    killed = 0
    for _ in range(ROUNDS):
        command = new()
        blobs = command.folder / "data/store/ml/fraud/_oci/blobs/sha256"
        for moment in moments(whole, KILLS):
            killed += killed_after(moment, command, *line)
            for path in blobs.glob("*"):
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

        said = run(command, *line)

        _, _, digest = said.strip().partition("@")
        seen = json.loads(run(command, "inspect", "ml/fraud", "--json"))
        assert seen["digest"] == digest
        run(command, "verify", model, "ml/fraud:1.0.0")
        # What killed runs left half-written is gone.
        assert {path.name for path in blobs.parents[1].iterdir()} == {
            *(".lading.lock", "blobs", "index.json", "oci-layout")
        }
    assert killed >= ROUNDS


@pytest.fixture(scope="module")
def pushed(model: Path, registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model on a registry."""
    reference = f"{registry.host}/kill{os.getpid()}/pulled:1.0.0"
    run(Command(tmp_path_factory.mktemp("pushed")), "push", model, reference)
    return reference


def test_a_pull_into_a_folder_survives_being_killed(
    model: Path, pushed: str, new: Callable[[], Command]
) -> None:
    wanted = files_of(model)
    whole = timed(new(), "pull", pushed, "-o", "out")
    killed = 0
    for _ in range(ROUNDS):
        command = new()
        out = command.folder / "out"
        for moment in moments(whole, KILLS):
            killed += killed_after(moment, command, "pull", pushed, "-o", "out")
            named = {p: raw for p, raw in files_of(out).items() if ".lading-pull" not in p}
            assert named.items() <= wanted.items()

        run(command, "pull", pushed, "-o", "out")

        assert files_of(out) == wanted
        assert {path.name for path in out.iterdir()} == {path.name for path in model.iterdir()}
        run(command, "verify", "out", pushed)
    assert killed >= ROUNDS


def test_a_pull_into_the_cache_survives_being_killed(
    model: Path, pushed: str, new: Callable[[], Command]
) -> None:
    wanted = files_of(model)
    whole = timed(new(), "pull", pushed)
    killed = 0
    for _ in range(ROUNDS):
        command = new()
        for moment in moments(whole, KILLS):
            killed += killed_after(moment, command, "pull", pushed)
            for snapshot in (command.folder / "cache/snapshots").glob("[!.]*/"):
                assert files_of(snapshot) == wanted

        path = Path(run(command, "pull", pushed).strip())

        assert files_of(path) == wanted
        assert json.loads(run(command, "cache", "verify", "--json"))["damaged"] == []
    assert killed >= ROUNDS


# --- at each step of naming -----------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model whose push is nearly nothing but manifests."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("dialect", [DISTRIBUTION_2, OCI], ids=["2.x", "1.1"])
def test_a_push_survives_being_killed_at_every_manifest(
    tiny: Path, double: Double, dialect: Dialect, new: Callable[[], Command]
) -> None:
    """Also between the tag and ``latest``, and before the keep tags of a first push."""
    double.dialect = dialect
    command = new()
    run(command, "push", tiny, f"{double.host}/ml/rehearsal:1.0.0")
    expected = set(double.repository("ml/rehearsal").tags)
    puts = len(double.asked("PUT", "/manifests/"))
    for number in range(puts):
        # What was learned about the registry is forgotten: each is a first push to it.
        command, name = new(), f"ml/n{number}"
        line = ("push", tiny, f"{double.host}/{name}:1.0.0")
        victim = start(command, *line)
        double.before("PUT", f"/{name}/manifests/", partial(kill, victim), skip=number)
        victim.wait(20)

        run(command, *line)

        repository = double.repository(name)
        assert victim.returncode == -9
        assert len(repository.tags) == len(expected)
        assert repository.tags["latest"] == repository.tags["1.0.0"]


# --- what moves again ---------------------------------------------------------------------------


@pytest.fixture
def halting() -> Iterator[HaltingDouble]:
    with HaltingDouble() as double:
        yield double


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """One file of 40 MiB."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(os.urandom(40 * MIB))
    time.sleep(0.05)
    return folder


def test_a_killed_push_goes_on_where_the_registry_says_it_was(
    one: Path, halting: HaltingDouble, new: Callable[[], Command]
) -> None:
    command = new()
    line = ("push", one, f"{halting.host}/ml/fraud:1.0.0")
    halting.halt_after(25 * MIB)
    victim = start(command, *line)
    assert halting.halted.wait(20)
    kill(victim)
    halting.go_on()
    halting.forget_requests()

    run(command, *line)

    assert halting.bytes_received() < 16 * MIB
    run(command, "verify", one, f"{halting.host}/ml/fraud:1.0.0")


def test_a_killed_push_does_not_send_again_what_arrived_whole(
    model: Path, double: Double, new: Callable[[], Command]
) -> None:
    """On distribution 2.x too, where what was in flight is lost."""
    double.dialect = DISTRIBUTION_2
    command = new()
    line = ("push", model, f"{double.host}/ml/fraud:1.0.0", "--jobs", "1")
    victim = start(command, *line)
    double.before("POST", "/blobs/uploads/", lambda: kill(victim), skip=2)
    victim.wait(20)
    assert len(double.repository("ml/fraud").blobs) == 2
    double.forget_requests()

    run(command, *line)

    sent = sum(request.received for request in double.asked(path="/blobs/uploads/"))
    assert LARGE < sent < LARGE + MIB


@pytest.mark.parametrize("output", [("-o", "out"), ()], ids=["folder", "cache"])
def test_a_killed_pull_goes_on_where_it_was(
    one: Path, halting: HaltingDouble, new: Callable[[], Command], output: tuple[str, ...]
) -> None:
    command = new()
    reference = f"{halting.host}/ml/fraud:1.0.0"
    run(new(), "push", one, reference)
    halting.halt_after(25 * MIB)
    victim = start(command, "pull", reference, *output)
    assert halting.halted.wait(20)
    _wait_for_bytes(command.folder, 24 * MIB)
    kill(victim)
    halting.go_on()
    halting.forget_requests()

    path = Path(command.folder, run(command, "pull", reference, *output).strip())

    assert halting.bytes_sent() < 17 * MIB
    assert files_of(path) == files_of(one)


def test_a_killed_pull_does_not_fetch_again_what_arrived_whole(
    model: Path, double: Double, new: Callable[[], Command]
) -> None:
    reference = f"{double.host}/ml/fraud:1.0.0"
    run(new(), "push", model, reference)
    command = new()
    line = ("pull", reference, "-o", "out", "--jobs", "1")
    victim = start(command, *line)
    double.before("GET", "/blobs/", lambda: kill(victim), skip=2)
    victim.wait(20)
    double.forget_requests()

    run(command, *line)

    sent = sum(request.sent for request in double.asked("GET", "/blobs/"))
    assert LARGE < sent < 2 * LARGE
    assert files_of(command.folder / "out") == files_of(model)


def _wait_for_bytes(folder: Path, count: int) -> None:
    """Until so many bytes have reached the disk."""
    deadline = time.monotonic() + 20
    while sum(path.stat().st_size for path in folder.rglob("*.safetensors")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
