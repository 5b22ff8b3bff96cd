"""What only shows in large: left to `tests/run --all`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_file_of_eight_gigabytes_is_pushed_in_flat_memory(tmp_path: Path) -> None:
    """The benchmark's own case: it fails past its limit."""
    bench = ROOT / "tests" / "bench" / "run"

    told = subprocess.run(
        [bench, "--python", sys.executable, "--case", "sparse", "--workdir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    assert "memory of lading" in told.stdout
