"""Distributions found in real environments, without importing any of them."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest
from parts.environments import environment, pip, source, uv, wheel

from lading.capture.installed import Installed
from lading.capture.interpreter import Interpreter
from lading.errors import InvalidInput


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "Odd.Name-pkg", "1.0", module="plain")
    wheel(folder, "shared-one", "1.0", module="shared.one")
    wheel(folder, "shared-two", "2.0", module="shared.two")
    return folder


@pytest.fixture(scope="module")
def own() -> Installed:
    return Interpreter.of(None).installed


def test_modules_are_found_as_the_standard_library_finds_them(own: Installed) -> None:
    expected = importlib.metadata.packages_distributions()
    names = [name for name in expected if name.isidentifier() and not name.startswith("_")]
    alike = 0

    for name in names:
        found = {each.name for each in own.providing(name)}
        truth = {each.lower().replace("_", "-").replace(".", "-") for each in expected[name]}
        assert found <= truth or name == "lading", name
        alike += found == truth

    assert len(names) > 60
    # Where the distribution of the very name has it, others that bring it, too, are not looked for.
    assert alike >= len(names) - 8


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn", "scikit-learn"),
        ("xgboost", "xgboost-cpu"),
        ("yaml", "pyyaml"),
        ("PIL", "pillow"),
        ("google.protobuf.message", "protobuf"),
        ("numpy.linalg", "numpy"),
    ],
)
def test_a_module_of_another_name_is_found(own: Installed, module: str, name: str) -> None:
    assert [each.name for each in own.providing(module)] == [name]


def test_versions_are_those_of_the_metadata(own: Installed) -> None:
    truth = {
        each.metadata["Name"].lower().replace("_", "-").replace(".", "-"): each.version
        for each in importlib.metadata.distributions()
    }

    assert own.versions() == truth


def test_a_shared_name_is_told_apart_by_what_follows(wheels: Path, tmp_path: Path) -> None:
    prefix = environment(tmp_path / "env", wheels, "shared-one", "shared-two")

    installed = Interpreter.of(prefix).installed

    assert [each.name for each in installed.providing("shared.two.inner")] == ["shared-two"]
    assert {each.name for each in installed.providing("shared")} == {"shared-one", "shared-two"}
    assert installed.providing("share") == ()


def test_a_folder_that_pip_installed_into_is_read(wheels: Path, tmp_path: Path) -> None:
    (file,) = wheels.glob("odd_name*.whl")
    pip("install", "--no-index", "--no-deps", "--target", tmp_path / "packages", file)

    installed = Installed([tmp_path / "packages", tmp_path / "not there"])

    (found,) = installed.providing("plain")
    assert (found.name, found.version) == ("odd-name-pkg", "1.0")
    assert installed.find("ODD_name.PKG") is found
    assert len(installed) == 1


def test_an_editable_installation_is_found_by_its_module(wheels: Path, tmp_path: Path) -> None:
    prefix = environment(tmp_path / "env", wheels)
    project = source(tmp_path / "project", "My-Project", module="mine")
    command = ("pip", "install", "--no-index", "--no-deps", "--python", prefix)
    # hatchling is there for the build alone.
    pure = next(path for path in sys.path if path.endswith("site-packages"))
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    (packages / "builders.pth").write_text(pure)
    uv(*command, "--no-build-isolation", "-e", project)
    (packages / "builders.pth").unlink()

    (found,) = Interpreter.of(prefix).installed.providing("mine")

    assert found.name == "my-project"
    assert found.is_editable


def test_an_egg_that_older_tools_left_is_read(tmp_path: Path) -> None:
    egg = tmp_path / "Old_Tool-0.9-py3.11.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: Old-Tool\nVersion: 0.9\n\nLong")
    (egg / "requires.txt").write_text("six\n\n[fast]\nnumpy\n\n[:python_version < '3']\nenum34\n")
    (egg / "installed-files.txt").write_text("../oldtool/__init__.py\n../oldtool/data.txt\n")
    lone = tmp_path / "single-1.2.egg-info"
    lone.write_text("Metadata-Version: 1.1\nName: single\nVersion: 1.2\n")

    installed = Installed([tmp_path])

    (found,) = installed.providing("oldtool")
    assert (found.name, found.version) == ("old-tool", "0.9")
    assert found.requires == (
        "six",
        'numpy ; extra == "fast"',
        "enum34 ; (python_version < '3')",
    )
    assert installed.versions() == {"old-tool": "0.9", "single": "1.2"}


def test_damaged_metadata_is_what_is_lacking(tmp_path: Path) -> None:
    (tmp_path / "bad-1.0.dist-info").mkdir()
    (tmp_path / "bad-1.0.dist-info" / "direct_url.json").write_text("[" * 100_000)
    (tmp_path / "bad-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00" * 100)
    (tmp_path / "-info").mkdir()
    (tmp_path / ".dist-info").mkdir()

    found = Installed([tmp_path]).find("bad")

    assert found
    assert (found.version, found.requires, found.direct_url) == ("1.0", (), None)
    assert not found.provides("bad")


def test_another_interpreter_says_what_this_one_would(tmp_path: Path) -> None:
    own = Interpreter.of(None)

    other = Interpreter.of(Path(sys.executable))

    assert other.markers == own.markers
    assert other.abi == own.abi == f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert json.dumps(own.python.as_json()) == json.dumps(other.python.as_json())


@pytest.mark.parametrize("script", ["exit 3", "echo not json", "echo '{}'", "echo '[[]]'"])
def test_what_does_not_answer_as_python_is_refused(tmp_path: Path, script: str) -> None:
    program = tmp_path / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    with pytest.raises(InvalidInput, match="does not answer as Python does"):
        Interpreter.of(program)


def test_an_interpreter_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python-of-ours").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Interpreter.of(Path("python-of-ours")).python == Interpreter.of(None).python


def test_a_finder_of_an_editable_installation_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "project" / "src" / "mine").mkdir(parents=True)
    folder = tmp_path / "packages" / "mine_project-1.0.dist-info"
    folder.mkdir(parents=True)
    url = {"url": (tmp_path / "project").as_uri(), "dir_info": {"editable": True}}
    (folder / "direct_url.json").write_text(json.dumps(url))
    (folder / "RECORD").write_text("__editable___mine_finder.py,,\nx\0.pth,,\n")
    (folder / "METADATA").write_text("Name: mine-project\nVersion: 1.0\n")

    installed = Installed([tmp_path / "packages"])

    assert [each.name for each in installed.providing("mine")] == ["mine-project"]
    assert installed.providing("other") == ()


def test_a_folder_without_an_interpreter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no Python"):
        Interpreter.of(tmp_path)
