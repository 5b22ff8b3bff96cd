"""The machine is in the way, or somebody else is at the same thing: whole commands, real disks."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import parts
import pytest
from parts.child import as_nobody
from parts.command import Command
from parts.process import run as run_program
from parts.registry import DockerRegistry
from peers.plain import Repository, files_of
from peers.shipped import MIB
from peers.victims import run

from lading.operations.copy import copy
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.pull import pull
from lading.operations.push import push
from lading.settings import Settings

LOCAL_FAILURE = 10


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 MiB in two large files and some small ones."""
    folder = tmp_path_factory.mktemp("model") / "model"
    (folder / "small").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"{name}.safetensors").write_bytes(os.urandom(6 * MIB))
    for number in range(20):
        (folder / f"small/{number}.json").write_text(f'{{"number": {number}}}')
    time.sleep(0.05)
    return folder


@pytest.fixture(scope="module")
def pushed(model: Path, registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model on a registry."""
    reference = f"{registry.host}/disk{os.getpid()}/fraud:1.0.0"
    run(Command(tmp_path_factory.mktemp("pushed")), "push", model, reference)
    return reference


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


class SmallDisk:
    """A disk of 8 MiB, of memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        run_program("mount", "-t", "tmpfs", "-o", "size=8m", "none", folder)

    def grow(self) -> None:
        """Somebody has cleared up."""
        run_program("mount", "-o", "remount,size=64m", "none", self.folder)

    def remove(self) -> None:
        run_program("umount", "--lazy", self.folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    parts.require("mount", "umount", root=True)
    disk = SmallDisk(tmp_path / "small")
    yield disk
    disk.remove()


def refused(command: Command, *arguments: str | Path, **environment: str) -> str:
    """What a run says that the disk does not let finish; no traceback, no bug."""
    done = command(*arguments, **environment)
    assert done.returncode == LOCAL_FAILURE, f"{done.returncode}\n{done.stdout}{done.stderr}"
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_pull_into_a_folder_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    model: Path, pushed: str, command: Command, small_disk: SmallDisk
) -> None:
    out = small_disk.folder / "out"

    said = refused(command, "pull", pushed, "-o", out)

    assert "No space left on device" in said
    assert {path.name for path in out.iterdir()} <= {".lading-pull"}
    small_disk.grow()
    run(command, "pull", pushed, "-o", out)
    assert files_of(out) == files_of(model)


def test_a_pull_into_a_cache_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    model: Path, pushed: str, command: Command, small_disk: SmallDisk
) -> None:
    cache = {"LADING_CACHE": str(small_disk.folder / "cache")}

    said = refused(command, "pull", pushed, **cache)

    assert "No space left on device" in said
    assert cache["LADING_CACHE"] in said
    assert not list(small_disk.folder.glob("cache/snapshots/[!.]*"))
    small_disk.grow()
    done = command("pull", pushed, **cache)
    assert files_of(Path(done.stdout.strip())) == files_of(model)


def test_a_push_onto_a_full_disk_says_so_and_hurts_nothing_that_was_there(
    model: Path, command: Command, small_disk: SmallDisk, tmp_path: Path
) -> None:
    home = {"LADING_HOME": str(small_disk.folder / "data")}
    (tmp_path / "tiny.json").write_text("{}")
    assert command("push", tmp_path / "tiny.json", "ml/fraud:1.0.0", **home).returncode == 0

    said = refused(command, "push", model, "ml/fraud:1.1.0", **home)

    assert "No space left on device" in said
    layout = small_disk.folder / "data/store/ml/fraud/_oci"
    assert not list(layout.glob(".lading-part-*"))
    assert command("pull", "ml/fraud", "-o", "out", **home).returncode == 0
    assert files_of(tmp_path / "out") == {"tiny.json": b"{}"}
    small_disk.grow()
    assert command("push", model, "ml/fraud:1.1.0", **home).returncode == 0


def test_a_copy_into_a_layout_on_a_full_disk_says_so(
    pushed: str, command: Command, small_disk: SmallDisk
) -> None:
    layout = f"oci:{small_disk.folder / 'layout'}:1.0.0"

    said = refused(command, "copy", pushed, layout)

    assert "No space left on device" in said
    small_disk.grow()
    run(command, "copy", pushed, layout)


def test_a_full_cache_makes_a_push_slower_and_no_more(
    model: Path, registry: DockerRegistry, repository: str, command: Command, small_disk: SmallDisk
) -> None:
    with (small_disk.folder / "fill").open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(MIB))
            file.flush()
    cache = {"LADING_CACHE": str(small_disk.folder)}

    done = command("push", model, f"{registry.host}/{repository}:1.0.0", **cache)

    assert done.returncode == 0, done.stderr
    assert {"1.0.0", "latest"} <= set(Repository(registry.host, repository).tags())


