"""``lading scan`` from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from parts.command import Command

EVIL = b"cposix\nsystem\n(S'true'\ntR."
UNKNOWN = b"cacme.models\nNet\n)R."


def test_a_clean_model_exits_with_0(lading: Command, model: Path) -> None:
    done = lading("scan", model)

    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first == f"clean: nothing was found in 3 files of {model}"
    assert second.startswith("(2 files of no format that is looked into")


def test_files_of_no_format_that_is_looked_into_are_counted(
    lading: Command, tmp_path: Path
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\x01\x02\x03" * 1000)
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04N.")
    (tmp_path / "array.npy").write_bytes(b"\x93NUMPY\x01\x00")

    done = lading("scan", tmp_path, "--json")
    alone = lading("scan", tmp_path / "model.pkl")

    assert (json.loads(done.stdout)["files"], json.loads(done.stdout)["unread"]) == (3, 1)
    assert alone.stdout == f"clean: nothing was found in 1 file of {tmp_path / 'model.pkl'}\n"


def test_a_dangerous_model_exits_with_1_and_shows_what_and_where(
    lading: Command, model: Path
) -> None:
    (model / "model.pkl").write_bytes(EVIL)

    done = lading("scan", model)

    assert done.returncode == 1
    assert "dangerous  model.pkl  posix.system  picklescan knows" in done.stdout
    assert "safe" not in done.stdout.lower()


@pytest.mark.parametrize(("content", "code"), [(UNKNOWN, 0), (EVIL, 1)])
def test_only_what_is_suspicious_can_be_allowed(
    lading: Command, model: Path, content: bytes, code: int
) -> None:
    (model / "model.pkl").write_bytes(content)

    assert lading("scan", model).returncode == 1
    assert lading("scan", model, "--allow", "suspicious").returncode == code
    assert lading("scan", model, "--allow", "dangerous").returncode == 2


def test_a_version_is_scanned_by_its_name(lading: Command, model: Path) -> None:
    (model / "model.pkl").write_bytes(EVIL)
    lading("push", model, "ml/tiny:1.0.0")

    done = lading("scan", "ml/tiny:1.0.0", "--json")

    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert result["verdict"] == "dangerous"
    assert result["findings"][0]["path"] == "model.pkl"
