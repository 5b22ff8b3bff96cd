"""Files of a version that Lading wrote: what was captured, and the input example.

They lie under ``.lading/`` beside the model's own files and have layers of their own, so that a
second push can tell whether a person's files changed without having captured the same again. A
folder that was pulled holds them as well: then they are packed as they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FOLDER: Final = ".lading/"
EXAMPLE_FOLDER: Final = ".lading/example/"
LOCK_PATH: Final = ".lading/pylock.toml"
# The document's environment once more, for who pushes a folder that was pulled.
ENVIRONMENT_PATH: Final = ".lading/environment.json"
PATCH_PATH: Final = ".lading/code.patch"
PREDICTIONS_PATH: Final = ".lading/predictions.json"

Bundle = Literal["example", "record"]
# What a person gave comes before what was found out.
BUNDLES: Final[tuple[Bundle, ...]] = ("example", "record")
TITLES: Final[dict[Bundle, str]] = {
    "example": "lading.example.tar",
    "record": "lading.record.tar",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that Lading writes into a version: it is on no disk."""

    path: str
    raw: bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A file whose bytes are in the registry already, in a layer that nobody has to read."""

    path: str
    size: int


def bundle_of(path: str) -> Bundle | None:
    """Which of Lading's own bundles a file belongs to; None for a person's file."""
    if path.startswith(EXAMPLE_FOLDER):
        return "example"
    return "record" if path.startswith(FOLDER) else None
