"""Saying that a registry keeps silent, while it does.

Who waits for a minute wants to know for what. One thread watches all that is asked for, since a
timer for each request would cost more than many requests do; it ends when nothing is waited for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lading.stores.remote.origin import Origin

_log = logging.getLogger(__name__)

# Whoever waits longer than this is told.
PATIENCE: Final = 5.0
_LOOK: Final = 0.5


class Silence:
    """Warns once of each origin that does not answer; safe to use from many threads."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._turn = threading.Condition()
        self._waits: dict[object, tuple[Origin, float]] = {}
        self._told: set[Origin] = set()
        self._watching = False

    @contextmanager
    def broken_by(self, origin: Origin) -> Iterator[None]:
        """Around whatever waits for an answer of that origin."""
        wait = object()
        with self._turn:
            self._waits[wait] = (origin, time.monotonic())
            begin, self._watching = not self._watching, True
        if begin:
            threading.Thread(target=self._watch, name="lading-silence", daemon=True).start()
        try:
            yield
        finally:
            with self._turn:
                del self._waits[wait]
                self._told.discard(origin)

    def _watch(self) -> None:
        idle = False
        while True:
            with self._turn:
                self._turn.wait(_LOOK)
                if idle and not self._waits:
                    self._watching = False
                    return
                idle = not self._waits
                silent = self._silent()
                self._told |= silent
            for origin in sorted(silent, key=str):
                _log.warning(
                    "%s does not answer yet; waiting for up to %.0f s", origin.netloc, self._timeout
                )

    def _silent(self) -> set[Origin]:
        late = time.monotonic() - PATIENCE
        return {origin for origin, since in self._waits.values() if since < late} - self._told
