"""What the tests of other tools' shapes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from lading.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=1)
