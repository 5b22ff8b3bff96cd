"""The lock of a version, for other tools."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from packaging.pylock import Pylock
from parts.environments import pip, wheel
from parts.recorded import LOCK_PATH, record

from lading.capture.lock import pylock
from lading.capture.lock.locked import Directory, Locked, LockedFile, Package
from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations.lock import FORMATS, Format, lock
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.environment import Environment, Python

NEEDS = Environment(python=Python(version="3.11.7"), requirements=("numpy==2.0",))
SHA = "sha256:" + "0f" * 32
FILE = LockedFile(
    "numpy-2.0-py3-none-any.whl", (SHA,), "https://files.example/numpy-2.0-py3-none-any.whl"
)
LOCK = pylock.write(Locked((Package("numpy", "2.0", "os_name == 'posix'", files=(FILE,)),)))


@pytest.fixture
def locked(model: Path, place: str, settings: Settings) -> str:
    reference = f"{place}:1.0.0"
    record(model, reference, settings, NEEDS, LOCK, name="ml/fraud")
    return reference


def test_the_lock_is_the_file_of_the_version(locked: str, settings: Settings) -> None:
    result = lock(locked, settings=settings)

    assert result.text.encode() == LOCK
    assert (result.packages, result.hashed, result.notes) == (1, True, ())
    Pylock.from_dict(tomllib.loads(result.text))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("requirements", f'numpy==2.0 ; os_name == "posix" \\\n    --hash={SHA}\n'),
        (
            "yaml",
            {
                "python": "3.11.7",
                "build_dependencies": ["pip", "setuptools", "wheel"],
                "dependencies": ['numpy==2.0 ; os_name == "posix"'],
            },
        ),
        (
            "conda",
            {
                "name": "fraud",
                "dependencies": [
                    "python=3.11.7",
                    "pip",
                    {"pip": ['numpy==2.0 ; os_name == "posix"']},
                ],
            },
        ),
    ],
)
def test_other_tools_get_it_in_their_words(
    locked: str, settings: Settings, kind: Format, expected: Any
) -> None:
    result = lock(locked, format=kind, settings=settings)

    text = result.text if kind == "requirements" else yaml.safe_load(result.text)
    assert text == expected


def test_pip_takes_the_requirements(model: Path, settings: Settings, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(wheels, "low", "1.0")
    needs = Environment(requirements=("low==1.0",))
    record(model, "ml/fraud:1.0.0", settings, needs)
    file = tmp_path / "requirements.txt"

    result = lock("ml/fraud:1.0.0", format="requirements", settings=settings)

    file.write_text(result.text)
    options = ("--dry-run", "--no-index", "--find-links", wheels, "--target", tmp_path / "t")
    assert "Would install low-1.0" in pip("install", *options, "-r", file)
    assert result.notes == ("1 of 1 packages have no hash",)


def test_pins_alone_are_a_lock_that_says_it_is_incomplete(model: Path, settings: Settings) -> None:
    record(model, "ml/fraud:1.0.0", settings, NEEDS)

    result = lock("ml/fraud:1.0.0", settings=settings)

    assert Pylock.from_dict(tomllib.loads(result.text)).packages == []
    assert "installers refuse this file" in result.notes[0]


def test_what_came_from_a_folder_is_named_and_left_out(model: Path, settings: Settings) -> None:
    ours = Package("ours", "1.0", origin=Directory("libraries/ours"))
    numpy = Package("numpy", "2.0", files=(FILE,))
    record(model, "ml/fraud:1.0.0", settings, NEEDS, pylock.write(Locked((numpy, ours))))

    for kind in FORMATS:
        result = lock("ml/fraud:1.0.0", format=cast("Format", kind), settings=settings)

        assert "ours==1.0" not in result.text
        assert "numpy" in result.text
        assert result.notes[0].startswith("ours came from a folder")


def test_a_version_that_says_nothing_has_no_lock(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(NotFound):
        lock("ml/fraud:1.0.0", settings=settings)


def test_a_format_that_is_none_is_refused(model: Path, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="no format"):
        lock("ml/fraud:1.0.0", format="npm", settings=settings)  # type: ignore[arg-type]


def test_a_lock_that_is_not_the_one_named_is_refused(model: Path, settings: Settings) -> None:
    (model / ".lading").mkdir()
    (model / LOCK_PATH).write_bytes(LOCK + b"# more\n")
    facts = {"path": LOCK_PATH, "sha256": "0" * 64, "packages": 1}
    record(
        model,
        "ml/fraud:1.0.0",
        settings,
        Environment.model_validate({"lock": facts, "requirements": ("a==1",)}),
    )

    with pytest.raises(IntegrityError, match="not the one its document names"):
        lock("ml/fraud:1.0.0", settings=settings)


@pytest.mark.parametrize("requirement", ["numpy", "numpy>=2", "a==1\nb", "???"])
def test_what_is_not_pinned_is_no_lock(model: Path, settings: Settings, requirement: str) -> None:
    record(model, "ml/fraud:1.0.0", settings, Environment(requirements=(requirement,)))

    with pytest.raises(InvalidInput, match="not pinned"):
        lock("ml/fraud:1.0.0", settings=settings)
