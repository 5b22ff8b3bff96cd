"""What the real PyTorch writes, and what it would run."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lading.hazards.scan import scan_file

pytestmark = pytest.mark.slow


def network() -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten())


def save_state(path: Path) -> None:
    import torch

    torch.save(network().state_dict(), path)


def save_old(path: Path) -> None:
    import torch

    torch.save(network().state_dict(), path, _use_new_zipfile_serialization=False)


def save_whole(path: Path) -> None:
    import torch

    torch.save([network(), torch.nn.TransformerEncoderLayer(8, 2)], path)


def save_script(path: Path) -> None:
    import torch

    torch.jit.script(network()).save(path)


def save_checkpoint(path: Path) -> None:
    import torch

    net = network()
    steps = torch.optim.AdamW(net.parameters())
    torch.save({"model": net.state_dict(), "steps": steps.state_dict(), "epoch": 3}, path)


def save_tensors(path: Path) -> None:
    import torch

    sparse = torch.ones(3).to_sparse()
    torch.save([sparse, torch.zeros(3, dtype=torch.bfloat16), torch.device("cpu")], path)


@pytest.mark.parametrize(
    "save", [save_state, save_old, save_whole, save_script, save_checkpoint, save_tensors]
)
def test_what_torch_writes_is_clean(tmp_path: Path, save: Callable[[Path], None]) -> None:
    path = tmp_path / "model.pt"
    save(path)

    assert scan_file(path, "model.pt") == ()


class Backdoor:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("1",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_backdoor_that_torch_wrote_is_dangerous(tmp_path: Path, zipped: bool) -> None:
    import torch

    path = tmp_path / "weights.bin"
    value = {"w": torch.zeros(3), "x": Backdoor()}
    torch.save(value, path, _use_new_zipfile_serialization=zipped)

    (finding,) = scan_file(path, "weights.bin")

    assert (finding.severity, finding.what) == ("dangerous", "builtins.eval")


def test_tensors_in_a_plain_pickle_are_suspicious(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(network().state_dict()))

    (finding,) = scan_file(path, "model.pkl")

    assert finding.severity == "suspicious"
    assert finding.what == "torch.storage._load_from_bytes"
