"""Digests and values of a folder change together as far as a file system lets them: killed, out of
space, read-only, or two at once, no file is half there and a second run mends the rest.

The disks are real and small.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from operations.team import Team
from operations.tied import tie

from lading.errors import Conflict, LocalFailure
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update
from lading.operations.deploying.folder import replace
from lading.operations.promote import promote

BEFORE = {"digests.yaml": "digest: one\n", "values-prod.yaml": "value: one\n"}
AFTER = {"digests.yaml": "digest: two\n", "values-prod.yaml": "value: two\n"}
WANTED = {name: (BEFORE[name], AFTER[name]) for name in BEFORE}

KILLED = """
import os, pathlib, signal, sys
from lading.operations.deploying.folder import replace
into, at, renamed, rename = sys.argv[1], int(sys.argv[2]), [], pathlib.Path.replace
def killed(path, target):
    if len(renamed) == at:
        os.kill(os.getpid(), signal.SIGKILL)
    renamed.append(target)
    return rename(path, target)
pathlib.Path.replace = killed
names = ("digests.yaml", "values-prod.yaml")
texts = {name: (pathlib.Path(into) / name).read_text() for name in names}
wanted = {name: (text, text.replace("one", "two")) for name, text in texts.items()}
replace(pathlib.Path(into), wanted)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fraud"
    made.mkdir()
    fill(made)
    return made


def fill(folder: Path) -> None:
    for name, text in BEFORE.items():
        (folder / name).write_text(text)


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four pages."""
    made = tmp_path / "disk"
    made.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(made)], check=True)
    try:
        yield made
    finally:
        subprocess.run(["umount", str(made)], check=True)


@pytest.mark.parametrize("at", [0, 1])
def test_who_is_killed_leaves_whole_files_and_a_second_run_mends_it(folder: Path, at: int) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(at)], check=False)

    assert done.returncode == -signal.SIGKILL
    now = texts(folder)
    assert [now[name] for name in AFTER] == [
        *list(AFTER.values())[:at],
        *list(BEFORE.values())[at:],
    ]
    replace(folder, {name: (now[name], AFTER[name]) for name in AFTER})
    assert texts(folder) == AFTER


def test_a_full_disk_changes_nothing(disk: Path) -> None:
    fill(disk)
    before = texts(disk)
    large = {
        "digests.yaml": (BEFORE["digests.yaml"], "digest: two\n"),
        "values-prod.yaml": (BEFORE["values-prod.yaml"], "value: two\n" * 2000),
    }

    with pytest.raises(LocalFailure, match="cannot write") as refused:
        replace(disk, large)

    assert "space" in str(refused.value.cause)
    assert texts(disk) == before


def test_a_disk_that_is_only_read_changes_nothing(disk: Path) -> None:
    fill(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    with pytest.raises(LocalFailure, match="cannot write") as refused:
        replace(disk, WANTED)

    assert "Read-only" in str(refused.value.cause)
    assert texts(disk) == BEFORE


def test_two_at_once_are_one_or_the_other(folder: Path) -> None:
    begin = threading.Barrier(8)

    def change(number: int) -> bool:
        begin.wait()
        try:
            replace(folder, {name: (BEFORE[name], f"{number}\n" * 5000) for name in BEFORE})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(change, range(8)))

    assert sum(done) == 1
    assert texts(folder) == dict.fromkeys(BEFORE, f"{done.index(True)}\n" * 5000)


def test_two_who_do_the_same_are_as_one(folder: Path) -> None:
    for _ in "twice":
        replace(folder, WANTED)

    assert texts(folder) == AFTER


def test_a_link_that_a_repository_has_in_the_way_is_not_followed(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    (folder / ".digests.yaml.new").symlink_to(tmp_path / "precious")

    replace(folder, WANTED)

    assert (tmp_path / "precious").read_text() == "precious"
    assert texts(folder) == AFTER
    assert not (folder / "digests.yaml").is_symlink()


@pytest.mark.parametrize("place", ["registry"], indirect=True)
def test_an_update_mends_what_an_update_that_was_killed_left(team: Team, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    folder = tmp_path / "fraud"
    deploy(team.place, stage="prod", helm=True, output=folder, settings=team.settings)
    values = (folder / "values-prod.yaml").read_text()
    promote(f"{team.place}:1.1.0", "prod", settings=team.settings)
    deploy_update(folder, settings=team.settings)
    whole = texts(folder)
    # As if it had been killed after the first of both.
    (folder / "values-prod.yaml").write_text(values)

    done = deploy_update(folder, settings=team.settings)

    assert (done.status, done.files) == ("updated", ("values-prod.yaml",))
    assert texts(folder) == whole
