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
        # The waits that somebody was told of, though others of that origin have ended since.
        self._told: set[object] = set()
        self._watching = False

    @contextmanager
    def broken_by(self, origin: Origin) -> Iterator[None]:
        """Around whatever waits for an answer of that origin."""
        wait = object()
        try:
            with self._turn:
                self._waits[wait] = (origin, time.monotonic())
                begin, self._watching = not self._watching, True
            if begin:
                self._begin()
            yield
        finally:
            with self._turn:
                self._waits.pop(wait, None)
                self._told.discard(wait)

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._watch, name="lading-silence", daemon=True).start()
        except RuntimeError as error:  # no more threads here, or Python is about to end
            # Nothing fails for want of a warning.
            _log.debug("nobody watches for silence: %s", error)
            with self._turn:
                self._watching = False

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
            for origin in sorted(silent, key=str):
                _log.warning(
                    "%s does not answer yet; waiting for up to %.0f s", origin.netloc, self._timeout
                )

    def _silent(self) -> set[Origin]:
        """The origins to speak of now; other requests to one that was spoken of say nothing new."""
        since = time.monotonic() - PATIENCE
        late = {wait: origin for wait, (origin, began) in self._waits.items() if began < since}
        known = {late[wait] for wait in self._told}
        self._told |= late.keys()
        return set(late.values()) - known
