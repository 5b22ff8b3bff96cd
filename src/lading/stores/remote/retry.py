"""When to ask again, and how long to wait before."""

from __future__ import annotations

import email.utils
import random
import time
from typing import Final

# What may be over in a moment.
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
# Who is told to wait longer than this had better be told so.
LONGEST_WAIT: Final = 120.0


def retry_after(text: str | None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for."""
    text = (text or "").strip()
    if text.isdecimal() and text.isascii():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def backoff(failures: int) -> float:
    """Longer each time, and never in step with the others that failed at the same moment."""
    return min(20.0, 0.25 * 2.0**failures) * random.uniform(0.5, 1.5)  # noqa: S311  no secret
