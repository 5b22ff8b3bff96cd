"""scikit-learn: what skops takes, what it does not, and what never runs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from frameworks.bait import Bait, pickled
from frameworks.fresh import loaded
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from lading.errors import InvalidInput, LadingError, PolicyRefused, Unsupported
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.estimator import JOBLIB_FILE, SKOPS_FILE, trusts
from lading.frameworks.sklearn import Sklearn

ADAPTER = Sklearn()


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of the caller's own."""

    def fit(self, x: Any, y: Any = None) -> Doubler:
        self.fitted_ = True
        return self

    def transform(self, x: Any) -> Any:
        return x * 2


def table() -> Any:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "income": random.normal(3000, 900, 80),
            "age": random.integers(18, 80, 80),
            "region": random.choice(["north", "south", "west"], 80),
        }
    )


def pipeline() -> Any:
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["income", "age"]), ("words", OneHotEncoder(), ["region"])]
    )
    forest = RandomForestClassifier(n_estimators=5, max_depth=np.int64(3), random_state=0)
    return Pipeline([("columns", columns), ("forest", forest)])


def forged(path: Path, module: str, name: str, *arguments: object) -> None:
    """A skops file that calls something with arguments of its own when it is loaded."""
    skops.io.dump(tuple(arguments), path)
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    extra = {key: schema.pop(key) for key in ("protocol", "_skops_version")}
    call = {
        "__class__": name,
        "__module__": module,
        "__loader__": "ConstructorFromReduceNode",
        "content": schema,
        "__id__": 1,
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps({**call, **extra}))


def test_a_pipeline_answers_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    x = table()
    model = pipeline().fit(x, x.income > 3000)

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert [path.name for path in tmp_path.iterdir()] == [SKOPS_FILE]
    assert saved.how == {"format": "skops", "types": ["sklearn.tree._tree.Tree"]}
    assert saved.roots == ("sklearn", "skops")
    assert saved.params["forest__max_depth"] == 3
    assert "columns__words" not in saved.params
    answer = loaded("sklearn", tmp_path, saved, x.to_dict("list"))
    assert answer == {"class": "Pipeline", "answer": model.predict(x).tolist()}


def test_a_type_of_the_callers_is_loaded_only_if_trusted(tmp_path: Path) -> None:
    model = Doubler().fit([[1]])
    name = f"{Doubler.__module__}.Doubler"

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert name in saved.notes[0]
    with pytest.raises(PolicyRefused, match="nobody said to trust") as refused:
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    assert name in str(refused.value.hint)
    back = ADAPTER.load(tmp_path, saved.how, LoadOptions(trusted=(name,)))
    assert ADAPTER.predict(back, np.array([[2]])) == [[4]]


def test_a_document_that_names_no_types_opens_no_door(tmp_path: Path) -> None:
    ADAPTER.save(Doubler().fit([[1]]), tmp_path, SaveOptions())

    with pytest.raises(PolicyRefused, match="nobody said to trust"):
        ADAPTER.load(tmp_path, {"format": "skops", "types": []}, LoadOptions())


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("pandas.io.pickle", "read_pickle", ("bait.pkl",)),
        ("numpy", "memmap", ("marker", "uint8", "w+", 0, 4)),
        ("sklearn.externals._numpydoc.docscrape", "Reader", ("x",)),
    ],
)
def test_a_forged_file_cannot_call_what_a_framework_offers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    arguments: tuple[object, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "marker"
    Path("bait.pkl").write_bytes(pickled(marker))
    forged(tmp_path / SKOPS_FILE, module, name, *arguments)
    how = {"format": "skops", "types": [f"{module}.{name}"]}

    with pytest.raises(PolicyRefused):
        ADAPTER.load(tmp_path, how, LoadOptions())  # type: ignore[arg-type]

    assert not marker.exists()


def test_that_forged_file_would_have_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    forged(tmp_path / SKOPS_FILE, "numpy", "memmap", "marker", "uint8", "w+", 0, 4)

    ADAPTER.load(tmp_path, {}, LoadOptions(allow_pickle=True))

    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sklearn.tree._tree.Tree", True),
        ("sklearn.gaussian_process.kernels.RBF", True),
        ("xgboost.sklearn.XGBClassifier", True),
        ("xgboost.core.DMatrix", False),
        ("sklearn.datasets._openml.fetch_openml", False),
        ("sklearn.utils._testing.TempMemmap", False),
        # What a module of scikit-learn has imported from elsewhere.
        ("sklearn.utils.fixes.pd.DataFrame", False),
        ("sklearn.pipeline.Memory", False),
        ("sklearn.no.such.Thing", False),
        ("sklearn..Thing", False),
        ("sklearn.", False),
        ("sklearn", False),
        ("", False),
        ("builtins.eval", False),
    ],
)
def test_types_are_trusted_by_name(name: str, *, expected: bool) -> None:
    assert trusts(name) is expected


