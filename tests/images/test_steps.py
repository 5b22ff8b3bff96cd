"""What is done inside a build: pip's words understood, files held against a lock."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import packed
from parts.package_index import PackageIndex

from lading.errors import Conflict, LadingError, LocalFailure, NotFound, Unavailable, Unsupported
from lading.images.failures import MARK, build_failure, push_failure
from lading.images.inside import steps
from lading.images.packages import divide


def test_pips_words_are_understood() -> None:
    missing = [
        "ERROR: Could not find a version that satisfies the requirement numpy==9"
        " (from versions: 1.0, 2.0)",
        "ERROR: No matching distribution found for numpy==9",
    ]
    conflict = [
        "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting"
        " dependencies.",
        "    a 1 depends on b>=3",
    ]

    assert steps.told(missing) == {
        "kind": "nothing",
        "package": "numpy",
        "version": "9",
        "offered": "1.0, 2.0",
    }
    assert steps.told(conflict)["causes"] == ["    a 1 depends on b>=3"]
    assert steps.told(["OSError: [Errno 28] No space left on device"]) == {"kind": "disk"}
    assert steps.told(["ERROR: something else"]) == {"kind": "pip", "said": "ERROR: something else"}
    assert steps.told([])["kind"] == "pip"


@given(st.lists(st.text(max_size=80), max_size=8))
def test_whatever_a_builder_says_is_one_of_ladings_errors(lines: list[str]) -> None:
    error = build_failure("serve was not built", lines, "base:1")

    assert isinstance(error, LadingError)
    assert error.what.startswith("serve was not built")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists))
def test_whatever_a_step_says_is_one_of_ladings_errors(value: object) -> None:
    kinds = ["nothing", "hash", "unlocked", "conflict", "index", "changed", "python", "loads", "x"]
    for kind in kinds:
        details = {"kind": kind, "package": value, "known": ["a"], "causes": ["b"]}

        error = build_failure("x", [f"#9 0.5 {MARK} {json.dumps(details)}"], "base:1")

        assert isinstance(error, LadingError)
        assert error.cause is None or len(error.cause) < 2000


def test_what_a_builder_says_of_its_disk_and_its_base() -> None:
    full = build_failure("x", ["write /a: no space left on device"], "b")
    other = build_failure("x", ["exec /bin/sh: exec format error"], "b")
    absent = build_failure("x", ["Error: manifest for b not found: manifest unknown"], "b")
    offline = build_failure("x", ["Error: dial tcp: lookup b: no such host"], "b")
    apt = build_failure("x", ["Err: 1 Temporary failure in name resolution"], "b")
    alone = build_failure("x", ["failed to create endpoint a on network bridge: adding"], "b")

    assert isinstance(full, LocalFailure)
    assert "disk is full" in str(full.cause)
    assert isinstance(other, Unsupported)
    assert isinstance(absent, NotFound)
    assert isinstance(offline, Unavailable)
    assert offline.what == "x: the base image b cannot be had"
    assert "--base" in str(offline.hint)
    assert isinstance(apt, Unavailable)
    assert "base" not in apt.what
    assert isinstance(alone, Unavailable)
    assert "LADING_BUILD_NETWORK" in str(alone.hint)


def test_why_a_push_failed() -> None:
    from lading.errors import AccessDenied

    assert isinstance(push_failure("x", "unauthorized: authentication required"), AccessDenied)
    assert isinstance(push_failure("x", "dial tcp: connection refused"), Unavailable)


def entry(name: str, *hashes: str) -> dict[str, object]:
    return {"name": name, "version": "1", "line": f"{name}==1", "hashes": list(hashes), "files": []}


def test_a_file_is_held_against_every_hash_of_its_package(tmp_path: Path) -> None:
    path = tmp_path / "Foo_Bar-1-py3-none-any.whl"
    path.write_bytes(b"content")
    true = f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    files = steps.chosen(tmp_path)

    assert files == {path: ("foo-bar", "1")}
    assert steps.held(files, [entry("foo-bar", "sha256:0", true)])[0]["name"] == "foo-bar"
    assert steps.held(files, [entry("foo-bar")])
    with pytest.raises(steps.Failed) as other:
        steps.held(files, [entry("foo-bar", "sha256:0", "md9:1")])
    with pytest.raises(steps.Failed) as strange:
        steps.held(files, [entry("else")])
    assert other.value.details["kind"] == "hash"
    assert strange.value.details == {"kind": "unlocked", "package": "foo-bar", "version": "1"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of an image, elsewhere."""
    for name in ("PIP", "MODEL", "ADDED", "WHEELS", "HERE"):
        monkeypatch.setattr(steps, name, tmp_path / name.lower())
    (tmp_path / "here").mkdir()
    return tmp_path


