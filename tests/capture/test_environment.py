"""What is captured of real environments and projects."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from parts.environments import environment, source, uv, wheel

from lading.capture.environment import CapturedEnvironment, capture, lock_facts
from lading.capture.lock import pylock
from lading.capture.lock.locked import Archive, Directory, Locked, Package, Vcs
from lading.errors import InvalidInput

SHA = "sha256:" + "0f" * 32


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "low", "1.0")
    wheel(folder, "framework", "3.0", requires=["low"], extras={"fast": ["engine"]})
    wheel(folder, "engine", "2.0", module="motor")
    wheel(folder, "unrelated", "1.0")
    wheel(folder, "labelled", "1.0+cpu")
    return folder


@pytest.fixture(scope="module")
def prefix(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with all of these."""
    names = ("framework", "engine", "unrelated", "labelled")
    return environment(tmp_path_factory.mktemp("env") / "env", wheels, *names)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def packages(captured: CapturedEnvironment) -> dict[str, Package]:
    assert captured.lock
    return {package.name: package for package in pylock.read(captured.lock, "it").packages}


def test_what_the_model_needs_is_pinned_and_nothing_else(prefix: Path, project: Path) -> None:
    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    needs = captured.environment
    assert needs.requirements == ("framework==3.0", "low==1.0")
    assert needs.direct == ("framework",)
    assert needs.python
    assert needs.python.version == ".".join(map(str, sys.version_info[:3]))
    assert needs.platform
    assert needs.platform.system == sys.platform
    assert captured.source == "installed"
    assert captured.notes == ()


def test_the_lock_is_valid_and_its_facts_are_true(prefix: Path, project: Path) -> None:
    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    assert captured.lock
    facts = lock_facts(captured.lock, ".lading/pylock.toml", captured.source)
    Pylock.from_dict(tomllib.loads(captured.lock.decode()))
    assert facts.as_json() == {
        "path": ".lading/pylock.toml",
        "sha256": hashlib.sha256(captured.lock).hexdigest(),
        "packages": 2,
        "source": "installed",
    }


def test_the_code_imports_count_and_what_is_not_there_is_a_note(
    prefix: Path, project: Path
) -> None:
    (project / "own.py").write_text("")
    code = project / "code"
    code.mkdir()
    (code / "predict.py").write_text("import motor, own, os, absent, lading\nfrom . import near\n")

    captured = capture(
        roots=["framework", "gone"],
        code=[code / "predict.py"],
        project=project,
        interpreter=prefix,
    )

    assert captured.environment.direct == ("engine", "framework")
    assert captured.environment.requirements == ("engine==2.0", "framework==3.0", "low==1.0")
    assert captured.notes == (
        "the model needs gone, which is not installed",
        "the code imports absent, which is not installed",
    )


def test_extras_are_followed_where_they_are_asked_for(prefix: Path, project: Path) -> None:
    captured = capture(roots=["framework[fast]"], project=project, interpreter=prefix)

    assert "engine==2.0" in captured.environment.requirements


def test_a_local_label_is_kept_and_noted(prefix: Path, project: Path) -> None:
    captured = capture(roots=["labelled"], project=project, interpreter=prefix)

    assert captured.environment.requirements == ("labelled==1.0+cpu",)
    assert captured.notes == ("labelled 1.0+cpu has a local label: not every index has it",)


def test_the_projects_lock_is_taken_with_its_hashes(prefix: Path, project: Path) -> None:
    lines = [f"{name} --hash={SHA}" for name in ("framework==3.0", "low==1.0", "more==9.0")]
    (project / "requirements.txt").write_text("\n".join(lines))

    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    assert captured.source == "requirements.txt"
    assert captured.environment.requirements == ("framework==3.0", "low==1.0", "more==9.0")
    assert captured.lock
    assert lock_facts(captured.lock, "x", captured.source).hashed
    assert captured.notes == ()


