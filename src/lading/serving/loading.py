"""What goes on beside answering: the model is loaded and tried, and a stage is followed."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from lading.serving.asker import Asked, Asker
from lading.serving.failures import Overdue
from lading.serving.follow import follow
from lading.serving.house import House
from lading.serving.model import Model
from lading.serving.plan import Plan
from lading.serving.shadow import Shadow
from lading.serving.threads import Threads
from lading.serving.trial import Trial, trial

# A model is asked its example a dozen times, and the first may take longer than any later one.
_PATIENCE: Final = 10


class Loading:
    """Loads what a plan says into a house, and whatever its stage names later."""

    def __init__(self, plan: Plan, house: House, port: int) -> None:
        self._plan = plan
        self._house = house
        self._port = port
        self._threads = Threads(1, "load")
        self.is_ready = asyncio.Event()

    async def all(self) -> None:
        """Load, try, serve; then follow, or wait for the end."""
        started = time.perf_counter()
        asker = await self.prepared(await self._threads.run(self._plan.load))
        if self._plan.shadow is not None:
            beside = await self._apart(await self._threads.run(self._plan.shadow))
            self._house.shadow = Shadow(beside)
        seconds = time.perf_counter() - started
        self._house.slot.swap(asker)
        if (shadow := self._house.shadow) is not None:
            self._house.metrics.watch(shadow, lambda: self._house.slot.current.model)
        self._house.metrics.of(asker.model).ready.set(1)
        self._house.metrics.loaded(asker.model, seconds)
        self._house.journal.tell(
            "ready", asker.model, seconds=round(seconds, 3), port=self._port, batches=asker.batches
        )
        self._plan.on_ready(self._port, asker.model)
        self.is_ready.set()
        if self._plan.followed is not None:
            await follow(self._house, self._plan.followed, self.prepared)
        await asyncio.Event().wait()

    async def prepared(self, model: Model) -> Asker:
        """A model that has answered its input example.

        Raises:
            LadingError: it does not.
        """
        figures = self._house.metrics.of(model)

        def on_asked(asked: Asked) -> None:
            figures.asked_rows.inc(asked.rows)
            figures.batch.observe(asked.requests)
            figures.model_seconds.observe(asked.seconds)

        asker = Asker(model, self._plan.limits, on_asked=on_asked)
        found = await self._tried(asker)
        asker.batches = found.batches if self._plan.batches is None else self._plan.batches
        return asker

    async def _apart(self, model: Model) -> Asker:
        asker = Asker(model, self._plan.limits)
        await self._tried(asker)
        return asker

    async def _tried(self, asker: Asker) -> Trial:
        seconds = _PATIENCE * self._plan.limits.answer
        try:
            async with asyncio.timeout(seconds):
                found: Trial = await asker.run(lambda: trial(asker))
        except TimeoutError:
            asker.retire()
            raise Overdue(
                f"the model did not answer its input example within {seconds:g} s"
            ) from None
        except BaseException:
            asker.retire()
            raise
        for note in found.notes:
            self._house.journal.warn("loaded", asker.model, note=note)
        return found
