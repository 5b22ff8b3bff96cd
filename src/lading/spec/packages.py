"""Python packages, as indexes compare their names."""

from __future__ import annotations

import re
from typing import Final

_RUNS: Final = re.compile(r"[-_.]+")


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it: ``Foo_bar`` is ``foo-bar``."""
    return _RUNS.sub("-", name).lower()
