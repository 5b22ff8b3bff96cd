"""Writers that take turns at a store, one call at a time, and that can be gone between two calls.

Each writer works in a thread of its own, but only one ever runs: whoever is told to. So the same
turns give the same story, and hypothesis can make it shorter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from lading.ports import Content, Deleter, Lister, Reader, Store
from lading.spec.descriptor import Descriptor


class Shared(Store, Lister, Deleter, Protocol):
    """What writers share."""


class Gone(BaseException):
    """A writer's machine died; nothing in Lading may catch this."""


class Turns:
    """A store as one writer sees it: every call waits for its turn, and may never come back."""

    def __init__(self, inner: Shared) -> None:
        self.inner = inner
        self.writes = 0
        self._worker: threading.Thread | None = None
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._credit = 0
        self._dying = False
        self.failure: BaseException | None = None

    # The writer's life

    @property
    def busy(self) -> bool:
        """Whether there is work that has not come to its end."""
        return self._worker is not None

    def begin(self, work: Callable[[], object]) -> None:
        """Begin some work, and stop before its first call."""
        assert not self.busy
        self._dying = False

        def run() -> None:
            self._go.acquire()
            try:
                work()
            except Gone:
                pass
            except BaseException as failure:  # noqa: BLE001  the test shall see it
                self.failure = failure
            finally:
                self._worker = None
                self._paused.release()

        self._worker = threading.Thread(target=run, daemon=True)
        self._worker.start()

    def go(self, calls: int | None = None) -> None:
        """Let so many calls happen (all of them without a number), and stop before the next."""
        if self.busy:
            self._credit = -1 if calls is None else calls
            self._go.release()
            self._paused.acquire()
        if self.failure:
            failure, self.failure = self.failure, None
            raise failure

    def die(self) -> None:
        """Be gone instead of making the next call."""
        self._dying = True
        self.go(0)

    def _turn(self) -> None:
        if threading.current_thread() is not self._worker:
            return
        while self._credit == 0:
            if self._dying:
                raise Gone
            self._paused.release()
            self._go.acquire()
        self._credit -= 1

    # The store

    def resolve(self, name: str) -> Descriptor:
        self._turn()
        return self.inner.resolve(name)

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        self._turn()
        return self.inner.fetch(descriptor, offset)

    def exists(self, descriptor: Descriptor) -> bool:
        self._turn()
        return self.inner.exists(descriptor)

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        self._turn()
        self.writes += 1
        self.inner.push(descriptor, content, name)

    def names(self) -> Iterator[str]:
        self._turn()
        return iter(tuple(self.inner.names()))

    def untag(self, name: str) -> None:
        self._turn()
        self.writes += 1
        self.inner.untag(name)


def one_by_one(
    work: Callable[[object], None],
    items: Iterable[object],
    *,
    jobs: int,
    on_failure: Callable[[], None],
) -> None:
    """In the place of the pool: turns are for one thread each."""
    for item in items:
        work(item)
