"""A model is tried as the server tries it, while an image is built."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

import lading
from lading.operations.answering.trying import try_folder
from lading.settings import Settings


def test_a_trial_leaves_no_thread_behind(tmp_path: Path, settings: Settings) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    lading.save(model, "ml/line:1.0.0", input_example=[[1.0]], settings=settings)
    lading.pull("ml/line:1.0.0", tmp_path / "model", settings=settings)
    before = set(threading.enumerate())

    notes = try_folder(str(tmp_path / "model"), settings=settings)

    # One that ends while the interpreter does may crash it.
    assert set(threading.enumerate()) <= before
    assert all("otherwise" not in note for note in notes)


def test_a_model_that_is_none_is_said(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(lading.InvalidInput, match="is empty"):
        try_folder(str(tmp_path / "empty"), settings=settings)
