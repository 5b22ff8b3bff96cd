"""How slowly this machine works at this moment.

Where others use the same processors and caches the same work takes more of a processor's own time,
too, so a limit in seconds would be about what they do.
"""

from __future__ import annotations

import time
from typing import Final

# What the work below takes where nothing else runs.
_USUAL: Final = 0.07


def pace() -> float:
    """How many times as long as usual a fixed piece of work takes now; 1 at the least."""
    began = time.process_time()
    kept = {}
    for number in range(400_000):
        kept[number % 5000] = str(number)
    assert len(kept) == 5000
    return max(1.0, (time.process_time() - began) / _USUAL)
