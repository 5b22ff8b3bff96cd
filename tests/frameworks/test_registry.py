"""Which adapters there are, and who is asked for which model."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import pytest
import sklearn.linear_model
import xgboost
from frameworks.fresh import SOURCE

from lading.errors import InvalidInput, LocalFailure
from lading.frameworks import installed, registry
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.registry import (
    adapter,
    adapter_for,
    adapters,
    framework_roots,
    register,
)

PROJECT = SOURCE.parent / "pyproject.toml"

ACME = """
class Model: pass

class Acme:
    name = "acme"
    framework = "acme"
    distributions = ()
    def takes(self, model): return type(model).__name__ == "Model"
    def save(self, model, folder, options): ...
    def load(self, folder, how, options): ...
    def predict(self, model, data): ...
"""


class Own:
    """An adapter of this process."""

    name = "own"
    framework = "own-framework"
    distributions: tuple[str, ...] = ()

    def takes(self, model: object) -> bool:
        return isinstance(model, sklearn.linear_model.Ridge)

    def save(self, model: object, folder: Path, options: SaveOptions) -> Saved:
        raise NotImplementedError

    def load(self, folder: Path, how: Mapping[str, Any], options: LoadOptions) -> object:
        raise NotImplementedError

    def predict(self, model: object, data: object) -> object:
        raise NotImplementedError


class Lacking(Own):
    """An adapter of a framework that is not here."""

    name = "lacking"
    distributions = ("no_such_framework",)


class OwnBooster(xgboost.XGBRegressor):  # type: ignore[misc]
    """A model whose class inherits from two frameworks."""


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_of_this_process", {})


def install(folder: Path, package: str, entry: str, code: str) -> None:
    """A package with an adapter, as an installer leaves it."""
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[lading.frameworks]\n{entry}\n")
    (folder / f"{package}.py").write_text(code)


def test_nothing_of_a_framework_is_imported_to_ask() -> None:
    code = (
        "import sys\n"
        "from lading.frameworks.registry import adapter_for, adapters\n"
        "class Model:\n"
        "    def predict(self, data): ...\n"
        "assert adapter_for(Model()).name == 'python'\n"
        "print([name for name in adapters() if name in sys.modules], 'pydantic' in sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[] False\n"


def test_the_table_and_the_entry_points_say_the_same() -> None:
    project = tomllib.loads(PROJECT.read_text())

    declared = project["project"]["entry-points"]["lading.frameworks"]

    assert declared == {name: it.value for name, it in adapters().items()}


@pytest.mark.parametrize("name", sorted(registry._OWN))
def test_every_own_adapter_is_called_as_it_is_registered(name: str) -> None:
    found = adapters()[name].load()

    assert found.name == name
    assert not found.takes(object())


def test_whoever_inherits_from_two_frameworks_goes_to_the_nearer() -> None:
    assert adapter_for(OwnBooster()).name == "xgboost"
    assert adapter_for(lightgbm.LGBMRegressor()).name == "lightgbm"
    assert adapter_for(sklearn.linear_model.Ridge()).name == "sklearn"


def test_a_name_that_nobody_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="sklearn") as refused:
        adapter("sklern")

    assert "'sklern'" in refused.value.what


def test_a_framework_that_is_missing_comes_with_its_command() -> None:
    register(Lacking())

    with pytest.raises(LocalFailure, match="no_such_framework is not installed") as refused:
        adapter("lacking", "1.2.3")

    assert refused.value.hint == "pip install no_such_framework==1.2.3"


@pytest.mark.parametrize(
    ("module", "version", "pins", "named"),
    [
        ("torch", "2.13.0+cpu", (), "torch==2.13.0"),
        ("torch", "2.13.0+cpu", ("torch==2.12.0+cu130",), "torch==2.12.0"),
        ("xgboost", "3.2.0", ("numpy==2.1.0", "xgboost_cpu==3.2.0"), "xgboost-cpu==3.2.0"),
        ("xgboost", "3.2.0", ("xgboost-cpu>=3", "evil==1.0"), "xgboost==3.2.0"),
        ("sklearn", None, ("scikit-learn==1.9.0",), "scikit-learn==1.9.0"),
        ("sklearn", "1 && evil", (), "scikit-learn"),
    ],
)
def test_the_command_names_what_an_index_has(
    module: str, version: str | None, pins: tuple[str, ...], named: str
) -> None:
    assert installed.missing(module, version, pins).hint == f"pip install {named}"


def test_a_model_that_nobody_takes_is_told_who_takes_what() -> None:
    with pytest.raises(InvalidInput, match=r"builtins\.object") as refused:
        adapter_for(object())

    assert "scikit-learn" in str(refused.value.hint)
    assert "write an adapter" in str(refused.value.hint)


def test_an_adapter_of_this_process_is_asked_first() -> None:
    own = Own()

    register(own)

    assert adapter_for(sklearn.linear_model.Ridge()) is own
    assert adapter("own") is own
    assert framework_roots("own-framework") == ()


@pytest.mark.parametrize("wrong", [Own, object()])
def test_what_is_no_adapter_is_not_registered(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="is no adapter"):
        register(wrong)


def test_an_adapter_cannot_take_the_name_of_one_of_ladings() -> None:
    impostor = Own()
    impostor.name = "sklearn"

    with pytest.raises(InvalidInput, match="Lading's own"):
        register(impostor)


def test_another_packages_adapter_is_loaded_when_it_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme_chosen", "acme = acme_chosen:Acme", ACME)
    monkeypatch.syspath_prepend(tmp_path)

    found = adapters()["acme"]

    assert found.distribution == "acme_chosen"
    assert adapter_for(sklearn.linear_model.Ridge()).name == "sklearn"
    assert "acme_chosen" not in sys.modules
    assert adapter("acme").name == "acme"
    assert adapter_for(sys.modules["acme_chosen"].Model()).name == "acme"


def test_a_package_cannot_take_the_name_of_one_of_ladings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme_thief", "sklearn = acme_thief:Acme", ACME)
    monkeypatch.syspath_prepend(tmp_path)

    assert adapters()["sklearn"].distribution == "lading"
    assert adapter("sklearn").framework == "scikit-learn"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import no_such_module_at_all", "no_such_module_at_all"),
        ("raise RuntimeError('not today')", "not today"),
        ("def", "SyntaxError"),
        ("class Other: pass", "Acme"),
        ("class Acme: pass", "has no name"),
        ("class Acme:\n    def __init__(self, x): pass", "argument"),
    ],
)
def test_a_broken_package_is_named_and_breaks_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, cause: str
) -> None:
    package = f"acme_broken_{abs(hash(code))}"
    install(tmp_path, package, f"acme = {package}:Acme", code)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(LocalFailure, match=package) as refused:
        adapter("acme")

    assert cause in str(refused.value.cause)
    assert adapter_for(sklearn.linear_model.Ridge()).name == "sklearn"
    with pytest.raises(InvalidInput, match=package):
        adapter_for(object())


def test_an_adapter_that_cannot_be_asked_is_passed_over_and_named() -> None:
    class Confused(Own):
        def takes(self, model: object) -> bool:
            raise AttributeError("nothing")

    register(Confused())

    assert adapter_for(sklearn.linear_model.Ridge()).name == "sklearn"
    with pytest.raises(InvalidInput, match="adapter own cannot be asked: nothing"):
        adapter_for(object())


def test_two_packages_with_one_name_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme_one", "acme = acme_one:Acme", ACME)
    install(tmp_path, "acme_two", "acme = acme_two:Acme", ACME)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidInput, match="acme_one, acme_two"):
        adapter("acme")


def test_the_roots_of_a_framework_are_known_by_either_name() -> None:
    assert framework_roots("scikit-learn") == framework_roots("sklearn") == ("sklearn", "skops")
    assert framework_roots("pytorch") == ("torch", "safetensors")
    assert framework_roots("fortran") == ()
