"""Pulling with nothing but curl and tar: exactly what README.md says, line by line."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import parts
import pytest
from peers.plain import files_of, folders_of
from peers.shipped import Shipped

README = Path(__file__).parents[2] / "README.md"


def commands(chapter: str, program: str) -> str:
    """The console lines of a chapter of README.md, of the block that uses a program."""
    text = README.read_text().partition(f"## {chapter}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    (block,) = (block for block in blocks if re.search(rf"\b{program}\b", block))
    return re.sub(r"^\$ ", "", block, flags=re.MULTILINE)


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    parts.require("curl", "tar")
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def script(shipped: Shipped) -> str:
    """The README's lines, with this test's names in the place of the example's."""
    text = commands("Without Lading", "curl")
    names = {
        "localhost:5000/v2/ml/fraud": f"{shipped.registry.host}/v2/{shipped.repository}",
        "manifests/1.0.0": f"manifests/{shipped.result.version}",
    }
    for example, own in names.items():
        assert text.count(example) == 1
        text = text.replace(example, own)
    return text


def test_the_readmes_lines_pull_every_file(shipped: Shipped, script: str, tmp_path: Path) -> None:
    done = run(script, tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name for path in tmp_path.iterdir()} == {"models"}
    files = files_of(tmp_path / "models")
    assert json.loads(files.pop("lading.json"))["version"] == shipped.result.version
    assert files == shipped.files
    assert "hollow" in folders_of(tmp_path / "models")


def test_the_readmes_lines_pull_by_digest(shipped: Shipped, script: str, tmp_path: Path) -> None:
    by_tag = f"manifests/{shipped.result.version}"

    done = run(script.replace(by_tag, f"manifests/{shipped.result.digest}"), tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    files = files_of(tmp_path / "models")
    del files["lading.json"]
    assert files == shipped.files