def test_a_lock_that_disagrees_is_named(prefix: Path, project: Path) -> None:
    lines = [f"{name} --hash={SHA}" for name in ("framework==3.0", "low==0.9")]
    (project / "requirements.lock").write_text("\n".join(lines))

    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    assert captured.notes == (
        "requirements.lock and what is installed differ: low 0.9 in the lock, 1.0 installed",
    )
    # The lock is the project's; what the model was made with is what is installed.
    assert packages(captured)["low"].version == "0.9"
    assert "low==1.0" in captured.environment.requirements


def test_a_lock_without_the_framework_gives_its_hashes_alone(prefix: Path, project: Path) -> None:
    (project / "requirements.lock").write_text(f"low==1.0 --hash={SHA}\n")

    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    assert captured.source == "installed"
    assert packages(captured)["low"].hashes == (SHA,)
    assert packages(captured)["framework"].hashes == ()
    assert "requirements.lock does not have framework" in captured.notes[0]


def test_a_damaged_lock_is_a_note(prefix: Path, project: Path) -> None:
    (project / "uv.lock").write_bytes(b"\xff\xfe")
    (project / "pylock.toml").mkdir()

    captured = capture(roots=["framework"], project=project, interpreter=prefix)

    assert captured.source == "installed"
    assert len(captured.notes) == 1
    assert captured.notes[0].startswith("uv.lock was not taken for the lock: ")


def direct_url(prefix: Path, name: str, told: object, tmp_path: Path) -> Path:
    """A copy of an environment in which a distribution says that it came from somewhere."""
    copied = tmp_path / "copied"
    uv("venv", copied, "--python", sys.executable)
    (theirs,) = prefix.glob("lib/python3.*/site-packages")
    (ours,) = copied.glob("lib/python3.*/site-packages")
    subprocess.run(["cp", "-r", f"{theirs}/.", ours], check=True)
    (folder,) = ours.glob(f"{name}-*.dist-info")
    (folder / "direct_url.json").write_text(json.dumps(told))
    return copied


def test_a_commit_is_recorded_without_credentials(
    prefix: Path, project: Path, tmp_path: Path
) -> None:
    vcs = {"vcs": "git", "commit_id": "a" * 40, "requested_revision": "main"}
    told = {"url": "https://ada:secret@git.example/low.git", "vcs_info": vcs}
    copied = direct_url(prefix, "low", told, tmp_path)

    captured = capture(roots=["low"], project=project, interpreter=copied)

    assert packages(captured)["low"].origin == Vcs(
        "git", "https://git.example/low.git", "a" * 40, "main"
    )
    assert captured.environment.unindexed == ("low",)
    assert captured.lock
    assert b"secret" not in captured.lock
    Pylock.from_dict(tomllib.loads(captured.lock.decode()))


def test_an_archive_is_recorded_with_its_hash(prefix: Path, project: Path, tmp_path: Path) -> None:
    url = "https://files.example/low-1.0-py3-none-any.whl"
    told = {"url": url, "archive_info": {"hash": SHA.replace(":", "=")}}
    copied = direct_url(prefix, "low", told, tmp_path)

    captured = capture(roots=["low"], project=project, interpreter=copied)

    assert packages(captured)["low"].origin == Archive(url, (SHA,))
    assert packages(captured)["low"].is_hashed


def test_the_folder_that_conda_built_in_is_not_where_it_came_from(
    prefix: Path, project: Path, tmp_path: Path
) -> None:
    told = {"url": "file:///home/conda/feedstock_root/low", "dir_info": {}}
    copied = direct_url(prefix, "low", told, tmp_path)
    (folder,) = copied.glob("lib/python3.*/site-packages/low-*.dist-info")
    (folder / "INSTALLER").write_text("conda\n")

    captured = capture(roots=["low"], project=project, interpreter=copied)

    assert packages(captured)["low"].origin is None


