"""XGBoost, LightGBM and CatBoost: boosters and wrappers come back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from frameworks.bait import pickled
from frameworks.fresh import loaded

from lading.errors import InvalidInput, PolicyRefused, Unsupported
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.catboost import CatBoost
from lading.frameworks.lightgbm import LightGBM
from lading.frameworks.xgboost import XGBoost


class OwnClassifier(xgboost.XGBClassifier):  # type: ignore[misc]
    """A subclass that others do not have."""


def table() -> Any:
    random = np.random.default_rng(2)
    return pd.DataFrame({"income": random.normal(size=60), "age": random.normal(size=60)})


def labels(x: Any) -> Any:
    return (x.income > 0).astype(int)


def test_an_xgboost_wrapper_comes_back_with_its_parameters(tmp_path: Path) -> None:
    x = table()
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=2, learning_rate=0.3).fit(x, labels(x))

    saved = XGBoost().save(model, tmp_path, SaveOptions())

    assert [path.name for path in tmp_path.iterdir()] == ["model.ubj"]
    assert saved.notes == ()
    back: Any = XGBoost().load(tmp_path, saved.how, LoadOptions(device="cpu"))
    assert back.get_params()["learning_rate"] == 0.3
    answer = loaded("xgboost", tmp_path, saved, x.to_dict("list"))
    assert answer == {"class": "XGBClassifier", "answer": model.predict(x).tolist()}


def test_an_xgboost_booster_knows_how_it_was_trained(tmp_path: Path) -> None:
    x = table()
    matrix = xgboost.DMatrix(x, labels(x))
    model = xgboost.train({"max_depth": 2, "objective": "binary:logistic"}, matrix, 3)

    saved = XGBoost().save(model, tmp_path, SaveOptions())

    assert saved.params["objective"] == "binary:logistic"
    assert saved.params["max_depth"] == "2"
    back: Any = XGBoost().load(tmp_path, saved.how, LoadOptions())
    assert np.array_equal(XGBoost().predict(back, x), model.predict(matrix))


def test_a_subclass_comes_back_as_what_it_inherits_from(tmp_path: Path) -> None:
    x = table()
    model = OwnClassifier(n_estimators=2).fit(x, labels(x))

    saved = XGBoost().save(model, tmp_path, SaveOptions())

    assert "comes back as xgboost.XGBClassifier" in saved.notes[0]
    assert type(XGBoost().load(tmp_path, saved.how, LoadOptions())) is xgboost.XGBClassifier


def test_a_document_cannot_choose_any_class_of_xgboost(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'collective'"):
        XGBoost().load(tmp_path, {"class": "collective"}, LoadOptions())


@pytest.mark.parametrize("adapter", [XGBoost(), LightGBM(), CatBoost()])
def test_a_pickle_under_a_models_name_does_not_run(
    tmp_path: Path, adapter: XGBoost | LightGBM | CatBoost
) -> None:
    marker = tmp_path / "marker"
    for name in ("model.ubj", "model.txt", "model.cbm"):
        (tmp_path / name).write_bytes(pickled(marker))

    with pytest.raises(Unsupported, match="cannot load this model"):
        adapter.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()


@pytest.mark.parametrize("adapter", [XGBoost(), LightGBM(), CatBoost()])
def test_a_folder_without_a_model_is_said_so(
    tmp_path: Path, adapter: XGBoost | LightGBM | CatBoost
) -> None:
    with pytest.raises(InvalidInput, match="no file of this version"):
        adapter.load(tmp_path, {}, LoadOptions())


def test_a_lightgbm_wrapper_keeps_its_class_labels(tmp_path: Path) -> None:
    x = table()
    model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=5, verbose=-1)
    model.fit(x, labels(x).map({0: "refused", 1: "granted"}))

    saved = LightGBM().save(model, tmp_path, SaveOptions())

    assert saved.params["num_leaves"] == 5
    answer = loaded("lightgbm", tmp_path, saved, x.to_dict("list"))
    assert answer == {"class": "LGBMClassifier", "answer": model.predict(x).tolist()}


def test_a_lightgbm_booster_is_text(tmp_path: Path) -> None:
    x = table()
    model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(x, labels(x)), 3)

    saved = LightGBM().save(model, tmp_path, SaveOptions())

    assert (tmp_path / "model.txt").read_text().startswith("tree")
    back: Any = LightGBM().load(tmp_path, saved.how, LoadOptions())
    assert np.array_equal(LightGBM().predict(back, x), model.predict(x))


def test_a_lightgbm_wrapper_with_code_of_its_own_is_a_pickle(tmp_path: Path) -> None:
    x = table()
    model = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1).fit(x, x.income)
    model.strange_ = (part for part in range(1))

    with pytest.raises(PolicyRefused, match="as a pickle only"):
        LightGBM().save(model, tmp_path, SaveOptions())


def test_catboost_keeps_class_labels_and_parameters(tmp_path: Path) -> None:
    x = table()
    model = catboost.CatBoostClassifier(
        iterations=4, depth=2, verbose=0, allow_writing_files=False, train_dir=str(tmp_path)
    )
    model.fit(x, labels(x).map({0: "refused", 1: "granted"}))
    folder = tmp_path / "model"
    folder.mkdir()

    saved = CatBoost().save(model, folder, SaveOptions())

    assert saved.params["depth"] == 2
    assert saved.notes == ()
    answer = loaded("catboost", folder, saved, x.to_dict("list"))
    assert answer == {"class": "CatBoostClassifier", "answer": model.predict(x).tolist()}


def test_a_model_that_was_never_trained_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="catboost cannot save"):
        CatBoost().save(catboost.CatBoostRegressor(), tmp_path, SaveOptions())
    with pytest.raises(InvalidInput, match="xgboost cannot save"):
        XGBoost().save(xgboost.XGBRegressor(), tmp_path, SaveOptions())
