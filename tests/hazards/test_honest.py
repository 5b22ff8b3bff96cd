"""Honest models, written by the real libraries, are clean: a scan that cries wolf is ignored."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops.io
import xgboost
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

from hazards.crafted import verdict
from lading.hazards.scan import scan_file, scan_files

X, Y = load_iris(return_X_y=True)
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(kind="x")


def columns() -> Pipeline:
    parts = [("n", StandardScaler(), ["a", "b"]), ("k", OneHotEncoder(), ["kind"])]
    return make_pipeline(ColumnTransformer(parts), RandomForestClassifier(5)).fit(TABLE, Y)


MODELS: dict[str, Callable[[], Any]] = {
    "forest": lambda: RandomForestClassifier(10).fit(X, Y),
    "columns": columns,
    "boosting": lambda: GradientBoostingClassifier(n_estimators=3).fit(X, Y),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=3).fit(X, Y),
    "search": lambda: GridSearchCV(SVC(), {"C": [1, 2]}, scoring="accuracy").fit(X, Y),
    "stacking": lambda: StackingClassifier([("k", KNeighborsClassifier())]).fit(X, Y),
    "selection": lambda: make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(X, Y),
    "function": lambda: make_pipeline(FunctionTransformer(np.log1p), SGDClassifier()).fit(X, Y),
    "words": lambda: TfidfVectorizer().fit(["a cat", "a dog", "no cat"]),
    "xgboost": lambda: xgboost.XGBClassifier(n_estimators=3).fit(X, Y),
    "xgboost alone": lambda: xgboost.train({}, xgboost.DMatrix(X, Y), 2),
    "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y),
    "table": lambda: TABLE.assign(t=pd.Timestamp("2026-01-01"), n=pd.array([1] * 150, "Int64")),
    "sparse": lambda: [scipy.sparse.csr_matrix(X), scipy.sparse.csc_array(X)],
    "random": lambda: [np.random.RandomState(1), np.random.default_rng(1)],
    "Python's own": lambda: [
        *(range(3), {1}, frozenset({1}), bytearray(b"x"), 1j, slice(1), [1], (1,), {"a": 1}),
        *(Counter("aab"), OrderedDict(a=1), deque([1]), defaultdict(list, a=[1])),
        *(datetime.now(tz=UTC), timedelta(1), Decimal("1.5"), Bunch(a=1)),
    ],
    "objects": lambda: np.array([{"a": 1}, None, "text"], dtype=object),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param]()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_clean(tmp_path: Path, model: Any, protocol: int) -> None:
    assert verdict(tmp_path, pickle.dumps(model, protocol)) == "clean"


@pytest.mark.parametrize("compression", [0, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_a_file_of_joblib_is_clean_however_it_is_compressed(
    tmp_path: Path, model: Any, compression: str | int
) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=(compression, 3) if compression else 0)

    assert scan_file(path, path.name) == ()


def test_objects_inside_a_file_of_joblib_are_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump([X, np.array([print, eval], dtype=object), X], path)

    assert {finding.what for finding in scan_file(path, "model.joblib")} >= {"builtins.eval"}


def test_a_file_of_skops_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(columns(), path)

    assert scan_file(path, path.name) == ()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_clean_and_objects_in_them_looked_into(
    tmp_path: Path, save: Callable[..., None]
) -> None:
    save(tmp_path / "honest.npz", a=X, b=MODELS["objects"]())
    save(tmp_path / "evil.npz", a=X, b=np.array([eval], dtype=object))

    assert scan_file(tmp_path / "honest.npz", "honest.npz") == ()
    (finding,) = scan_file(tmp_path / "evil.npz", "evil.npz")
    assert (finding.path, finding.what) == ("evil.npz!b.npy", "builtins.eval")


class Own(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A class of whoever trained it: whoever loads it runs code from elsewhere."""


def test_a_class_from_elsewhere_is_suspicious(tmp_path: Path) -> None:
    assert verdict(tmp_path, pickle.dumps(make_pipeline(Own()))) == "suspicious"


def test_a_folder_of_many_formats_is_clean(tmp_path: Path) -> None:
    booster = xgboost.train({}, xgboost.DMatrix(X, Y), 2)
    booster.save_model(tmp_path / "model.ubj")
    booster.save_model(tmp_path / "model.json")
    lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 2).save_model(tmp_path / "model.txt")
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "weights.bin").write_bytes(np.random.default_rng(1).bytes(100_000))

    hazards = scan_files({path.name: path for path in tmp_path.iterdir()})

    assert hazards.verdict == "clean"
    assert hazards.files == 5
    assert "picklescan" in str(hazards.scanner)


@pytest.mark.parametrize("seed", range(20))
def test_random_numbers_are_clean_under_any_name(tmp_path: Path, seed: int) -> None:
    raw = np.random.default_rng(seed).bytes(20_000)

    for name in ("weights.bin", "model.pt", "noname"):
        assert verdict(tmp_path, raw, name) == "clean"
