"""The real files, made once for all tests of the room."""

from __future__ import annotations

from pathlib import Path

import pytest
from formats.models import write_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of every format, by its name."""
    return write_models(tmp_path_factory.mktemp("models"))
