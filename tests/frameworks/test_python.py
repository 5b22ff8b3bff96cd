"""Objects of nobody's framework: those that save themselves, and pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from frameworks.bait import pickled

from lading.errors import InvalidInput, PolicyRefused, Unsupported
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.python import PICKLE_FILE, Python

ADAPTER = Python()


class Tariff:
    """Saves itself, and is in nobody's way."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, rows: list[float]) -> list[float]:
        return [self.factor * row for row in rows]

    def save(self, folder: Path) -> None:
        (folder / "factor.json").write_text(json.dumps(self.factor))

    @classmethod
    def load(cls, folder: Path) -> Tariff:
        return cls(json.loads((folder / "factor.json").read_text()))


class Constant:
    """Only answers."""

    def predict(self, rows: list[float]) -> list[float]:
        return [1.0 for _ in rows]


def test_an_object_that_saves_itself_comes_back_into_its_class(tmp_path: Path) -> None:
    saved = ADAPTER.save(Tariff(2.5), tmp_path, SaveOptions())

    back = ADAPTER.load(tmp_path, saved.how, LoadOptions(into=Tariff))

    assert ADAPTER.predict(back, [2.0]) == [5.0]
    assert saved.how["class"] == f"{__name__}:Tariff"


def test_its_class_is_not_imported_unless_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "code_of_a_model.py").write_text(
        f"open({str(marker)!r}, 'w').close()\n"
        "class Own:\n"
        "    @classmethod\n"
        "    def load(cls, folder): return cls()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    how: dict[str, Any] = {"format": "python", "class": "code_of_a_model:Own"}

    with pytest.raises(PolicyRefused, match="imports code_of_a_model:Own") as refused:
        ADAPTER.load(tmp_path, how, LoadOptions())

    assert "allow_pickle=True" in str(refused.value.hint)
    assert not marker.exists()
    ADAPTER.load(tmp_path, how, LoadOptions(allow_pickle=True))
    assert marker.exists()


def test_an_object_that_only_answers_is_a_pickle_with_consent(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match="as a pickle only"):
        ADAPTER.save(Constant(), tmp_path, SaveOptions())
    assert list(tmp_path.iterdir()) == []

    saved = ADAPTER.save(Constant(), tmp_path, SaveOptions(allow_pickle=True))

    with pytest.raises(PolicyRefused, match="is a pickle"):
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    back = ADAPTER.load(tmp_path, saved.how, LoadOptions(allow_pickle=True))
    assert ADAPTER.predict(back, [3.0]) == [1.0]


@pytest.mark.parametrize("how", [{}, {"format": "pickle"}])
def test_a_malicious_pickle_does_not_run(tmp_path: Path, how: dict[str, Any]) -> None:
    marker = tmp_path / "marker"
    (tmp_path / PICKLE_FILE).write_bytes(pickled(marker))

    with pytest.raises(PolicyRefused) as refused:
        ADAPTER.load(tmp_path, how, LoadOptions())

    assert refused.value.exit_code == 9
    assert not marker.exists()
    ADAPTER.load(tmp_path, how, LoadOptions(allow_pickle=True))
    assert marker.exists()


@pytest.mark.parametrize("name", ["", "os", ":Own", "__main__:Own"])
def test_a_class_that_is_nowhere_is_asked_for(tmp_path: Path, name: str) -> None:
    how: dict[str, Any] = {"format": "python", "class": name}

    with pytest.raises(InvalidInput, match="nothing says where"):
        ADAPTER.load(tmp_path, how, LoadOptions(allow_pickle=True))


def test_a_class_that_cannot_load_is_refused(tmp_path: Path) -> None:
    how: dict[str, Any] = {"format": "python", "class": "fractions:Fraction"}

    with pytest.raises(InvalidInput, match="no class method load"):
        ADAPTER.load(tmp_path, how, LoadOptions(allow_pickle=True))
    with pytest.raises(Unsupported, match="no_such_module"):
        ADAPTER.load(tmp_path, {"class": "no_such_module:X"}, LoadOptions(allow_pickle=True))


def test_a_class_is_no_model() -> None:
    assert ADAPTER.takes(Constant())
    assert not ADAPTER.takes(Constant)
    assert not ADAPTER.takes(object())
