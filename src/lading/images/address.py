"""Where a model lies in an image, and what its server listens on."""

from __future__ import annotations

from typing import Final

MODELS: Final = "/models"
PORT: Final = 8080
