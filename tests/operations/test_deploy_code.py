"""What a document says of code is what loading does: refused without consent, or loaded."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from lading.errors import PolicyRefused
from lading.frameworks.code import runs_code
from lading.operations.deploying.consent import code_of
from lading.operations.load import load
from lading.operations.open import open as open_version
from lading.operations.publishing.captured import NOTHING
from lading.operations.push import push
from lading.operations.save import save
from lading.settings import Settings

ROWS = np.arange(80.0).reshape(40, 2)
FRAUD = np.array([0, 1] * 20)
REFERENCE = "ml/fraud:1.0.0"


class Own(BaseEstimator):  # type: ignore[misc]
    """An estimator that nobody has said to be harmless."""

    def predict(self, rows: Any) -> Any:
        return rows


class Tariff:
    """A model that no framework takes, and that cannot save itself."""

    def predict(self, rows: Any) -> Any:
        return rows


def fitted() -> Any:
    return LogisticRegression().fit(ROWS, FRAUD)


def trees() -> Any:
    data = lightgbm.Dataset(ROWS, FRAUD)
    return lightgbm.train({"verbose": -1, "min_data_in_leaf": 1}, data, num_boost_round=2)


def asks(settings: Settings) -> bool:
    """Whether loading refuses without consent, and does not with it."""
    try:
        load(REFERENCE, settings=settings)
    except PolicyRefused:
        load(REFERENCE, allow_pickle=True, settings=settings)
        return True
    return False


def said(settings: Settings) -> bool:
    with open_version(REFERENCE, settings=settings) as opened:
        return code_of(opened.document) is not None


@pytest.mark.parametrize(
    ("make", "code"), [(fitted, False), (Own, True), (Tariff, True), (trees, False)]
)
def test_a_model_that_was_saved_is_judged_as_it_is_loaded(
    make: Callable[[], Any], settings: Settings, *, code: bool
) -> None:
    save(make(), REFERENCE, allow_pickle=True, capture=NOTHING, settings=settings)

    assert said(settings) == asks(settings) == code


@pytest.mark.parametrize(
    ("name", "write", "code"),
    [
        ("m.skops", skops.dump, False),
        ("m.joblib", joblib.dump, True),
        ("nested/m.pickle", lambda model, path: path.write_bytes(pickle.dumps(model)), True),
    ],
)
def test_a_file_that_was_pushed_is_judged_as_it_is_loaded(
    name: str,
    write: Callable[[Any, Path], object],
    settings: Settings,
    *,
    tmp_path: Path,
    code: bool,
) -> None:
    folder = tmp_path / "pushed"
    (folder / "nested").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    write(fitted(), folder / name)
    push(folder, REFERENCE, settings=settings)

    assert said(settings) == asks(settings) == code


@pytest.mark.parametrize(
    ("loader", "framework", "how", "paths", "code"),
    [
        ("torch", "pytorch", {"format": "pt2"}, ("model.pt2",), True),
        ("torch", "pytorch", {"format": "torchscript"}, ("model.pt",), True),
        ("torch", "pytorch", {"format": "safetensors"}, ("model.safetensors",), False),
        (None, "pytorch", {}, ("weights.pth",), True),
        (None, "tensorflow", {}, ("saved_model/saved_model.pb",), True),
        ("onnx", "onnx", {}, ("model.onnx",), False),
        # What cannot be loaded at all, and what only others know.
        (None, "scikit-learn", {}, ("a.joblib", "b.joblib"), False),
        ("sklearn", "scikit-learn", {"format": "later"}, ("model.later",), False),
        ("prophet", "prophet", {}, ("model.json",), False),
    ],
)
def test_formats_are_judged_by_what_is_written_of_them(
    loader: str | None, framework: str, how: Any, paths: tuple[str, ...], *, code: bool
) -> None:
    assert (runs_code(loader, framework, how, {}, paths) is not None) == code
