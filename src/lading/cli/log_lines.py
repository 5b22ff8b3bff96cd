"""The log of a server on its way to whoever reads it, who must not be able to stop the server.

A pipe that nobody empties any more, since a collector hangs or its disk is full, would hold up the
next line for ever, and with it every request. Such lines are left out, counted, and told of.
"""

from __future__ import annotations

import json
import select
from collections.abc import Callable
from typing import Final, TextIO

_NOW: Final = 0


class LogLines:
    """Passes lines on, as long as there is room for them."""

    def __init__(self, write: Callable[[str], object], stream: TextIO | None) -> None:
        self._write = write
        self._lost = 0
        self._poll = _poll(stream)

    def __call__(self, line: str) -> None:
        """One line, of less than a page: that much fits wherever anything does."""
        if self._poll is not None and not self._poll.poll(_NOW):
            self._lost += 1
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            self._write(json.dumps({"level": "warning", "event": "log", "lost": lost}))
        self._write(line)


def _poll(stream: TextIO | None) -> select.poll | None:
    """Tells whether there is room; None where that cannot be known, or always is so."""
    if stream is None or not hasattr(select, "poll"):
        return None
    try:
        place = stream.fileno()
    except (OSError, ValueError):  # it is kept in memory
        return None
    made = select.poll()
    made.register(place, select.POLLOUT)
    return made