def test_pip_chooses_what_the_lock_pins_and_nothing_else(
    place: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    division = divide(packed.lock(index.folder), ("tariff",), python="3.11")
    for name, raw in division.files().items():
        (place / "here" / name).write_bytes(raw)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)

    steps.python("{}.{}".format(*sys.version_info[:2]))
    steps.base()
    base = steps.installed()
    steps.train()

    assert base == {"rates": "1.2", "tariff": "2.0"}
    assert steps.installed() == {"rates": "1.2", "tariff": "2.0", "tuner": "3.0"}
    added = {path.name for path in (place / "added").rglob("*.dist-info")}
    assert added == {"tuner-3.0.dist-info"}
    compiled = {path.parts[-3] for path in (place / "model/lib").rglob("*.pyc")}
    assert compiled >= {"tariff", "rates", "tuner"}
    record = json.loads((place / "added/lading-packages.json").read_text())
    assert record["packages"] == steps.installed()


def test_the_steps_are_a_program_of_the_standard_library_alone(tmp_path: Path) -> None:
    program = tmp_path / "steps.py"
    program.write_bytes(Path(steps.__file__).read_bytes())

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), "python", "2.7"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.startswith(f"{MARK} ")
    assert steps.FAILED == MARK
    error = build_failure("x", done.stdout.splitlines(), "base:1")
    assert "2.7" in str(error.cause)


def test_a_server_that_would_change_the_models_packages_is_refused() -> None:
    details = {"kind": "changed", "packages": ["numpy"]}

    error = build_failure("x", [f"{MARK} {json.dumps(details)}"], "b")

    assert isinstance(error, Conflict)
    assert error.cause == "numpy"


def test_the_tests_of_packages_stay_out_of_images(place: Path) -> None:
    site = place / "model/lib/python3.13/site-packages"
    for name in ("frame/tests/test_a.py", "frame/io/tests/b.py", "frame/test/c.py", "frame/d.py"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()

    steps._remove_tests()

    left = sorted(str(path.relative_to(site)) for path in site.rglob("*.py"))
    assert left == ["frame/d.py", "frame/test/c.py"]


def test_what_loading_writes_at_home_is_no_part_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "TEMPORARY", tmp_path)
    (tmp_path / "was-there").touch()
    before = set(tmp_path.glob("*"))
    (tmp_path / ".cache/framework").mkdir(parents=True)
    (tmp_path / "file").touch()

    steps._leave_nothing(before)

    assert [path.name for path in tmp_path.iterdir()] == ["was-there"]


def test_a_model_that_ends_the_process_that_loads_it_is_said() -> None:
    line = "The command 'python -m lading.images.inside.steps loads /models' returned a"

    error = build_failure("serve was not built", [f"{line} non-zero code: 139"], "base:1")
    other = build_failure("serve was not built", [f"{line} non-zero code: 1"], "base:1")

    assert isinstance(error, Unsupported)
    assert "ended by signal 11" in str(error.cause)
    assert "signal" not in str(other)
