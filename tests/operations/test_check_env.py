"""A model saved in one environment and checked in another."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parts.environments import environment, wheel
from parts.recorded import record, record_captured

from lading.capture.environment import capture
from lading.errors import InvalidInput, NotFound
from lading.operations.check_env import check_env
from lading.operations.publishing.captured import NOTHING
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.environment import Environment


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.4.0", "1.4.2", "1.5.0"):
        wheel(folder, "framework", version, requires=["low"])
    for version in ("1.0", "2.0"):
        wheel(folder, "low", version)
    return folder


@pytest.fixture
def saved(wheels: Path, model: Path, settings: Settings, tmp_path: Path) -> str:
    """A version made with framework 1.4.0 and low 1.0."""
    prefix = environment(tmp_path / "training", wheels, "framework==1.4.0", "low==1.0")
    captured = capture(roots=["framework"], project=tmp_path, interpreter=prefix)
    record_captured(model, "ml/fraud:1.0.0", settings, captured)
    return "ml/fraud:1.0.0"


def test_the_same_environment_is_equal(saved: str, settings: Settings, tmp_path: Path) -> None:
    result = check_env(saved, interpreter=tmp_path / "training", settings=settings)

    assert result.verdict == "equal"
    assert [each.state for each in result.packages] == ["equal", "equal"]
    assert result.fix == ()
    assert result.notes == ()


def test_another_minor_version_of_the_framework_is_caught_and_mended(
    saved: str, wheels: Path, settings: Settings, tmp_path: Path
) -> None:
    prefix = environment(tmp_path / "serving", wheels, "framework==1.5.0", "low==2.0")

    result = check_env(saved, interpreter=prefix, settings=settings)

    assert result.verdict == "incompatible"
    framework, low = result.packages
    assert (framework.recorded, framework.running) == ("1.4.0", "1.5.0")
    assert "minor version differs" in (framework.why or "")
    assert low.matters
    # Environments of uv have no pip, so its own command comes first; it runs as it is.
    assert result.fix[0].startswith("uv pip install ")
    program = Path(sys.executable).with_name("uv")
    options = ["--offline", "--no-config", "--no-cache", "--no-index", f"--find-links={wheels}"]
    subprocess.run([program, *shlex.split(result.fix[0])[1:], *options], check=True)
    assert check_env(saved, interpreter=prefix, settings=settings).verdict == "equal"


def test_another_patch_of_the_framework_differs_and_does_not_matter(
    saved: str, wheels: Path, settings: Settings, tmp_path: Path
) -> None:
    prefix = environment(tmp_path / "serving", wheels, "framework==1.4.2", "low==1.0")

    result = check_env(saved, interpreter=prefix, settings=settings)

    assert result.verdict == "differs"
    assert [each.name for each in result.packages if each.state != "equal"] == ["framework"]
    assert "framework==1.4.0" in result.fix[0]
    assert "low" not in result.fix[0]


def test_what_is_missing_matters(
    saved: str, wheels: Path, settings: Settings, tmp_path: Path
) -> None:
    result = check_env(saved, interpreter=environment(tmp_path / "e", wheels), settings=settings)

    assert result.verdict == "incompatible"
    assert {each.state for each in result.packages} == {"missing"}


def test_scikit_learn_of_another_minor_version_is_caught(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    captured = capture(roots=["sklearn"], project=tmp_path)
    record_captured(model, "ml/iris:1.0.0", settings, captured)
    # The environment that serves has all that this one has, but another scikit-learn.
    prefix = environment(tmp_path / "serving", tmp_path)
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    for pin in captured.environment.requirements:
        name = pin.partition("==")[0].replace("-", "_")
        (own,) = (p for path in sys.path for p in Path(path).glob(f"{name}-*.dist-info"))
        shutil.copytree(own, packages / own.name)
    (folder,) = packages.glob("scikit_learn-*.dist-info")
    metadata = (folder / "METADATA").read_text()
    recorded = folder.name.split("-")[1].removesuffix(".dist")

    same = check_env("ml/iris:1.0.0", interpreter=prefix, settings=settings)
    folder.rename(packages / "scikit_learn-1.2.3.dist-info")
    (packages / "scikit_learn-1.2.3.dist-info" / "METADATA").write_text(
        metadata.replace(f"Version: {recorded}", "Version: 1.2.3", 1)
    )
    other = check_env("ml/iris:1.0.0", interpreter=prefix, settings=settings)

    assert same.verdict == "equal"
    assert other.verdict == "incompatible"
    (found,) = (each for each in other.packages if each.state != "equal")
    assert (found.name, found.running, found.recorded) == ("scikit-learn", "1.2.3", recorded)


def test_what_came_from_a_folder_is_not_fetched_from_an_index(
    model: Path, settings: Settings
) -> None:
    needs = Environment(requirements=("ours==1.0", "other==1.0"), unindexed=("ours",))
    record(model, "ml/fraud:1.0.0", settings, needs)

    result = check_env("ml/fraud:1.0.0", settings=settings)

    assert all("ours" not in command and "other==1.0" in command for command in result.fix)
    assert result.notes == ("ours came from no index: lading lock says from where",)


@pytest.mark.parametrize(
    "pin",
    ["a==1;touch${IFS}x", "a==$(id)", "a==1 --index-url=https://x.example", "-r==1", "a==`id`"],
)
def test_no_recorded_text_becomes_more_of_a_command(
    model: Path, settings: Settings, pin: str
) -> None:
    record(model, "ml/fraud:1.0.0", settings, Environment(requirements=(pin,)))

    result = check_env("ml/fraud:1.0.0", settings=settings)

    words = [word for command in result.fix for word in shlex.split(command)]
    assert not any(part in word for word in words for part in ("$", "`", ";", "index-url", "-r=="))


def test_a_version_that_says_nothing_has_nothing_to_compare(
    model: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", capture=NOTHING, settings=settings)

    with pytest.raises(NotFound, match="does not say what it needs") as caught:
        check_env("ml/fraud:1.0.0", settings=settings)

    assert caught.value.hint


def test_an_interpreter_that_is_none_is_refused(
    saved: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput):
        check_env(saved, interpreter=tmp_path / "nowhere", settings=settings)
