"""Imports read from code and notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.capture.imports import imports


def test_imports_of_files_and_notebooks_are_found(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import os, sklearn.svm as svm\nfrom google.cloud import storage\nfrom . import near\n"
        "from .. import far\nimport beside\nfrom a import *\n"
        "def later():\n    if True:\n        import yaml\n"
    )
    (tmp_path / "beside.py").write_text("")
    cells = [
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import pandas\n", "!pip list"]},
        {"cell_type": "code", "source": "if 1:\n    %time x\n    import PIL\nhelp?"},
        {"cell_type": "code", "source": "%%bash\nimport nothing"},
        {"cell_type": "markdown", "source": "import prose"},
    ]
    (tmp_path / "explore.ipynb").write_text(json.dumps({"cells": cells}))

    found = imports([tmp_path / "train.py", tmp_path / "explore.ipynb"])

    assert found.modules == ("PIL", "a", "google.cloud.storage", "pandas", "sklearn.svm", "yaml")
    assert found.notes == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.py", b"def ("),
        ("nul.py", b"import a\x00b"),
        ("binary.py", b"\xff\xfe\xfd"),
        ("deep.py", b"(" * 100_000),
        ("deep.ipynb", b"[" * 100_000),
        ("large.py", b"#" * (4 * 1024 * 1024 + 1)),
        ("broken.ipynb", b'{"cells": [{"cell_type": "code", "source": "def ("}]}'),
    ],
)
def test_what_cannot_be_read_is_a_note(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.py").write_text("import numpy")

    found = imports([tmp_path / name, tmp_path / "good.py", tmp_path])

    assert found.modules == ("numpy",)
    assert [note.split()[0] for note in found.notes] == [name, tmp_path.name]


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_is_more_than_a_note(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("code")
    for name in ("any.py", "any.ipynb"):
        (folder / name).write_bytes(content)

    found = imports([folder / "any.py", folder / "any.ipynb"])

    assert all(isinstance(module, str) for module in found.modules)
