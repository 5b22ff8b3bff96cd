"""A lock is divided: laws of what ends up where, and what pip of every age makes of it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lading.capture.lock.locked import Archive, Directory, Locked, LockedFile, Package, Vcs
from lading.images.packages import divide, only_training, runtime_constraints

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", fullmatch=True)
hashes = st.lists(st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True), max_size=2).map(tuple)
origins = st.one_of(
    st.none(),
    st.just(Directory("../own")),
    st.just(Vcs("git", "https://git.example.com/x.git", "a" * 40)),
    hashes.map(lambda h: Archive("https://files.example.com/x.whl", h)),
)
packages = st.builds(Package, name=names, version=versions, hashes=hashes, origin=origins)
locks = st.lists(packages, max_size=12, unique_by=lambda p: p.name).map(
    lambda found: Locked(tuple(found))
)


@given(locks, st.lists(names, max_size=6))
def test_nothing_is_installed_that_the_lock_does_not_pin(locked: Locked, direct: list[str]) -> None:
    division = divide(locked, direct, python="3.11")

    known = {package.name for package in locked.packages}
    assert division.names <= known
    assert set(division.direct) <= division.names
    assert division.names | set(division.absent) | {"lading"} >= known
    assert not division.names & set(division.absent)


@given(locks, st.lists(names, max_size=6))
def test_what_is_in_an_image_and_what_only_training_needs_are_the_lock(
    locked: Locked, installed: list[str]
) -> None:
    division = divide(locked, (), python="3.11")

    without = set(only_training(division, installed))

    assert without | (division.names & set(installed)) == division.names
    assert not without & set(installed)


@given(locks, st.dictionaries(names, versions, max_size=8))
def test_the_lock_wins_over_what_runs_here(locked: Locked, running: dict[str, str]) -> None:
    division = divide(locked, (), python="3.11")

    lines = runtime_constraints(division, running).decode().splitlines()

    assert set(lines) >= {pin.line for pin in division.pins}
    own = [line for line in lines if line.partition("==")[0] in division.names and "@" not in line]
    assert all(any(line == pin.line for pin in division.pins) for line in own)


@given(locks)
def test_the_files_of_a_division_are_the_same_each_time(locked: Locked) -> None:
    turned = Locked(tuple(reversed(locked.packages)))

    assert divide(locked, (), python="3.11").files() == divide(turned, (), python="3.11").files()


def test_where_nobody_knows_what_is_needed_everything_is() -> None:
    locked = Locked((Package("a", "1"), Package("b", "2")))

    assert divide(locked, (), python="3.11").direct == ("a", "b")


def test_groups_and_extras_are_decided_before_pip_sees_them() -> None:
    locked = Locked(
        (
            Package("a", "1", marker="'dev' in dependency_groups"),
            Package("b", "1", marker="'main' in dependency_groups and python_version >= '3.10'"),
            Package("c", "1", marker="'gpu' in extras"),
            Package("d", "1", marker="python_version < '3.9'"),
        ),
        default_groups=("main",),
    )

    division = divide(locked, (), python="3.11")

    assert [pin.line for pin in division.pins] == ["b==1", "d==1 ; python_version < '3.9'"]


def test_a_package_of_a_folder_is_left_out_and_said() -> None:
    locked = Locked((Package("own", "1", origin=Directory(".")), Package("b", "2")))

    division = divide(locked, ("own", "b"), python="3.11")

    assert division.direct == ("b",)
    assert "own came from a folder" in division.notes[0]


def test_a_package_that_must_be_built_is_named() -> None:
    source = LockedFile(
        "old-1.tar.gz", ("sha256:" + "1" * 64,), "https://x.example.com/old-1.tar.gz"
    )
    division = divide(Locked((Package("old", "1", files=(source,)),)), (), python="3.11")

    files = division.files()

    assert files["sources.txt"] == b"old\n"
    assert json.loads(files["lock.json"])[0]["hashes"] == ["sha256:" + "1" * 64]


def test_lading_itself_is_in_no_lock_of_an_image() -> None:
    locked = Locked((Package("lading", "0.0.1"), Package("b", "2")))

    division = divide(locked, ("lading", "b"), python="3.11")

    assert division.names == {"b"}
    assert b"lading" not in runtime_constraints(division, {"lading": "1.0"})