@pytest.mark.parametrize("strange", [(part for part in range(1)), iter([1]), lambda x: x])
def test_what_skops_cannot_keep_is_pickled_with_consent_only(
    tmp_path: Path, strange: object
) -> None:
    model = FunctionTransformer().fit([[1]])
    model.strange_ = strange

    with pytest.raises(PolicyRefused, match="as a pickle only") as refused:
        ADAPTER.save(model, tmp_path, SaveOptions())

    assert "allow_pickle=True" in str(refused.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_written_and_loaded_with_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    monkeypatch.setattr(skops.io, "dump", lambda *_: (_ for _ in ()).throw(TypeError("no")))

    saved = ADAPTER.save(model, tmp_path, SaveOptions(allow_pickle=True))

    assert saved.format == "joblib"
    assert "pickle" in saved.notes[0]
    with pytest.raises(PolicyRefused, match="is a pickle"):
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    back = ADAPTER.load(tmp_path, saved.how, LoadOptions(allow_pickle=True))
    assert ADAPTER.predict(back, [[1.0]]) == [1]


@pytest.mark.parametrize("how", [{}, {"format": "joblib"}])
def test_a_malicious_joblib_file_does_not_run(tmp_path: Path, how: dict[str, Any]) -> None:
    marker = tmp_path / "marker"
    joblib.dump(Bait(marker), tmp_path / JOBLIB_FILE)

    with pytest.raises(PolicyRefused) as refused:
        ADAPTER.load(tmp_path, how, LoadOptions())

    assert refused.value.exit_code == 9
    assert not marker.exists()


def test_a_pickle_under_the_name_of_skops_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / SKOPS_FILE).write_bytes(pickled(marker))

    with pytest.raises(Unsupported, match="cannot load"):
        ADAPTER.load(tmp_path, {"format": "skops"}, LoadOptions())

    assert not marker.exists()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file that loads."""
    folder = tmp_path_factory.mktemp("sound")
    ADAPTER.save(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), folder, SaveOptions())
    return (folder / SKOPS_FILE).read_bytes()


@given(st.data())
def test_a_damaged_file_is_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    place = data.draw(st.integers(0, len(sound) - 1))
    damaged = bytearray(sound[: data.draw(st.integers(place, len(sound)))])
    damaged[place : place + 1] = data.draw(st.binary(max_size=4))
    (folder / SKOPS_FILE).write_bytes(damaged)

    try:
        ADAPTER.load(folder, {}, LoadOptions())
    except LadingError as error:
        assert error.hint or error.cause


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / SKOPS_FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(100_000_000))

    with pytest.raises(InvalidInput, match="would unpack"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_a_format_that_nobody_wrote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'exe'"):
        ADAPTER.load(tmp_path, {"format": "exe"}, LoadOptions())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file of this version"):
        ADAPTER.load(tmp_path, {"format": "skops"}, LoadOptions())


def test_an_input_that_does_not_fit_is_said_so() -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])

    with pytest.raises(InvalidInput, match="does not answer"):
        ADAPTER.predict(model, [[1.0, 2.0]])