def test_an_editable_installation_is_a_folder_of_the_project(
    wheels: Path, project: Path, tmp_path: Path
) -> None:
    copied = environment(tmp_path / "env", wheels, "low")
    own = source(project / "library", "library", "0.3", requires=["low"])
    (packages_folder,) = copied.glob("lib/python3.*/site-packages")
    pure = next(path for path in sys.path if path.endswith("site-packages"))
    (packages_folder / "builders.pth").write_text(pure)
    uv("pip", "install", "--no-deps", "--no-build-isolation", "--python", copied, "-e", own)
    (packages_folder / "builders.pth").unlink()

    captured = capture(roots=["library"], project=project, interpreter=copied)

    assert packages(captured)["library"].origin == Directory("library", editable=True)
    assert captured.environment.requirements == ("library==0.3", "low==1.0")
    assert captured.notes == (
        "library comes from library on this machine: others cannot install it",
    )


def test_the_project_itself_is_no_reason_to_leave_its_lock(wheels: Path, tmp_path: Path) -> None:
    copied = environment(tmp_path / "env", wheels, "low")
    own = source(tmp_path / "project", "project", "0.3", module="mine", requires=["low"])
    (packages_folder,) = copied.glob("lib/python3.*/site-packages")
    pure = next(path for path in sys.path if path.endswith("site-packages"))
    (packages_folder / "builders.pth").write_text(pure)
    uv("pip", "install", "--no-deps", "--no-build-isolation", "--python", copied, "-e", own)
    (packages_folder / "builders.pth").unlink()
    (own / "requirements.lock").write_text(f"low==1.0 --hash={SHA}\n")
    (own / "train.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": "from mine import VERSION"}]})
    )
    (own / "elsewhere").mkdir()
    (own / "train.ipynb").rename(own / "elsewhere" / "train.ipynb")

    captured = capture(
        roots=[], code=[own / "elsewhere" / "train.ipynb"], project=own, interpreter=copied
    )

    assert captured.source == "requirements.lock"
    assert captured.environment.requirements == ("low==1.0", "project==0.3")
    assert captured.environment.unindexed == ("project",)
    assert captured.notes == ("project is the project itself: its code must come with the model",)


def with_pip(wheels: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose pip looks for packages in the folder of wheels alone."""
    # The interpreter that environments are made of has a pip, which this one may use.
    prefix = folder / "pip-env"
    uv("venv", "--system-site-packages", "--python", sys.executable, prefix)
    command = ("pip", "install", "--no-index", "--find-links", wheels, "--python", prefix)
    uv(*command, "framework")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return prefix


def test_hashes_are_asked_of_pip_where_somebody_wants_them(
    wheels: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = with_pip(wheels, tmp_path, monkeypatch)

    plain = capture(roots=["framework"], project=project, interpreter=prefix)
    hashed = capture(roots=["framework"], project=project, interpreter=prefix, resolve_hashes=True)
    monkeypatch.setenv("PIP_FIND_LINKS", str(project))
    failed = capture(roots=["framework"], project=project, interpreter=prefix, resolve_hashes=True)

    (file,) = wheels.glob("framework-*.whl")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert packages(plain)["framework"].hashes == ()
    assert packages(hashed)["framework"].hashes == (f"sha256:{digest}",)
    assert hashed.notes == ()
    assert packages(failed)["framework"].hashes == ()
    assert failed.notes[0].startswith("no hashes were found: ERROR: ")


def test_an_interpreter_that_is_none_is_refused(project: Path) -> None:
    with pytest.raises(InvalidInput):
        capture(roots=[], project=project, interpreter=project / "nothing")


def test_nothing_needed_is_no_lock(project: Path) -> None:
    captured = capture(roots=[], project=project)

    assert captured.lock is None
    assert captured.environment.requirements == ()


def test_frameworks_are_not_imported_and_names_are_translated(project: Path) -> None:
    script = (
        "import sys, pathlib; from lading.capture.environment import capture\n"
        f"c = capture(roots=['sklearn', 'xgboost'], project=pathlib.Path({str(project)!r}))\n"
        "print(*c.environment.direct, *({'numpy', 'sklearn', 'xgboost'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["scikit-learn", "xgboost-cpu"]


def test_lock_facts_refuse_what_is_no_lock() -> None:
    with pytest.raises(InvalidInput):
        lock_facts(b"nonsense", "x", None)


def test_an_empty_lock_has_no_hashes() -> None:
    assert not lock_facts(pylock.write(Locked(())), "x", None).hashed
