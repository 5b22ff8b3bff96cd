"""Keras 3, in the backend of torch, and TensorFlow's own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks.bait import pickled
from frameworks.fresh import loaded

from lading.errors import LadingError, PolicyRefused
from lading.frameworks import installed
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.keras import MODEL_FILE, Keras
from lading.frameworks.registry import adapter_for
from lading.frameworks.tensorflow import TensorFlow

pytestmark = pytest.mark.slow

ADAPTER = Keras()
X = [[0.5, 1.5], [2.5, -1.0]]


def model(*layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3), *layers])


def test_a_trained_model_answers_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    made = model()
    made.compile("adam", "mse")
    made.fit(np.array(X), np.zeros((2, 3)), verbose=0)

    saved = ADAPTER.save(made, tmp_path, SaveOptions())

    assert adapter_for(made).name == "keras"
    assert saved.roots == ("keras", "torch")
    assert saved.params == {"optimizer": "Adam"}
    expected: Any = ADAPTER.predict(made, X)
    answer = loaded("keras", tmp_path, saved, X)
    assert answer["class"] == "Sequential"
    assert np.allclose(answer["answer"], expected)


def test_a_lambda_layer_does_not_run(tmp_path: Path) -> None:
    import keras

    marker = tmp_path / "marker"
    # The archive keeps the lambda's bytecode, which finds builtins only.
    touch = f"touch {marker}"
    evil = keras.layers.Lambda(lambda x: __import__("os").system(touch) or x, name="evil")
    made = model(evil)

    saved = ADAPTER.save(made, tmp_path, SaveOptions())

    marker.unlink(missing_ok=True)
    with pytest.raises(PolicyRefused, match="holds code") as refused:
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    assert refused.value.exit_code == 9
    assert not marker.exists()
    back: Any = ADAPTER.load(tmp_path, saved.how, LoadOptions(allow_pickle=True))
    ADAPTER.predict(back, X)
    assert marker.exists()


def test_a_keras_whose_safe_mode_is_not_safe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "version_of", lambda _: "3.10.0")

    with pytest.raises(PolicyRefused, match=r"3\.10\.0 can be made to run code"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_a_pickle_under_the_name_of_keras_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / MODEL_FILE).write_bytes(pickled(marker))

    with pytest.raises(LadingError):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()


def test_a_module_of_tensorflow_is_a_program_that_asks_first(tmp_path: Path) -> None:
    import tensorflow

    class Scale(tensorflow.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.factor = tensorflow.Variable([1.0, 2.0])

        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], name="x")])
        def __call__(self, x):  # type: ignore[no-untyped-def]
            return x * self.factor

    made = Scale()

    saved = TensorFlow().save(made, tmp_path, SaveOptions())

    assert adapter_for(made).name == "tensorflow"
    with pytest.raises(PolicyRefused, match="SavedModel") as refused:
        TensorFlow().load(tmp_path, saved.how, LoadOptions())
    assert "allow_pickle=True" in str(refused.value.hint)
    answer = loaded("tensorflow", tmp_path, saved, X, allow_pickle=True)
    assert answer["answer"] == [[0.5, 3.0], [2.5, -2.0]]
