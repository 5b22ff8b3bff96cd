"""The room is cheap to enter: what is heavy is imported when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"lzma", "numpy", "pydantic", "sklearn", "torch", "yaml", "zipfile"}
# Facts are parts of the document, which is pydantic's; it brings zipfile and lzma along.
FACTS = {"lzma", "pydantic", "zipfile"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("lading.formats.window", set()),
        ("lading.formats.safetensors", set()),
        ("lading.formats.archive", set()),
        ("lading.formats.survey", FACTS),
    ],
)
def test_a_module_brings_nothing_heavy_along(module: str, allowed: set[str]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert HEAVY.intersection(ran.stdout.split()) <= allowed
