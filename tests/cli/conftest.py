from __future__ import annotations

from pathlib import Path

import pytest
from parts.command import Command


@pytest.fixture
def lading(tmp_path: Path) -> Command:
    """The command line, with a home of its own."""
    return Command(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small folder to push."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"layers": 2}\n')
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 64)
    (folder / "vocab").mkdir()
    (folder / "vocab" / "words.txt").write_text("one\ntwo\n")
    return folder
