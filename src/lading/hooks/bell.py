"""A bell: wakes whoever waits for the next round, and tells it to end."""

from __future__ import annotations

import queue
import threading
import time


class Ended(Exception):
    """Whoever waits is told to end; no failure."""


class Bell:
    """Rung by hints from any thread; stopped from anywhere, a signal handler included."""

    def __init__(self) -> None:
        # SimpleQueue.put may be called by a signal handler in the middle of get; Event.set and
        # Condition.notify may not.
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._rung: set[str] = set()
        self.stopped = False

    def ring(self, repository: str) -> None:
        """Say that something may have happened in a repository."""
        with self._lock:
            if repository in self._rung:
                return  # whoever floods this fills no memory
            self._rung.add(repository)
            self._queue.put(repository)

    def stop(self) -> None:
        """End all waiting, now and later."""
        self.stopped = True
        self._queue.put(None)

    def wait(self, seconds: float) -> frozenset[str]:
        """The repositories that were rung for; none where the time was over, or all is."""
        deadline = time.monotonic() + seconds
        while not self.stopped:
            try:
                name = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if name is not None:
                return self._drain()
        return frozenset()

    def pause(self, seconds: float) -> None:
        """Wait for the time to pass; hints are kept for later.

        Raises:
            Ended: all waiting is over.
        """
        deadline = time.monotonic() + seconds
        while not self.stopped and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        if self.stopped:
            raise Ended

    def _drain(self) -> frozenset[str]:
        with self._lock:
            rung, self._rung = frozenset(self._rung), set()
            while True:
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    return rung
