"""Large frameworks from a model to a version and back, and files of theirs that were pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.errors import NotFound, PolicyRefused, Unsupported
from lading.operations.inspect import inspect
from lading.operations.load import load
from lading.operations.push import push
from lading.operations.reproduce import reproduce
from lading.operations.save import save
from lading.settings import Settings

pytestmark = pytest.mark.slow

X = np.array([[0.5, 1.5], [2.5, -1.0]], np.float32)


def net() -> Any:
    from frameworks.nets import Net

    return Net().eval()


def answer(module: Any) -> Any:
    import torch

    with torch.inference_mode():
        return module(torch.as_tensor(X)).numpy()


def dense(*layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3), *layers])


@pytest.mark.parametrize("name", ["sd.pt", "x.pth", "model.pt"])
def test_weights_that_torch_wrote_are_loaded_by_consent(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    import torch

    made = net()
    torch.save(made.state_dict(), tmp_path / name)
    push(tmp_path / name, "ml/net:1.0.0", settings=settings)

    with pytest.raises(PolicyRefused, match=r"file of torch\.save"):
        load("ml/net:1.0.0", settings=settings)
    loaded = load("ml/net:1.0.0", allow_pickle=True, into=type(made), settings=settings)

    assert np.allclose(loaded.predict(X), answer(made))


def test_weights_in_safetensors_need_no_consent(settings: Settings, tmp_path: Path) -> None:
    from safetensors.torch import save_model

    made = net()
    save_model(made, str(tmp_path / "w.safetensors"), metadata={"format": "pt"})
    push(tmp_path / "w.safetensors", "ml/net:1.0.0", settings=settings)

    loaded = load("ml/net:1.0.0", adapter="torch", into=net(), settings=settings)

    assert np.allclose(loaded.predict(X), answer(made))


def test_a_pushed_script_is_told_from_weights(settings: Settings, tmp_path: Path) -> None:
    import torch

    made = net()
    torch.jit.script(made).save(str(tmp_path / "s.pt"))
    push(tmp_path / "s.pt", "ml/net:1.0.0", settings=settings)

    loaded = load("ml/net:1.0.0", allow_pickle=True, settings=settings)

    assert np.allclose(loaded.predict(X), answer(made))


def test_a_pushed_archive_of_keras_is_found(settings: Settings, tmp_path: Path) -> None:
    made = dense()
    made.save(tmp_path / "k.keras")
    push(tmp_path / "k.keras", "ml/net:1.0.0", settings=settings)

    loaded = load("ml/net:1.0.0", settings=settings)

    assert np.allclose(loaded.predict(X), made.predict(X, verbose=0))


def test_a_lambda_layer_is_refused_when_it_is_saved(settings: Settings) -> None:
    import keras

    made = dense(keras.layers.Lambda(lambda x: x * 2))

    for allow_pickle in (False, True):
        with pytest.raises(PolicyRefused, match="never be loaded") as refused:
            save(made, "ml/net:1.0.0", allow_pickle=allow_pickle, settings=settings)

    assert "register_keras_serializable" in str(refused.value.hint)
    with pytest.raises(NotFound):
        inspect("ml/net:1.0.0", settings=settings)


def test_a_registered_layer_class_does_what_a_lambda_would(settings: Settings) -> None:
    import keras

    @keras.saving.register_keras_serializable("lading_tests")
    class Double(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    made = dense(Double())
    save(made, "ml/net:1.0.0", input_example=X, settings=settings)

    assert reproduce("ml/net:1.0.0", check=True, settings=settings).check == "same"


@pytest.mark.parametrize("outputs", ["one", "named", "wrapped", "several"])
def test_a_module_of_tensorflow_answers_as_it_did(settings: Settings, outputs: str) -> None:
    import tensorflow

    class Scale(tensorflow.Module):  # type: ignore[misc]
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], name="x")])
        def __call__(self, x):  # type: ignore[no-untyped-def]
            return {"one": x, "named": {"y": x}, "wrapped": (x,), "several": (x, x + 1)}[outputs]

    save(Scale(), "ml/scale:1.0.0", input_example=X, settings=settings)

    told = reproduce("ml/scale:1.0.0", check=True, allow_pickle=True, settings=settings)
    assert told.check == "same"


def test_a_pushed_savedmodel_is_found(settings: Settings, tmp_path: Path) -> None:
    import tensorflow

    class Scale(tensorflow.Module):  # type: ignore[misc]
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], name="x")])
        def __call__(self, x):  # type: ignore[no-untyped-def]
            return x * 2

    tensorflow.saved_model.save(Scale(), str(tmp_path / "export" / "1"))
    push(tmp_path / "export", "ml/scale:1.0.0", settings=settings)

    loaded = load("ml/scale:1.0.0", allow_pickle=True, settings=settings)

    assert np.allclose(loaded.predict(X), X * 2)


def test_weights_are_checked_in_their_module(settings: Settings) -> None:
    made = net()
    save(made, "ml/net:1.0.0", input_example=X, settings=settings)

    with pytest.raises(Unsupported, match="weights alone"):
        reproduce("ml/net:1.0.0", check=True, settings=settings)
    told = reproduce("ml/net:1.0.0", check=True, into=net(), settings=settings)

    assert told.check == "same"
    assert not any("--check" in command for command in told.commands)