def test_a_full_cache_does_not_keep_a_pull_from_its_folder(
    model: Path, pushed: str, command: Command, small_disk: SmallDisk, tmp_path: Path
) -> None:
    with (small_disk.folder / "fill").open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(MIB))
            file.flush()

    done = command("pull", pushed, "-o", "out", LADING_CACHE=str(small_disk.folder))

    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "out") == files_of(model)


# --- without rights -----------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter (pytest's own are root's alone), to become one of them."""
    parts.require("su", root=True)
    with tempfile.TemporaryDirectory(prefix="lading-public-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def rehearsed(model: Path, pushed: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Everything is imported that verbs import when they need it: Python's own library may lie
    where only root can read it."""
    folder = tmp_path_factory.mktemp("rehearsal")
    settings = Settings(home=folder / "data", cache=folder / "cache")
    push(model, "ml/fraud:1.0.0", settings=settings)
    list_versions("ml/fraud", settings=settings)
    pull(pushed, settings=settings)
    pull(pushed, folder / "out", settings=settings)
    pull("ml/fraud", folder / "other", settings=settings)


@pytest.fixture
def settings(public: Path, rehearsed: None) -> Settings:
    """A store and a cache that exist, and that only root may write to."""
    for name in ("data", "cache"):
        (public / name).mkdir()
    return Settings(home=public / "data", cache=public / "cache", retries=0)


def test_a_pull_into_a_folder_that_may_not_be_written_to_says_so(
    pushed: str, settings: Settings, public: Path
) -> None:
    (public / "out").mkdir()

    for folder in (public / "out", public / "out/inner"):
        said = as_nobody(partial(pull, pushed, folder, settings=settings))

        assert said.startswith("LocalFailure:")
        assert "Permission denied" in said
        assert str(public / "out") in said
    assert list((public / "out").iterdir()) == []


def test_a_pull_into_a_cache_that_may_not_be_written_to_says_so(
    pushed: str, settings: Settings, public: Path
) -> None:
    said = as_nobody(lambda: pull(pushed, settings=settings))

    assert said.startswith("LocalFailure:")
    assert "Permission denied" in said
    assert list((public / "cache").iterdir()) == []


def test_a_cache_that_may_not_be_written_to_does_not_keep_a_pull_from_its_folder(
    model: Path, pushed: str, settings: Settings, public: Path
) -> None:
    (public / "out").mkdir()
    (public / "out").chmod(0o777)

    said = as_nobody(lambda: pull(pushed, public / "out", settings=settings))

    assert said == "done"
    assert files_of(public / "out") == files_of(model)


def test_a_cache_that_may_not_be_written_to_is_read(
    model: Path, pushed: str, settings: Settings, public: Path
) -> None:
    path = pull(pushed, settings=settings).path

    def again() -> None:
        found = pull(pushed, offline=True, settings=settings)
        assert (found.status, found.path) == ("cached", path)

    assert as_nobody(again) == "done"


def test_a_store_that_may_not_be_written_to_is_read_and_refuses_a_push(
    model: Path, settings: Settings, public: Path
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    (public / "model").mkdir()
    (public / "model/config.json").write_text("{}")

    def read() -> None:
        assert list_versions("ml/fraud", settings=settings).versions[0].version == "1.0.0"

    said = as_nobody(lambda: push(public / "model", "ml/fraud:1.1.0", settings=settings))

    assert as_nobody(read) == "done"
    assert said.startswith("LocalFailure:")
    assert "Permission denied" in said


def test_a_file_that_may_not_be_read_is_named(settings: Settings, public: Path) -> None:
    (public / "model").mkdir()
    (public / "model/secret.bin").write_bytes(b"secret")
    (public / "model/secret.bin").chmod(0o600)
    (public / "data").chmod(0o777)

    said = as_nobody(lambda: push(public / "model", "ml/fraud:1.0.0", settings=settings))

    assert said.startswith("LocalFailure:")
    assert "secret.bin" in said


def test_what_somebody_else_pulled_is_whole_for_everybody(
    model: Path, settings: Settings, pushed: str
) -> None:
    """A cache that several users share: files may be read, not written."""
    path = Path(pull(pushed, settings=settings).path)

    def read() -> None:
        assert files_of(path) == wanted

    wanted = files_of(model)
    assert as_nobody(read) == "done"
    assert as_nobody((path / "a.safetensors").unlink).startswith("BUG PermissionError")
    assert as_nobody((path / "new").touch).startswith("BUG PermissionError")


# --- two at once --------------------------------------------------------------------------------


def both(command: Command, *lines: tuple[str | Path, ...]) -> list[subprocess.Popen[str]]:
    """Several runs at once, to their ends."""
    running = [
        subprocess.Popen(
            command.line(*line),
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in lines
    ]
    for process in running:
        process.wait(60)
    return running


def answers(running: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    told = []
    for process in running:
        stdout, stderr = process.communicate()
        told.append((process.returncode, stdout.strip() if not process.returncode else stderr))
    return told


def test_two_pulls_of_one_model_into_one_cache_do_the_work_once(
    model: Path, pushed: str, registry: DockerRegistry, command: Command
) -> None:
    registry.forget_requests()

    told = answers(both(command, ("pull", pushed), ("pull", pushed)))

    assert [code for code, _ in told] == [0, 0], told
    assert told[0] == told[1]
    assert files_of(Path(told[0][1])) == files_of(model)
    layers = {layer.digest for layer in inspect(pushed).layers}
    asked = [r.path.rpartition("/")[2] for r in registry.requests() if r.method == "GET"]
    fetched = [digest for digest in asked if digest in layers]
    # The document, a kilobyte, is nobody's to wait for.
    assert len(fetched) == len(set(fetched)) > 1
    assert not list((command.folder / "cache/staging").glob("*/"))


def test_two_pulls_into_one_folder_both_succeed(model: Path, pushed: str, command: Command) -> None:
    line = ("pull", pushed, "-o", "out")

    told = answers(both(command, line, line))

    assert told == [(0, "out"), (0, "out")]
    assert files_of(command.folder / "out") == files_of(model)


def test_two_pulls_of_different_versions_into_one_folder_do_not_mix(
    model: Path, registry: DockerRegistry, repository: str, command: Command
) -> None:
    place = f"{registry.host}/{repository}"
    versions = {}
    for version in ("1.0.0", "2.0.0"):
        folder = command.folder / version
        folder.mkdir()
        for name in ("a.safetensors", "b.json"):
            (folder / name).write_bytes(os.urandom(5 * MIB if name.endswith("s") else 100))
        run(command, "push", folder, f"{place}:{version}")
        versions[version] = files_of(folder)

    lines = [("pull", f"{place}:{version}", "-o", "out") for version in versions]
    told = answers(both(command, *lines))

    assert sorted(code for code, _ in told) == [0, 7], told
    placed = files_of(command.folder / "out")
    # What the one that was refused had fetched is kept aside for its next run.
    named = {path: raw for path, raw in placed.items() if not path.startswith(".lading-pull/")}
    assert named in versions.values()


def test_a_pull_and_a_prune_at_once_leave_a_whole_snapshot(
    model: Path, pushed: str, command: Command
) -> None:
    told = answers(both(command, ("pull", pushed), ("cache", "prune", "--all")))

    code, path = told[0]
    assert code == 0, told
    # Whoever came first, the prune has waited, refused, or taken all of it away.
    assert told[1][0] in (0, 5)
    assert not Path(path).exists() or files_of(Path(path)) == files_of(model)


def test_many_pushes_of_one_version_are_one_version(
    model: Path, registry: DockerRegistry, repository: str, command: Command
) -> None:
    """The same content by three machines at once: whoever is first wins, and the rest may not say
    that theirs is there unless it is."""
    reference = f"{registry.host}/{repository}:1.0.0"

    told = answers(both(command, *[("push", model, reference)] * 3))

    assert {code for code, _ in told} == {0}, told
    digests = {text.partition("@")[2] for code, text in told if code == 0}
    there = Repository(registry.host, repository).manifest("1.0.0")
    assert len(digests) == 1, told
    run(command, "verify", model, reference)
    assert there == Repository(registry.host, repository).manifest(digests.pop())


def test_a_copy_and_a_pull_of_one_layout_at_once(
    model: Path, pushed: str, command: Command, tmp_path: Path
) -> None:
    layout = f"oci:{tmp_path / 'layout'}"
    settings = Settings(home=tmp_path / "h", cache=tmp_path / "c")
    copy(pushed, f"{layout}:1.0.0", settings=settings)

    lines = [("copy", pushed, f"{layout}:candidate"), ("pull", f"{layout}:1.0.0", "-o", "out")]
    told = answers(both(command, *lines))

    assert [code for code, _ in told] == [0, 0], told
    assert files_of(tmp_path / "out") == files_of(model)
    run(command, "verify", model, f"{layout}:candidate")
