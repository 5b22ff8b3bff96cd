"""Threads that ask the model: a few, of their own, and none that keeps the process from ending."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

_END: Final = None
_Work = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Threads:
    """Runs functions in the order they came; made and used within one event loop."""

    def __init__(self, number: int, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        # When each thread that works began to.
        self._since: dict[int, float] = {}
        self._number = number
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{at}", args=(at,), daemon=True)
            for at in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """What the function gives or raises, once it is its turn."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((function, future))
        return future

    def end(self) -> None:
        """Let the threads go when all work is done."""
        for _ in range(self._number):
            self._queue.put(_END)

    def wait(self, seconds: float) -> None:
        """Wait until they have gone, but no longer than this."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def stuck(self, seconds: float) -> bool:
        """Whether every thread has been at one thing for longer than this."""
        before = time.monotonic() - seconds
        return len(self._since) == self._number and max(self._since.values()) < before

    def _work(self, at: int) -> None:
        while (work := self._queue.get()) is not _END:
            function, future = work
            self._since[at] = time.monotonic()
            result, error = None, None
            try:
                result = function()
            except BaseException as raised:  # noqa: BLE001  whoever waits for it hears of it
                error = raised
            self._since.pop(at, None)
            try:
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop has ended, and nobody waits
                return
            del work, function, future, result, error


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(harmless(error))


def harmless(error: BaseException) -> Exception:
    """An error of a model's that may pass through an event loop.

    A model that exits, or raises what cancels a task, ends its answer and nothing else.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"the model raised {type(error).__name__}")
