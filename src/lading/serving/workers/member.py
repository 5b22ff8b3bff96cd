"""One worker as the parent knows it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Any

from lading.errors import LadingError, LocalFailure
from lading.serving import counted
from lading.serving.workers.channel import Channel
from lading.serving.workers.failing import restored


@dataclass(slots=True)
class Member:
    """A process that was started, and what it said."""

    number: int
    pid: int
    channel: Channel
    # When it said that it answers requests; None where it has not yet.
    ready_at: float | None = None
    figures: list[counted.Family] = field(default_factory=list)
    # The last gathering of figures that it answered.
    gathered: int = 0
    # Why it ends, in its own words.
    error: dict[str, Any] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it answers requests."""
        return self.ready_at is not None

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return  # it was quicker

    def why(self, code: int) -> LadingError:
        """Why it ended with this exit code."""
        told = self.error
        if told is not None and (error := restored(told)) is not None:
            return error
        how = f"signal {-code}" if code < 0 else told["kind"] if told else f"exit code {code}"
        return LocalFailure(f"worker {self.number} does not live", cause=f"it ended by {how}")
