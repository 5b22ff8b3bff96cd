"""Files that do something when they are unpickled: leave a marker. Nothing else is bait."""

from __future__ import annotations

import pickle
from pathlib import Path


class Bait:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


def pickled(marker: Path) -> bytes:
    """The pickle of one."""
    return pickle.dumps(Bait(marker))
