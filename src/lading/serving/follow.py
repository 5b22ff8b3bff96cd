"""Following a stage: when it names another version, that one is loaded, tried, and swapped in.

Whoever starts the server hands in how to look and how to load; registries are not known here.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lading.errors import LadingError
from lading.serving.asker import Asker
from lading.serving.failures import Overdue
from lading.serving.house import House
from lading.serving.model import Model
from lading.serving.threads import Threads


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed."""

    # The digest that the stage names now; None where it names nothing.
    look: Callable[[], str | None]
    # The model that it names now.
    load: Callable[[], Model]
    interval: float
    name: str


@dataclass(frozen=True, slots=True)
class Backoff:
    """When a version that could not be served is tried again: later each time."""

    digest: str
    until: float
    pause: float

    @staticmethod
    def after(before: Backoff | None, digest: str, interval: float, now: float) -> Backoff:
        """What follows one more failure."""
        again = before is not None and before.digest == digest
        pause = min(before.pause * 2, 600.0) if again and before else max(interval, 10.0)
        return Backoff(digest, now + pause, pause)

    @staticmethod
    def forever(digest: str) -> Backoff:
        """What follows one that never answered: each trial leaves a thread and a model behind."""
        return Backoff(digest, math.inf, math.inf)

    def holds(self, digest: str, now: float) -> bool:
        """Whether it is too early for that one."""
        return digest == self.digest and now < self.until


async def follow(
    house: House, followed: Followed, prepare: Callable[[Model], Awaitable[Asker]]
) -> None:
    """Look at the stage for ever, and serve what it names.

    A version that cannot be loaded, or does not answer its example, leaves the one before at work,
    and is tried again later, since what was missing may come.
    """
    threads = Threads(1, "follow")
    backoff: Backoff | None = None
    while True:
        await asyncio.sleep(followed.interval)
        digest = await _looked(house, followed, threads)
        served = house.slot.current.model
        now = time.monotonic()
        if digest in (None, served.digest) or (backoff and backoff.holds(digest or "", now)):
            continue
        started = time.perf_counter()
        try:
            asker = await prepare(await threads.run(followed.load))
        except Exception as error:  # noqa: BLE001  whatever a model raises, the one before serves on
            backoff = (
                Backoff.forever(digest or "")
                if isinstance(error, Overdue)
                else Backoff.after(backoff, digest or "", followed.interval, now)
            )
            _failed(house, error, digest, backoff)
            continue
        backoff = None
        house.metrics.loaded(asker.model, time.perf_counter() - started)
        house.slot.swap(asker)
        if house.shadow is not None:
            house.shadow.begin_again()
        house.metrics.of(served).ready.set(0)
        house.metrics.of(asker.model).ready.set(1)
        house.metrics.reloaded(asker.model, "swapped")
        house.journal.tell("swapped", asker.model, stage=followed.name, before=served.digest)


async def _looked(house: House, followed: Followed, threads: Threads) -> str | None:
    """What the stage names; a registry that is away is no reason to stop."""
    try:
        digest: str | None = await threads.run(followed.look)
    except LadingError as error:
        house.journal.warn("look", house.slot.current.model, stage=followed.name, error=str(error))
        return None
    except Exception as error:  # noqa: BLE001  no files left, no memory: what serves, serves on
        house.journal.bug("look", error, house.slot.current.model)
        return None
    return digest


def _failed(house: House, error: Exception, digest: str | None, backoff: Backoff) -> None:
    model = house.slot.current.model
    house.metrics.reloaded(model, "failed")
    said = str(error) if isinstance(error, LadingError) else type(error).__name__
    again = round(backoff.pause, 1) if math.isfinite(backoff.pause) else None
    house.journal.warn("kept", model, refused=digest, error=said, again_after=again)
