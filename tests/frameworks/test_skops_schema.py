"""What a skops file may build unasked: models do, chains of harmless classes do not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import skops.io
import xgboost
from frameworks import chains
from frameworks.fresh import SOURCE, TESTS
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from lading.errors import PolicyRefused
from lading.frameworks import skops_names
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.estimator import SKOPS_FILE
from lading.frameworks.sklearn import Sklearn
from lading.frameworks.skops_schema import judge

ROWS = np.abs(np.random.default_rng(3).normal(size=(60, 3)))
LABELS = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
CLASSES = LABELS + (ROWS[:, 2] > 1)


def common() -> Iterator[Any]:
    plain = LogisticRegression()
    yield GradientBoostingClassifier(n_estimators=3).fit(ROWS, CLASSES)
    yield HistGradientBoostingClassifier(max_iter=3).fit(ROWS, CLASSES)
    yield StackingClassifier([("a", plain), ("b", GaussianNB())]).fit(ROWS, LABELS)
    yield VotingClassifier([("a", plain), ("b", GaussianNB())]).fit(ROWS, LABELS)
    yield CalibratedClassifierCV(plain, method="isotonic", cv=3).fit(ROWS, LABELS)
    yield CalibratedClassifierCV(FrozenEstimator(plain.fit(ROWS, LABELS))).fit(ROWS, LABELS)
    for scoring in ("roc_auc", "f1", None):
        yield GridSearchCV(plain, {"C": [1.0, 2.0]}, scoring=scoring, cv=3).fit(ROWS, LABELS)
    search = GridSearchCV(plain, {"C": [1.0]}, scoring=["f1", "accuracy"], refit="f1", cv=3)
    yield search.fit(ROWS, LABELS)
    for metric in ("euclidean", "manhattan", "haversine"):
        neighbours = KNeighborsClassifier(3, metric=metric, algorithm="ball_tree")
        yield neighbours.fit(ROWS[:, :2], LABELS)
    yield KNeighborsClassifier(3).fit(csr_matrix(ROWS), LABELS)
    yield SVC(probability=False).fit(ROWS, LABELS)
    yield MLPClassifier(4, max_iter=3, solver="sgd").fit(ROWS, LABELS)
    yield SGDClassifier(loss="modified_huber").fit(ROWS, LABELS)
    yield GaussianProcessRegressor().fit(ROWS, LABELS)
    yield IsotonicRegression().fit(ROWS[:, 0], LABELS)
    yield make_pipeline(SelectKBest(k=1), StandardScaler(), plain).fit(ROWS, LABELS)
    yield make_pipeline(FunctionTransformer(np.log1p), plain).fit(ROWS, LABELS)
    yield TfidfVectorizer().fit(["a word __init__", "another __len__"])
    columns = make_column_transformer(
        (OneHotEncoder(), make_column_selector(dtype_include=object)), remainder="passthrough"
    )
    yield columns.fit(_table())
    yield make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=2)).fit(ROWS, LABELS)
    boosted = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1)
    yield make_pipeline(StandardScaler(), boosted).fit(ROWS, LABELS)


def _table() -> Any:
    import pandas as pd

    return pd.DataFrame({"a": np.array(["x", "y"], dtype=object), "b": [1.0, 2.0]})


@pytest.mark.filterwarnings("ignore")
def test_the_models_that_people_have_load_unasked(tmp_path: Path) -> None:
    for model in common():
        saved = Sklearn().save(model, tmp_path, SaveOptions())

        back = Sklearn().load(tmp_path, saved.how, LoadOptions())

        assert type(back) is type(model)
        assert "loading asks" not in str(saved.notes)


def test_every_estimator_of_the_installed_version_is_listed() -> None:
    found = {f"{kind.__module__}.{kind.__name__}" for _, kind in all_estimators()}

    assert found - skops_names.ESTIMATORS == set()


def test_nothing_listed_is_a_callback_a_test_or_calls_a_function() -> None:
    listed = skops_names.ESTIMATORS | skops_names.INTERNALS | skops_names.DISTANCES

    for part in ("callback", "tests", "_testing", "datasets", "externals", "PyFunc"):
        assert not [name for name in listed if part in name]


FORGED = {"connecting": chains.connecting, "running": chains.running}


@pytest.mark.parametrize("chain", FORGED)
def test_a_chain_of_classes_of_scikit_learn_reaches_nobody(tmp_path: Path, chain: str) -> None:
    attacker = chains.Attacker(tmp_path / "marker")
    (tmp_path / SKOPS_FILE).write_bytes(FORGED[chain](attacker.port))

    with pytest.raises(PolicyRefused, match="nobody said to trust"):
        Sklearn().load(tmp_path, {"format": "skops"}, LoadOptions())

    reached = attacker.reached.wait(0.3)
    attacker.close()
    assert not reached
    assert not (tmp_path / "marker").exists()


_BY_ITSELF = """
import sys, skops.io
file = sys.argv[1]
skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
"""


@pytest.mark.parametrize("chain", FORGED)
def test_that_chain_would_have_reached_the_attacker(tmp_path: Path, chain: str) -> None:
    attacker = chains.Attacker(tmp_path / "marker")
    (tmp_path / SKOPS_FILE).write_bytes(FORGED[chain](attacker.port))

    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BY_ITSELF, tmp_path / SKOPS_FILE],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert attacker.reached.wait(5)
    attacker.close()
    assert (tmp_path / "marker").exists() is (chain == "running")


def schema(model: Any) -> Any:
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        return json.loads(archive.read("schema.json"))


def test_callbacks_of_an_estimator_are_refused_whatever_is_trusted() -> None:
    model = LogisticRegression()
    model._skl_callbacks = []

    judged = judge(schema(model))

    assert judged.strange == ()
    assert "callbacks" in str(judged.refused)


def test_an_attribute_that_python_calls_is_refused() -> None:
    model = LogisticRegression()
    model.__array__ = 1

    assert "__array__" in str(judge(schema(model)).refused)


def test_a_part_in_the_place_of_another_is_refused() -> None:
    forged = schema([LogisticRegression(), [1]])
    forged["content"][1]["__id__"] = forged["content"][0]["__id__"]

    assert "same number" in str(judge(forged).refused)


def test_keys_that_would_be_called_are_refused() -> None:
    forged = schema({"a": 1})
    forged["key_types"]["content"] = [schema(LogisticRegression())]

    assert "keys" in str(judge(forged).refused)


def test_a_scorer_calls_no_other_method() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring="f1", cv=3).fit(ROWS, LABELS)
    text = json.dumps(schema(search))
    assert judge(json.loads(text)).refused is None

    forged = json.loads(text.replace('\\"predict\\"', '\\"fit\\"'))

    assert "_response_method" in str(judge(forged).refused)


def test_a_tree_that_measures_by_an_object_is_refused() -> None:
    forged = schema(KNeighborsClassifier().fit(ROWS, LABELS))
    tree = forged["content"]["content"]["_tree"]["content"]["content"]
    assert judge(forged).refused is None

    tree[11] = schema(LogisticRegression())

    assert "no distance" in str(judge(forged).refused)


def test_nothing_that_a_file_names_is_imported(tmp_path: Path) -> None:
    forged = schema(LogisticRegression())
    forged |= {"__module__": "sklearn.tests.test_docstrings", "__class__": "anything"}
    (tmp_path / SKOPS_FILE).write_bytes(chains.archive(forged, {}))

    with pytest.raises(PolicyRefused):
        Sklearn().load(tmp_path, {}, LoadOptions())

    assert "sklearn.tests.test_docstrings" not in sys.modules


def test_mutated_files_open_nothing_and_call_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", Path(__file__).parent / "mutants.py", tmp_path],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["mutants"] == []
    assert seen["loaded"] > 0
    assert seen["refused"] > 0
    # A file that does write is seen.
    assert any("marker" in event for event in seen["control"])
