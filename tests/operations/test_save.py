"""From a trained model to a version and back: one call each, with real frameworks."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

import lading
from lading.errors import Conflict, InvalidInput, LocalFailure, PolicyRefused
from lading.operations.inspect import inspect
from lading.operations.load import from_folder, load
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.reproduce import reproduce
from lading.operations.save import save
from lading.operations.warning import EnvironmentWarning
from lading.settings import Settings

ROWS = pd.DataFrame({"amount": [1.0, 20.0, 3.0, 40.0], "country": ["DE", "FR", "DE", "IT"]})
FRAUD = pd.Series([0, 1, 0, 1], name="fraud")


@pytest.fixture
def trained() -> Any:
    """A pipeline as people build it: columns of several kinds, and a classifier."""
    columns = make_column_transformer(
        (StandardScaler(), ["amount"]), (OneHotEncoder(handle_unknown="ignore"), ["country"])
    )
    return make_pipeline(columns, LogisticRegression()).fit(ROWS, FRAUD)


class Opaque(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator of a person's own: its code is nobody else's."""

    def predict(self, rows: Any) -> list[int]:
        return [1] * len(rows)


def test_a_model_comes_back_with_its_document(trained: Any, settings: Settings) -> None:
    saved = save(
        trained,
        "ml/fraud:1.2.0",
        input_example=ROWS.head(2),
        metrics={"auc@test": 0.93},
        settings=settings,
    )

    loaded = load("ml/fraud:1.2.0", settings=settings)

    assert list(loaded.predict(ROWS)) == list(trained.predict(ROWS))
    assert loaded.predict_proba(ROWS).shape == (4, 2)
    assert loaded.digest == saved.digest
    assert loaded.document.metrics[0].label == "auc@test"
    assert loaded.document.framework is not None
    assert loaded.document.framework.name == "scikit-learn"
    assert loaded.document.params["logisticregression__C"] == 1.0
    assert loaded.warnings == ()


def test_the_schema_is_told_by_the_example_and_the_answer(trained: Any, settings: Settings) -> None:
    save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)

    signature = inspect("ml/fraud:1.0.0", settings=settings).document["signature"]
    assert [field["name"] for field in signature["inputs"]] == ["amount", "country"]
    assert signature["outputs"][0]["dtype"] == "int64"


def test_saving_the_same_again_changes_nothing(trained: Any, settings: Settings) -> None:
    first = save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)

    again = save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)

    assert (again.status, again.digest) == ("unchanged", first.digest)


def test_another_model_is_other_content(trained: Any, settings: Settings) -> None:
    save(trained, "ml/fraud:1.0.0", settings=settings)
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])

    with pytest.raises(Conflict):
        save(other, "ml/fraud:1.0.0", settings=settings)

    assert save(other, "ml/fraud", bump="minor", settings=settings).version == "1.1.0"


def test_boosted_trees_come_back(settings: Settings) -> None:
    trained = XGBClassifier(n_estimators=3).fit(ROWS[["amount"]], FRAUD)
    save(trained, "ml/trees:1.0.0", input_example=ROWS[["amount"]], settings=settings)

    loaded = load("ml/trees", settings=settings)

    assert np.allclose(loaded.predict(ROWS[["amount"]]), trained.predict(ROWS[["amount"]]))
    assert reproduce("ml/trees", check=True, settings=settings).check == "same"


def test_code_is_run_by_consent_only(settings: Settings) -> None:
    save(Opaque(), "ml/own:1.0.0", settings=settings)

    with pytest.raises(PolicyRefused) as refusal:
        load("ml/own:1.0.0", settings=settings)
    assert "trusted=" in str(refusal.value.hint)
    loaded = load("ml/own:1.0.0", allow_pickle=True, settings=settings)
    assert loaded.predict(ROWS) == [1, 1, 1, 1]


class Bomb:
    """What an attacker pickles."""

    def __reduce__(self) -> Any:
        return (os.system, ("touch bomb-went-off",))


