"""Files that the large frameworks write themselves; they are in requirements-large.txt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from formats.models import library

from lading.formats.look import Look, look
from lading.formats.window import FileWindow

pytestmark = pytest.mark.slow


def see(path: Path) -> Look:
    with FileWindow(path) as window:
        found = look(path.name, window)
    assert found is not None
    return found


def test_pytorchs_own_files_tell_what_the_model_holds(tmp_path: Path) -> None:
    torch = library("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).eval()
    state = model.state_dict()
    expected = sum(tensor.numel() for tensor in state.values())
    torch.save(state, tmp_path / "state.pt")
    torch.save(model, tmp_path / "whole.pt")
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.jit.trace(model, torch.rand(4, 3)).save(str(tmp_path / "script.pt"))
    exported = torch.export.export(model, (torch.rand(4, 3),))
    torch.export.save(exported, tmp_path / "exported.pt2")

    found = {path.name: see(path) for path in tmp_path.iterdir()}

    assert {name: look.facts.format for name, look in found.items()} == {
        "state.pt": "pytorch",
        "whole.pt": "pytorch",
        "old.pt": "pytorch-legacy",
        "script.pt": "torchscript",
        "exported.pt2": "torch-export",
    }
    for name, each in found.items():
        assert each.facts.parameters == expected, name
        assert each.facts.tensors == len(state), name
        assert each.framework == "pytorch"
    assert found["whole.pt"].facts.architecture == "Sequential"
    assert "torch" in found["whole.pt"].modules


def test_a_half_precision_state_dict_tells_its_types(tmp_path: Path) -> None:
    torch = library("torch")
    shared = torch.zeros(4, 4, dtype=torch.bfloat16)
    state = {"a": shared, "tied": shared, "b": torch.zeros(3, dtype=torch.float16)}
    torch.save(state, tmp_path / "state.pt")

    assert see(tmp_path / "state.pt").facts.dtypes == {"bfloat16": 16, "float16": 3}


# In a process of its own: TensorFlow's registrations and its log are of no use to other tests.
KERAS = """
import sys, keras, tensorflow as tf
folder = sys.argv[1]
model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(3)])
model.export(folder + "/saved")
model.save(folder + "/plain.keras")
model.save(folder + "/plain.h5")
code = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
code.save(folder + "/code.keras")
print(keras.__version__, tf.__version__, model.count_params())
"""


def test_keras_and_tensorflows_own_files_tell_what_the_model_holds(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KERAS, str(tmp_path)]
    # Only TensorFlow writes its own format, whichever backend others have.
    backend = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    ran = subprocess.run(command, env=backend, capture_output=True, text=True, check=True)
    keras, tensorflow, parameters = ran.stdout.split()[-3:]

    saved = see(tmp_path / "saved/saved_model.pb")
    plain, code = see(tmp_path / "plain.keras"), see(tmp_path / "code.keras")

    assert (saved.framework, saved.framework_version) == ("tensorflow", tensorflow)
    assert saved.facts.parameters == int(parameters)
    assert saved.signature is not None
    assert saved.signature.as_json()["inputs"] == [
        {"kind": "tensor", "name": "x", "dtype": "float32", "shape": [-1, 4]}
    ]
    assert (plain.framework, plain.framework_version) == ("keras", keras)
    assert plain.facts.details["lambda_layers"] is False
    assert code.facts.details["lambda_layers"] is True
    assert see(tmp_path / "plain.h5").framework == "keras"
