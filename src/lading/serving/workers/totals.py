"""The figures of all workers as one: asked for, waited for, and added up."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from lading.serving import counted
from lading.serving.model import Model
from lading.serving.workers.member import Member

# How long the figures of one worker are waited for, when somebody asks for those of all.
_PATIENCE: Final = 1.0


@dataclass(slots=True)
class _Asked:
    """Somebody waits for the figures of all."""

    by: Member
    number: int
    gathering: int
    until: float


class Totals:
    """What all workers counted, those that are gone as well."""

    def __init__(self) -> None:
        self._gone: list[counted.Family] = []
        self._restarts = 0
        self._gathering = 0
        self._asked: list[_Asked] = []

    def keep(self, worker: Member) -> None:
        """Add what one counted that has ended."""
        self._gone = counted.added([self._gone, counted.lasting(worker.figures)])

    def restarted(self) -> None:
        """Count that one is started again."""
        self._restarts += 1

    def ask(self, by: Member, number: int, workers: Collection[Member]) -> None:
        """Ask all for their figures, since one of them was asked for everybody's."""
        self._gathering += 1
        until = time.monotonic() + _PATIENCE
        self._asked.append(_Asked(by, number, self._gathering, until))
        for worker in workers:
            if worker.is_ready:
                worker.channel.say({"give": self._gathering})

    def answer(self, workers: Collection[Member], model: Model | None) -> None:
        """Answer those whose figures are all there, or who waited for long enough."""
        now = time.monotonic()
        waiting = []
        for asked in self._asked:
            late = any(each.is_ready and each.gathered < asked.gathering for each in workers)
            if late and now < asked.until:
                waiting.append(asked)
                continue
            families = counted.written(self._figures(workers, model))
            asked.by.channel.say({"told": asked.number, "families": families})
        self._asked = waiting

    def _figures(self, workers: Collection[Member], model: Model | None) -> list[counted.Family]:
        here = [each.figures for each in workers]
        return [
            *counted.added([*here, self._gone]),
            counted.servers(here),
            *([] if model is None else [self._restarted(model)]),
        ]

    def _restarted(self, model: Model) -> counted.Family:
        labels = (("digest", model.digest), ("model", model.name), ("version", model.version))
        restarts = counted.Sample("lading_worker_restarts_total", labels, self._restarts)
        return counted.Family(
            "lading_worker_restarts", "counter", "Workers started again.", (restarts,)
        )
