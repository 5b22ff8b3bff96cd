from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import parts
import pytest
from parts.command import Command
from parts.process import Daemon, answers, free_port

from lading.operations.quickstart import FOLDER, model_files, quickstart


def test_the_quickstart_makes_pushes_pulls_and_shows(lading: Command) -> None:
    done = lading("quickstart")

    assert done.returncode == 0, done.stderr
    assert (lading.folder / FOLDER / "model.safetensors").exists()
    for text in ("quickstart/ripeness:0.1.0", "sha256:", "predict.py", "docker-registry"):
        assert text in done.stdout


def test_running_it_twice_changes_nothing(lading: Command) -> None:
    first = json.loads(lading("quickstart", "--json").stdout)
    second = json.loads(lading("quickstart", "--json").stdout)

    assert (first["status"], second["status"]) == ("created", "unchanged")
    assert first["digest"] == second["digest"]
    assert first["path"] == second["path"]


def test_what_was_pulled_runs(lading: Command) -> None:
    path = Path(json.loads(lading("quickstart", "--json").stdout)["path"])

    done = subprocess.run(
        [sys.executable, "-I", path / "predict.py"], capture_output=True, text=True, check=True
    )
    unripe = subprocess.run(
        [sys.executable, "-I", path / "predict.py", "1", "5"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["label"] == "ripe"
    assert json.loads(unripe.stdout)["label"] == "unripe"


def test_it_needs_no_registry_even_where_one_is_set(lading: Command) -> None:
    done = lading("quickstart", LADING_REGISTRY="127.0.0.1:1")

    assert done.returncode == 0, done.stderr


def test_a_folder_that_holds_something_else_is_left_alone(lading: Command) -> None:
    mine = lading.folder / FOLDER
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")

    done = lading("quickstart")

    assert done.returncode == 7
    assert "thesis.txt" in done.stderr
    assert "--folder" in done.stderr
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_an_edited_model_is_left_alone_and_the_hint_works(lading: Command) -> None:
    lading("quickstart")
    card = lading.folder / FOLDER / "README.md"
    card.write_text("mine now\n")

    done = lading("quickstart")

    assert done.returncode == 7
    assert card.read_text() == "mine now\n"
    hint = done.stderr.partition("next version: ")[2].split()
    assert hint[0] == "lading"
    assert lading(*hint[1:]).stdout.startswith("quickstart/ripeness:0.1.1@sha256:")


def test_what_a_file_browser_leaves_behind_is_no_stranger(lading: Command) -> None:
    lading("quickstart")
    (lading.folder / FOLDER / ".DS_Store").write_bytes(b"\x00")

    assert lading("quickstart").returncode == 0


def test_a_file_in_the_way_is_refused(lading: Command) -> None:
    (lading.folder / FOLDER).write_text("a file")

    assert lading("quickstart").returncode == 2


def test_the_model_is_the_same_bytes_every_time_and_valid_safetensors() -> None:
    files = model_files()
    raw = files["model.safetensors"]

    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + length])

    assert files == model_files()
    assert length % 8 == 0
    assert {name: tensor["shape"] for name, tensor in header.items()} == {
        "weight": [2],
        "bias": [1],
    }
    assert max(tensor["data_offsets"][1] for tensor in header.values()) == len(raw) - 8 - length


def test_the_registry_line_starts_a_registry_that_takes_the_copy(
    lading: Command, tmp_path: Path
) -> None:
    program = parts.found("docker-registry")
    port = free_port()
    steps = json.loads(lading("quickstart", "--json").stdout)["next"]
    (serve,) = [s["command"] for s in steps if "docker-registry serve" in s["command"]]
    (copy,) = [s["command"] for s in steps if s["command"].startswith("lading copy")]
    serve = serve.replace("localhost:5000", f"127.0.0.1:{port}").removesuffix(" &")
    serve = serve.replace("/tmp/lading-registry", str(tmp_path / "registry"))
    # In a process of its own instead of a pipeline, so that it can be ended.
    written, _, _ = serve.partition(" | ")
    config = subprocess.run(["sh", "-c", written], capture_output=True, check=True).stdout
    (tmp_path / "registry.yml").write_bytes(config)
    registry = Daemon([program, "serve", str(tmp_path / "registry.yml")], tmp_path / "log")

    try:
        assert registry.wait_for(lambda: answers(port)), registry.printed()
        done = lading(*copy.replace("localhost:5000", f"127.0.0.1:{port}").split()[1:])
    finally:
        registry.stop()

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"127.0.0.1:{port}/quickstart/ripeness:0.1.0@sha256:")


def test_the_sdk_can_do_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADING_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LADING_CACHE", str(tmp_path / "cache"))

    result = quickstart(tmp_path / "folder")

    assert (Path(result.path) / "config.json").exists()
    assert [file.path for file in result.files] == sorted(model_files())
