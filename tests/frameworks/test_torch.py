"""PyTorch: weights without their module, and programs that ask first."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from frameworks.bait import Bait
from frameworks.fresh import loaded

from lading.errors import InvalidInput, PolicyRefused, Unsupported
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.registry import adapter_for
from lading.frameworks.torch import EXPORT_FILE, SCRIPT_FILE, WEIGHTS_FILE, StateDict, Torch

pytestmark = pytest.mark.slow

ADAPTER = Torch()
X = [[0.5, 1.5], [2.5, -1.0]]


def net() -> Any:
    from frameworks.nets import Net

    return Net()


def predicted(model: object) -> Any:
    return ADAPTER.predict(model, X)


def test_weights_go_into_their_module_in_a_fresh_process(tmp_path: Path) -> None:
    model = net()

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert saved.how == {"format": "safetensors", "class": "frameworks.nets:Net"}
    assert saved.notes == ()
    answer = loaded("torch", tmp_path, saved, X, into="frameworks.nets:Net")
    expected: Any = ADAPTER.predict(model, X)
    assert answer["class"] == "Net"
    assert np.allclose(answer["answer"], expected)
    assert model.training


def test_shared_weights_are_written_once_and_come_back_under_both_names(tmp_path: Path) -> None:
    from safetensors import safe_open

    ADAPTER.save(net(), tmp_path, SaveOptions())

    back: Any = ADAPTER.load(tmp_path, {}, LoadOptions())
    with safe_open(tmp_path / WEIGHTS_FILE, framework="pt") as file:
        written = set(file.keys())
    assert written == {"first.weight", "first.bias", "second.bias"}
    assert sorted(back) == ["first.bias", "first.weight", "second.bias", "second.weight"]
    assert back["second.weight"] is back["first.weight"]


def test_the_file_is_one_that_safetensors_itself_loads_into_a_module(tmp_path: Path) -> None:
    from safetensors.torch import load_model

    model, other = net(), net()
    ADAPTER.save(model, tmp_path, SaveOptions())

    load_model(other, tmp_path / WEIGHTS_FILE)

    assert np.allclose(predicted(model), predicted(other))


def test_parts_of_one_memory_are_written_whole_each(tmp_path: Path) -> None:
    import torch

    whole = torch.arange(6.0).reshape(2, 3)
    tensors = {"row": whole[0], "whole": whole, "turned": whole.T, "none": torch.empty(0)}

    saved = ADAPTER.save(tensors, tmp_path, SaveOptions())

    assert adapter_for(tensors).name == "torch"
    assert saved.notes == ("1 tensors shared memory with others and were written whole each",)
    back: Any = ADAPTER.load(tmp_path, saved.how, LoadOptions())
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())


def test_weights_of_another_module_do_not_fit(tmp_path: Path) -> None:
    import torch

    saved = ADAPTER.save(net(), tmp_path, SaveOptions())

    back: Any = ADAPTER.load(tmp_path, saved.how, LoadOptions())
    with pytest.raises(InvalidInput, match="do not fit into Linear") as refused:
        back.into(torch.nn.Linear(2, 2))

    assert "frameworks.nets:Net" in str(refused.value.hint)


def test_weights_alone_answer_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="answer nothing"):
        ADAPTER.predict(StateDict({}, "a:B"), X)


def test_a_state_that_is_not_tensors_cannot_be_saved(tmp_path: Path) -> None:
    class Extra(type(net())):  # type: ignore[misc]
        def get_extra_state(self) -> object:
            return {"step": 1}

    with pytest.raises(InvalidInput, match="_extra_state"):
        ADAPTER.save(Extra(), tmp_path, SaveOptions())


def test_torchscript_runs_in_a_fresh_process_with_consent(tmp_path: Path) -> None:
    import torch

    model = torch.jit.script(net())

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert "allow_pickle=True" in saved.notes[0]
    answer = loaded("torch", tmp_path, saved, X, allow_pickle=True)
    expected: Any = ADAPTER.predict(model, X)
    assert answer["class"] == "RecursiveScriptModule"
    assert np.allclose(answer["answer"], expected)


def test_torchscript_that_writes_files_while_it_loads_does_not_run(tmp_path: Path) -> None:
    import torch
    from frameworks.nets import Writing

    marker = tmp_path / "marker"
    torch.jit.save(torch.jit.script(Writing(str(marker))), tmp_path / SCRIPT_FILE)

    with pytest.raises(PolicyRefused, match="torchscript program") as refused:
        ADAPTER.load(tmp_path, {"format": "torchscript"}, LoadOptions())

    assert refused.value.exit_code == 9
    assert not marker.exists()
    ADAPTER.load(tmp_path, {}, LoadOptions(allow_pickle=True))
    assert marker.exists()


def test_an_exported_program_is_loaded_with_consent(tmp_path: Path) -> None:
    import torch

    model = torch.export.export(net().eval(), (torch.rand(2, 2),))

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    with pytest.raises(PolicyRefused, match="pt2 program"):
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    back = ADAPTER.load(tmp_path, saved.how, LoadOptions(allow_pickle=True))
    assert np.allclose(predicted(back), predicted(model))


def test_a_pickle_within_an_exported_program_does_not_run(tmp_path: Path) -> None:
    import torch

    marker = tmp_path / "marker"
    sound = BytesIO()
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.rand(1, 2),)), sound)
    bait = BytesIO()
    torch.save(Bait(marker), bait)
    with ZipFile(sound) as whole, ZipFile(tmp_path / EXPORT_FILE, "w") as forged:
        for name in whole.namelist():
            forged.writestr(name, bait.getvalue() if "sample_inputs" in name else whole.read(name))

    with pytest.raises(PolicyRefused, match="pt2 program"):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()
    with pytest.raises(Unsupported):
        ADAPTER.load(tmp_path, {}, LoadOptions(allow_pickle=True))
    assert marker.exists()


@pytest.mark.parametrize("name", [WEIGHTS_FILE, SCRIPT_FILE, EXPORT_FILE])
def test_a_malicious_file_of_torch_does_not_run(tmp_path: Path, name: str) -> None:
    import torch

    marker = tmp_path / "marker"
    torch.save(Bait(marker), tmp_path / name)

    with pytest.raises((PolicyRefused, Unsupported)):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()
    torch.load(BytesIO((tmp_path / name).read_bytes()), weights_only=False)
    assert marker.exists()


def test_brain_floats_are_answered_as_floats(tmp_path: Path) -> None:
    import torch

    model = torch.nn.Linear(2, 1).to(torch.bfloat16)

    answer: Any = ADAPTER.predict(model, np.array(X))

    assert answer.dtype == np.float32
