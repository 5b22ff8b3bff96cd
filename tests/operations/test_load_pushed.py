"""Models that were pushed as files, under whatever names: one is loaded, or all are listed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import catboost
import joblib
import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from lading.errors import InvalidInput, PolicyRefused
from lading.frameworks import installed
from lading.operations.load import load
from lading.operations.publishing.captured import NOTHING
from lading.operations.push import push
from lading.operations.reproduce import reproduce
from lading.operations.save import save
from lading.settings import Settings

ROWS = pd.DataFrame({"amount": [1.0, 20.0, 3.0, 40.0] * 10, "age": [20.0, 30.0, 40.0, 50.0] * 10})
FRAUD = pd.Series([0, 1, 0, 1] * 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what else people push: packages, a configuration, a card."""
    made = tmp_path / "pushed"
    made.mkdir()
    (made / "requirements.txt").write_text("numpy\n")
    (made / "config.json").write_text('{"threshold": 0.5}')
    (made / "README.md").write_text("# Fraud\n")
    return made


@pytest.fixture
def fraud() -> Any:
    return LogisticRegression().fit(ROWS, FRAUD)


def graph() -> Any:
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")
    ]
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return helper.make_model(
        helper.make_graph([node], "double", values[:1], values[1:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


@pytest.mark.parametrize("name", ["x.ubj", "x.json"])
def test_a_booster_of_xgboost_is_found_by_its_header(
    folder: Path, settings: Settings, name: str
) -> None:
    made = xgboost.train({}, xgboost.DMatrix(ROWS, FRAUD), num_boost_round=3)
    made.save_model(folder / name)
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert np.allclose(loaded.predict(ROWS), made.predict(xgboost.DMatrix(ROWS)))


@pytest.mark.parametrize("form", ["ubj", "json"])
def test_a_booster_of_xgboost_may_have_any_ending(
    folder: Path, settings: Settings, form: str
) -> None:
    made = xgboost.train({}, xgboost.DMatrix(ROWS, FRAUD), num_boost_round=3)
    (folder / "fraud.bst").write_bytes(made.save_raw(form))
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert np.allclose(loaded.predict(ROWS), made.predict(xgboost.DMatrix(ROWS)))


def test_a_booster_of_lightgbm_is_found_beside_other_texts(
    folder: Path, settings: Settings
) -> None:
    made = lightgbm.train({"verbose": -1}, lightgbm.Dataset(ROWS, FRAUD), num_boost_round=3)
    made.save_model(folder / "l.txt")
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert np.allclose(loaded.predict(ROWS), made.predict(ROWS))


def test_a_model_of_catboost_is_found(folder: Path, settings: Settings) -> None:
    made = catboost.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False)
    made.fit(ROWS, FRAUD)
    made.save_model(str(folder / "x.cbm"))
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert np.allclose(loaded.predict(ROWS), made.predict(ROWS))


def test_an_estimator_in_skops_is_found(fraud: Any, folder: Path, settings: Settings) -> None:
    skops.dump(fraud, folder / "m.skops")
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert list(loaded.predict(ROWS)) == list(fraud.predict(ROWS))


@pytest.mark.parametrize("name", ["m.joblib", "m.pkl", "model.pkl", "nested/m.pickle"])
def test_a_pickle_is_found_and_loaded_by_consent(
    fraud: Any, folder: Path, settings: Settings, name: str
) -> None:
    (folder / "nested").mkdir()
    if name == "m.joblib":
        joblib.dump(fraud, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(fraud))
    push(folder, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(PolicyRefused, match="pickle"):
        load("ml/fraud:1.0.0", settings=settings)
    loaded = load("ml/fraud:1.0.0", allow_pickle=True, settings=settings)

    assert list(loaded.predict(ROWS)) == list(fraud.predict(ROWS))


def test_a_graph_is_found_by_its_ending(folder: Path, settings: Settings) -> None:
    onnx.save_model(graph(), folder / "m.onnx")
    push(folder, "ml/double:1.0.0", settings=settings)

    loaded = load("ml/double:1.0.0", settings=settings)

    assert np.array_equal(loaded.predict(np.ones((2, 2), np.float32)), np.full((2, 2), 2))


def test_a_file_alone_is_found_by_its_ending_where_no_header_was_read(
    settings: Settings, tmp_path: Path
) -> None:
    made = xgboost.train({}, xgboost.DMatrix(ROWS, FRAUD), num_boost_round=3)
    made.save_model(tmp_path / "x.ubj")
    push(tmp_path / "x.ubj", "ml/fraud:1.0.0", capture=NOTHING, settings=settings)

    loaded = load("ml/fraud:1.0.0", adapter="xgboost", settings=settings)

    assert np.allclose(loaded.predict(ROWS), made.predict(xgboost.DMatrix(ROWS)))


def test_of_several_models_none_is_guessed(fraud: Any, folder: Path, settings: Settings) -> None:
    skops.dump(fraud, folder / "first.skops")
    skops.dump(fraud, folder / "second.skops")
    push(folder, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput, match="several files") as refused:
        load("ml/fraud:1.0.0", settings=settings)

    assert refused.value.cause == "first.skops, second.skops"
    assert "of its own" in str(refused.value.hint)


def test_of_several_models_the_name_that_saving_gives_is_taken(
    fraud: Any, folder: Path, settings: Settings
) -> None:
    other = LogisticRegression().fit(ROWS, 1 - FRAUD)
    skops.dump(other, folder / "first.skops")
    skops.dump(fraud, folder / "model.skops")
    push(folder, "ml/fraud:1.0.0", settings=settings)

    loaded = load("ml/fraud:1.0.0", settings=settings)

    assert list(loaded.predict(ROWS)) == list(fraud.predict(ROWS))


def test_where_no_file_fits_it_is_said_what_there_is(folder: Path, settings: Settings) -> None:
    push(folder, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput, match="no file of this version") as refused:
        load("ml/fraud:1.0.0", adapter="catboost", settings=settings)

    assert refused.value.cause == (
        "there are README.md, config.json, requirements.txt; it looks for model.cbm, .cbm"
    )
    assert "adapter=" in str(refused.value.hint)


def test_a_file_outside_the_version_is_none_of_it(
    fraud: Any, folder: Path, settings: Settings, tmp_path: Path
) -> None:
    # A document that names another's file as a model of this version.
    skops.dump(fraud, tmp_path / "else.skops")
    said = {"facts": {"files": [{"path": str(tmp_path / "else.skops"), "format": "skops"}]}}
    push(folder, "ml/fraud:1.0.0", capture=_saying(said), settings=settings)

    with pytest.raises(InvalidInput, match="no file of this version"):
        load("ml/fraud:1.0.0", adapter="sklearn", settings=settings)


def _saying(fields: dict[str, Any]) -> Any:
    from dataclasses import replace

    return replace(NOTHING, fields=fields)


@pytest.mark.parametrize("form", ["path", "text", "bytes", "bytearray"])
def test_a_graph_is_saved_from_a_path_or_bytes(
    settings: Settings, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "given.onnx"
    onnx.save_model(graph(), path)
    forms = {"path": path, "text": str(path), "bytes": path.read_bytes()}
    given = forms.get(form, bytearray(path.read_bytes()))
    rows = np.ones((2, 2), np.float32)

    save(given, "ml/double:1.0.0", input_example=rows, settings=settings)

    assert reproduce("ml/double:1.0.0", check=True, settings=settings).check == "same"


@pytest.mark.parametrize("given", [b"", b"\x08", b"PK\x03\x04", pickle.dumps(1), b"text of some"])
def test_other_bytes_are_no_graph(settings: Settings, given: bytes) -> None:
    with pytest.raises(InvalidInput, match="no adapter takes"):
        save(given, "ml/double:1.0.0", settings=settings)


def test_what_is_missing_is_named_as_an_index_has_it(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = xgboost.train({}, xgboost.DMatrix(ROWS, FRAUD), num_boost_round=3)
    save(made, "ml/fraud:1.0.0", settings=settings)
    monkeypatch.setattr(installed, "is_installed", lambda module: module != "xgboost")

    with pytest.raises(Exception, match="not installed") as refused:
        load("ml/fraud:1.0.0", check_environment=False, settings=settings)

    # The package that is installed where the tests run.
    assert refused.value.hint == f"pip install xgboost-cpu=={xgboost.__version__}"  # type: ignore[attr-defined]


def test_what_a_record_lies_about_an_environment_is_no_command(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "framework": {"name": "xgboost", "version": "1; rm -rf .", "loader": "xgboost"},
        "environment": {"requirements": ["xgboost-cpu==2 && evil", "evil==1.0"]},
    }
    push(folder, "ml/fraud:1.0.0", capture=_saying(said), settings=settings)
    monkeypatch.setattr(installed, "is_installed", lambda module: module != "xgboost")

    with pytest.raises(Exception, match="not installed") as refused:
        load("ml/fraud:1.0.0", check_environment=False, settings=settings)

    assert json.dumps(refused.value.hint) == '"pip install xgboost"'  # type: ignore[attr-defined]
