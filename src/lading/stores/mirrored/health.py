"""Who did not answer a moment ago. Kept for the process, and for seconds only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Literal

# For so long whoever failed is asked last.
REST: Final = 20.0

# What names mean and which there are; or content, which anybody may give who has it.
Kind = Literal["names", "content"]


class Health:
    """The origins that failed; safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[tuple[str, Kind], float] = {}
        self._told: dict[str, float] = {}

    def failed(self, origin: str, *kinds: Kind) -> bool:
        """Remember a failure; whether that is news."""
        now = self._clock()
        with self._lock:
            news = any(self._until.get((origin, kind), now) <= now for kind in kinds)
            self._until |= {(origin, kind): now + REST for kind in kinds}
            return news

    def rests(self, origin: str, kind: Kind) -> bool:
        """Whether it failed a moment ago."""
        with self._lock:
            return self._until.get((origin, kind), 0.0) > self._clock()

    def is_news(self, what: str) -> bool:
        """Whether nobody was told this a moment ago: one outage is one fact, in any store."""
        now = self._clock()
        with self._lock:
            before = self._told.get(what)
            self._told[what] = now
            return before is None or now - before > REST

    def forget(self) -> None:
        """Let everybody be asked again."""
        with self._lock:
            self._until.clear()
            self._told.clear()


HEALTH: Final = Health()
