"""check-env and lock as their users start them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from parts.command import Command
from parts.environments import environment, wheel
from parts.recorded import record_captured

from lading.capture.environment import capture
from lading.settings import Settings


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    wheel(folder, "framework", "1.4.0", requires=["low"])
    wheel(folder, "framework", "1.5.0", requires=["low"])
    wheel(folder, "low", "1.0")
    return folder


@pytest.fixture
def saved(lading: Command, model: Path, wheels: Path, tmp_path: Path) -> Path:
    """The environment that ml/fraud:1.0.0 was made in."""
    prefix = environment(tmp_path / "training", wheels, "framework==1.4.0")
    captured = capture(roots=["framework"], project=tmp_path, interpreter=prefix)
    own = lading.environment
    settings = Settings(home=Path(own["LADING_HOME"]), cache=Path(own["LADING_CACHE"]))
    record_captured(model, "ml/fraud:1.0.0", settings, captured)
    return prefix


def test_a_changed_framework_is_caught(
    lading: Command, saved: Path, wheels: Path, tmp_path: Path
) -> None:
    serving = environment(tmp_path / "serving", wheels, "framework==1.5.0")

    same = lading("check-env", "ml/fraud:1.0.0", "--python", saved)
    other = lading("check-env", "ml/fraud:1.0.0", "--python", serving)

    assert same.returncode == 0, same.stderr
    assert "2 packages of 2 equal" in same.stdout
    assert other.returncode == 1
    assert other.stderr == ""
    (row,) = (line for line in other.stdout.splitlines() if line.startswith("  framework"))
    assert row.split()[:4] == ["framework", "1.4.0", "1.5.0", "yes"]
    assert "1 package of 2 equal" in other.stdout


def test_fix_prints_the_command_and_nothing_else(
    lading: Command, saved: Path, wheels: Path, tmp_path: Path
) -> None:
    serving = environment(tmp_path / "serving", wheels, "framework==1.5.0")

    same = lading("check-env", "ml/fraud:1.0.0", "--python", saved, "--fix")
    other = lading("check-env", "ml/fraud:1.0.0", "--python", serving, "--fix")

    python = serving / "bin" / "python"
    assert (same.returncode, same.stdout) == (0, "")
    assert other.returncode == 1
    (line,) = other.stdout.splitlines()
    assert line.startswith(f"uv pip install --python {python}")
    assert line.endswith(" framework==1.4.0")


def test_machines_are_told_everything(lading: Command, saved: Path) -> None:
    done = lading("check-env", "ml/fraud:1.0.0", "--json")

    value = json.loads(done.stdout)
    assert done.returncode == 1
    assert value["verdict"] == "incompatible"
    assert {package["state"] for package in value["packages"]} == {"missing"}
    assert value["fix"][0].startswith(f"{sys.executable} -m pip install ")


def test_without_a_recorded_environment_it_says_so(lading: Command, model: Path) -> None:
    lading("push", model, "ml/fraud:1.0.0", "--without", "environment")

    for verb in ("check-env", "lock"):
        done = lading(verb, "ml/fraud:1.0.0")

        assert done.returncode == 3
        assert "does not say what it needs" in done.stderr
        assert "hint:" in done.stderr


def test_a_lock_is_printed_and_written_once(lading: Command, saved: Path, tmp_path: Path) -> None:
    printed = lading("lock", "ml/fraud:1.0.0", "--format", "requirements")
    file = tmp_path / "requirements.txt"

    written = lading("lock", "ml/fraud:1.0.0", "--format", "requirements", "-o", file)
    refused = lading("lock", "ml/fraud:1.0.0", "-o", file)
    forced = lading("lock", "ml/fraud:1.0.0", "-o", file, "--force", "--json")

    assert printed.stdout == "framework==1.4.0\nlow==1.0\n"
    assert "2 of 2 packages have no hash" in printed.stderr
    assert (written.returncode, written.stdout) == (0, "")
    assert refused.returncode == 7
    assert "--force" in refused.stderr
    assert json.loads(forced.stdout)["text"] == file.read_text()
    assert file.read_text().startswith("# Of some packages")


def test_a_format_that_is_none_is_refused_with_those_that_are(lading: Command) -> None:
    done = lading("lock", "ml/fraud:1.0.0", "--format", "npm")

    assert done.returncode == 2
    assert "pylock, requirements, yaml, conda" in done.stderr
