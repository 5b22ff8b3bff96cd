"""A model saved twice is the same bytes twice, and still the model."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from lading.frameworks.skops_file import settle

ROWS = np.arange(20.0).reshape(10, 2)
LABELS = np.arange(10) % 2
_SCRIPT = """
import sys, numpy as np, skops.io
from pathlib import Path
from sklearn.ensemble import RandomForestClassifier
from lading.frameworks.skops_file import settle
rows, labels = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
skops.io.dump(RandomForestClassifier(3, random_state=0).fit(rows, labels), sys.argv[1])
settle(Path(sys.argv[1]))
"""


def test_the_same_model_is_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", _SCRIPT, tmp_path / name], check=True)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_is_settled_is_still_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    skops.io.dump(model, path)

    settle(path)

    again = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    assert np.array_equal(again.predict_proba(ROWS), model.predict_proba(ROWS))
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.skops"]


def test_nothing_of_the_process_is_left_in_it(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(RandomForestClassifier(2, random_state=0).fit(ROWS, LABELS), path)

    settle(path)

    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(len(name) < 12 for name in archive.namelist())


def test_parts_that_were_one_stay_one(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    shared = np.arange(3.0)
    skops.io.dump({"a": shared, "b": shared}, path)

    settle(path)

    again = skops.io.load(path)
    assert again["a"] is again["b"]


def test_bytes_are_named_by_their_part_and_not_by_chance(tmp_path: Path) -> None:
    same = b"the same"
    model = {"a": same, "b": bytearray(b"other"), "c": same}
    for name in ("one", "two"):
        skops.io.dump(model, tmp_path / name)

        settle(tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert skops.io.load(tmp_path / "one", trusted=["builtins.bytearray"]) == model


def test_a_model_that_keeps_itself_as_bytes_is_the_same_twice(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), XGBClassifier(n_estimators=2)).fit(ROWS, LABELS)
    for name in ("one", "two"):
        skops.io.dump(model, tmp_path / name)

        settle(tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
