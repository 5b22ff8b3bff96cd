"""Stretches of time as people write them: ``30d``, ``12h``, ``90m``, ``2w``."""

from __future__ import annotations

import re
from typing import Final

from lading.errors import InvalidInput

DURATION: Final = r"^[1-9][0-9]{0,7}[smhdw]$"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# A moment so far away is still one that a calendar has.
_LONGEST: Final = 1000 * 366 * 86400


def seconds_of(text: str) -> int:
    """The seconds in a duration.

    Raises:
        InvalidInput: it is none, or longer than a thousand years.
    """
    if re.fullmatch(DURATION.strip("^$"), text, re.ASCII):
        seconds = int(text[:-1]) * _SECONDS[text[-1]]
        if seconds <= _LONGEST:
            return seconds
    raise InvalidInput(
        f"not a duration: {text[:40]!r}", hint="a number and s, m, h, d or w, as in 30d"
    )


def duration(seconds: int) -> str:
    """The duration in the largest unit up to days that it is a whole number of: ``30d``."""
    for unit in ("d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
