"""A model saved in one environment, and loaded and checked in another: two real environments.

The framework is a small one of our own, in two releases that do not answer alike, and its package
brings the adapter, as anybody's would.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from parts.command import Command
from parts.environments import build, environment, source

REFERENCE = "ml/rule:1.0.0"

# What differs from release to release is whether the threshold itself is above.
FRAMEWORK = '''
"""Rules: whether a number is above another."""

import json

from lading.frameworks import Saved

VERSION = "{version}"


class Rule:
    def __init__(self, threshold):
        self.threshold = threshold

    def predict(self, columns):
        return [bool(amount {above} self.threshold) for amount in columns["amount"]]


class Rules:
    name = framework = "tinyframe"
    distributions = ("tinyframe",)

    def takes(self, model):
        return isinstance(model, Rule)

    def save(self, model, folder, options):
        (folder / "rule.json").write_text(json.dumps(model.threshold))
        return Saved({{}}, "json", "Rule", VERSION, roots=("tinyframe",))

    def load(self, folder, how, options):
        return Rule(json.loads((folder / "rule.json").read_text()))

    def predict(self, model, data):
        return model.predict(data)
'''
SAVE = f"""
import lading, tinyframe

columns = {{"amount": [1.0, 10.0]}}
saved = lading.save(tinyframe.Rule(10.0), "{REFERENCE}", input_example=columns)
print(saved.status)
"""
# Loads twice, as a server would.
LOAD = f"""
import json, warnings
import lading

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        loaded = lading.load("{REFERENCE}")
said = [str(each.message) for each in caught if each.category is lading.EnvironmentWarning]
print(json.dumps([loaded.predict({{"amount": [11.0]}}), loaded.document.framework.version, said]))
"""


@dataclass(frozen=True)
class Place:
    """One environment, and the registry and the cache that both share."""

    prefix: Path
    folder: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its Python to the end."""
        return subprocess.run(
            [self.prefix / "bin" / "python", *arguments],
            cwd=self.folder,
            env=Command(self.folder).environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def says(self, code: str) -> str:
        """What a program prints there."""
        done = self.python("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lading(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line of that environment."""
        return self.python("-m", "lading", *arguments)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Place]:
    """Where a model was saved with tinyframe 1.4.0, and an environment with 2.0.0."""
    folder = tmp_path_factory.mktemp("two")
    for version, above in (("1.4.0", ">="), ("2.0.0", ">")):
        package = source(folder / f"source-{version}", "tinyframe", version)
        (package / "tinyframe" / "__init__.py").write_text(
            FRAMEWORK.format(version=version, above=above)
        )
        with (package / "pyproject.toml").open("a") as file:
            file.write('[project.entry-points."lading.frameworks"]\n')
            file.write('tinyframe = "tinyframe:Rules"\n')
        build(folder / "wheels", package)
    work = folder / "work"
    work.mkdir()
    training = Place(_made(folder, "1.4.0"), work)
    assert training.says(SAVE) == "created\n"
    return training, Place(_made(folder, "2.0.0"), work)


def _made(folder: Path, version: str) -> Path:
    prefix = environment(folder / f"with-{version}", folder / "wheels", f"tinyframe=={version}")
    # What Lading itself needs is seen from where the tests run.
    (found,) = prefix.glob("lib/python*/site-packages")
    (found / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return prefix


def test_where_it_was_saved_nothing_differs(places: tuple[Place, Place]) -> None:
    training, _ = places

    checked = training.lading("check-env", REFERENCE)
    answer, version, warned = json.loads(training.says(LOAD))

    assert checked.returncode == 0, checked.stderr
    assert (answer, version, warned) == ([True], "1.4.0", [])


def test_another_release_of_the_framework_is_caught(places: tuple[Place, Place]) -> None:
    _, serving = places

    checked = serving.lading("--json", "check-env", REFERENCE)

    assert checked.returncode == 1, checked.stderr
    told = json.loads(checked.stdout)
    assert told["verdict"] == "incompatible"
    (found,) = (each for each in told["packages"] if each["state"] != "equal")
    assert (found["name"], found["running"], found["recorded"]) == ("tinyframe", "2.0.0", "1.4.0")
    assert any("tinyframe==1.4.0" in command for command in told["fix"])


def test_loading_warns_once_and_gives_the_model(places: tuple[Place, Place]) -> None:
    _, serving = places

    answer, version, warned = json.loads(serving.says(LOAD))

    assert (answer, version) == ([True], "1.4.0")
    (text,) = warned
    assert "tinyframe 2.0.0 instead of 1.4.0" in text


def test_the_recorded_answer_tells_the_two_apart(places: tuple[Place, Place]) -> None:
    training, serving = places

    there = training.lading("reproduce", REFERENCE, "--check")
    here = serving.lading("reproduce", REFERENCE, "--check")

    assert there.returncode == 0, there.stderr
    assert here.returncode == 1, here.stderr
    assert "does not answer as it did" in here.stdout
    assert "tinyframe 2.0.0 instead of 1.4.0" in here.stderr