def test_what_is_known_to_do_harm_is_not_even_loaded_by_consent(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    payload = b"cposix\nsystem\n(S'touch bomb-went-off'\ntR."
    (folder / "model.joblib").write_bytes(payload)
    push(folder, "ml/bomb:1.0.0", framework={"name": "scikit-learn"}, settings=settings)

    with pytest.raises(PolicyRefused, match="code that has no place in a model"):
        load("ml/bomb:1.0.0", allow_pickle=True, settings=settings)

    assert not (tmp_path / "bomb-went-off").exists()


def test_a_forged_record_of_a_scan_is_not_believed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lading.operations.publishing.captured._add_hazards",
        lambda found, tree: found.add("hazards", {"verdict": "clean"}),
    )
    (tmp_path / "model.joblib").write_bytes(pickle.dumps(Bomb()))
    push(
        tmp_path / "model.joblib",
        "ml/bomb:1.0.0",
        framework={"name": "scikit-learn"},
        settings=settings,
    )
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PolicyRefused), warnings.catch_warnings():
        warnings.simplefilter("error")
        load("ml/bomb:1.0.0", allow_pickle=True, settings=settings)

    assert not (tmp_path / "bomb-went-off").exists()


def test_files_of_a_persons_own_go_along(trained: Any, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>fine</p>")

    save(
        trained,
        "ml/fraud:1.0.0",
        files={"reports/report.html": tmp_path / "report.html"},
        settings=settings,
    )

    path = Path(pull("ml/fraud:1.0.0", settings=settings).path)
    assert (path / "reports" / "report.html").read_text() == "<p>fine</p>"


@pytest.mark.parametrize("path", ["../out.html", "/tmp/out.html", "model.skops"])
def test_a_file_may_not_leave_the_model_or_replace_it(
    trained: Any, settings: Settings, tmp_path: Path, path: str
) -> None:
    (tmp_path / "report.html").write_text("x")

    with pytest.raises(LocalFailure, match="cannot put"):
        save(trained, "ml/a:1.0.0", files={path: tmp_path / "report.html"}, settings=settings)


def test_what_no_adapter_takes_is_refused(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="no adapter takes"):
        save(object(), "ml/a:1.0.0", settings=settings)


def test_a_version_that_names_no_framework_says_so(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    push(tmp_path / "notes.txt", "ml/notes:1.0.0", settings=settings)

    with pytest.raises(InvalidInput, match="not known what loads"):
        load("ml/notes:1.0.0", settings=settings)


def test_another_environment_is_warned_of_once(
    trained: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(trained, "ml/fraud:1.0.0", settings=settings)
    from lading.capture import installed

    versions = installed.Installed.versions
    monkeypatch.setattr(
        installed.Installed,
        "versions",
        lambda self: {**versions(self), "scikit-learn": "0.24.2"},
    )

    with pytest.warns(EnvironmentWarning, match="scikit-learn 0.24.2 instead of"):
        load("ml/fraud:1.0.0", settings=settings)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load("ml/fraud:1.0.0", settings=settings)


def test_packages_that_only_training_needs_may_be_missing(
    trained: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(trained, "ml/fraud:1.0.0", settings=settings)
    with lading.open("ml/fraud:1.0.0", settings=settings) as opened:
        document = opened.document
    assert document.environment is not None
    locked = (*document.environment.requirements, "tuner==1.0.0")
    trained_with = document.environment.model_copy(update={"requirements": locked})
    document = document.model_copy(update={"environment": trained_with})
    folder = Path(lading.pull("ml/fraud:1.0.0", settings=settings).path)

    def warned() -> tuple[str, ...]:
        return from_folder(folder, document, reference="/models", digest="unknown").warnings

    assert warned() == ()

    from lading.capture import installed

    everything = installed.Installed.versions
    monkeypatch.setattr(
        installed.Installed,
        "versions",
        lambda self: {name: v for name, v in everything(self).items() if name != "scipy"},
    )
    with pytest.warns(EnvironmentWarning, match=r"environment: scipy missing instead of [\d.]+ \("):
        assert len(warned()) == 1


def test_the_check_finds_a_model_that_answers_otherwise(
    trained: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)
    monkeypatch.setattr(
        "lading.frameworks.sklearn.Sklearn.predict", lambda self, model, data: [0, 0, 0, 1]
    )

    result = reproduce("ml/fraud:1.0.0", check=True, settings=settings)

    assert result.check == "differs"
    assert [(each.where, each.expected, each.got) for each in result.differences] == [("[1]", 1, 0)]


def test_a_model_is_loaded_in_another_process(
    trained: Any, settings: Settings, tmp_path: Path
) -> None:
    save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)
    script = (
        "import json, sys, lading, pandas as pd\n"
        "loaded = lading.load('ml/fraud:1.0.0')\n"
        "rows = pd.DataFrame(json.loads(sys.argv[1]))\n"
        "print(json.dumps(loaded.predict(rows).tolist()))\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, ROWS.to_json(orient="records")],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(lading.__file__).parents[1]),
            "LADING_HOME": str(settings.home),
            "LADING_CACHE": str(settings.cache),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == trained.predict(ROWS).tolist()


def test_a_graph_is_asked_before_it_is_saved(settings: Settings, tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["x", "x"], ["y"])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")
    ]
    graph = helper.make_graph([node], "double", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    rows = np.array([[1.0, 2.0]], dtype=np.float32)
    path = tmp_path / "double.onnx"
    path.write_bytes(model.SerializeToString())

    save(model, "ml/double:1.0.0", input_example=rows, settings=settings)
    save(path, "ml/double:2.0.0", input_example=rows, adapter="onnx", settings=settings)

    for version in ("1.0.0", "2.0.0"):
        assert reproduce(f"ml/double:{version}", check=True, settings=settings).check == "same"
        loaded = load(f"ml/double:{version}", settings=settings)
        assert np.array_equal(loaded.predict(rows), 2 * rows)


def test_what_would_never_be_loaded_again_is_not_saved(settings: Settings) -> None:
    class Local:
        def predict(self, rows: Any) -> list[int]:
            return [len(rows)]

    with pytest.raises((PolicyRefused, InvalidInput)) as refusal:
        save(Local(), "ml/local:1.0.0", allow_pickle=True, settings=settings)

    assert "module" in str(refusal.value.hint)
    with pytest.raises(lading.NotFound):
        inspect("ml/local:1.0.0", settings=settings)


def test_the_library_of_the_example_is_needed_too(trained: Any, settings: Settings) -> None:
    save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)

    found = inspect("ml/fraud:1.0.0", settings=settings).document["environment"]
    assert "pandas" in found["direct"]


def test_a_pickle_of_another_tool_is_loaded_by_consent(
    trained: Any, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(trained))
    push(tmp_path / "model.pkl", "ml/pickled:1.0.0", settings=settings)

    with pytest.raises(PolicyRefused):
        load("ml/pickled:1.0.0", settings=settings)

    loaded = load("ml/pickled:1.0.0", allow_pickle=True, settings=settings)
    assert list(loaded.predict(ROWS)) == list(trained.predict(ROWS))


def test_what_is_loaded_is_shown_in_a_line(trained: Any, settings: Settings) -> None:
    save(trained, "ml/fraud:1.0.0", settings=settings)

    shown = repr(load("ml/fraud:1.0.0", settings=settings))

    assert shown.startswith("Loaded(Pipeline, ml/fraud:1.0.0, sha256:")


def test_commands_to_reproduce_can_be_run(trained: Any, settings: Settings) -> None:
    save(trained, "ml/fraud:1.0.0", input_example=ROWS, settings=settings)

    told = reproduce("ml/fraud:1.0.0", settings=settings)

    assert any("--format requirements" in line for line in told.commands)
    assert not any("pip sync" in line for line in told.commands)
    assert told.commands[-1].endswith("--check")


class Counts:
    """A model of rows as dictionaries, with its own way to be kept."""

    def predict(self, rows: Any) -> list[float]:
        if not isinstance(rows, list):
            raise TypeError(f"rows are a list, not {type(rows).__name__}")
        return [row["amount"] for row in rows]

    def save(self, folder: Path) -> None:
        (folder / "counts.txt").write_text("counts")

    @classmethod
    def load(cls, folder: Path) -> Counts:
        assert (folder / "counts.txt").exists()
        return cls()


def test_rows_are_asked_again_as_they_were_given(settings: Settings) -> None:
    save(Counts(), "ml/counts:1.0.0", input_example=[{"amount": 1.5}], settings=settings)

    loaded = load("ml/counts:1.0.0", into=Counts, settings=settings)

    assert loaded.predict([{"amount": 2.0}]) == [2.0]
    with pytest.raises(InvalidInput, match="does not answer this input"):
        loaded.predict(ROWS)


@pytest.mark.parametrize(
    ("trusted", "loads"),
    [("ml/own", True), ("ml", True), ("ml/", True), ("ml/ow", False), ("other", False)],
)
def test_a_policy_may_let_models_of_a_place_run_code(
    settings: Settings, trusted: str, loads: bool
) -> None:
    save(Opaque(), "ml/own:1.0.0", settings=settings)
    policy = replace(settings, pickle_from=frozenset({trusted}))

    with pytest.raises(PolicyRefused):
        load("ml/own:1.0.0", allow_pickle=False, settings=policy)
    if loads:
        assert load("ml/own:1.0.0", settings=policy).predict(ROWS) == [1, 1, 1, 1]
    else:
        with pytest.raises(PolicyRefused):
            load("ml/own:1.0.0", settings=policy)
