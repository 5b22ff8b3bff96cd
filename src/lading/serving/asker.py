"""One model at work: its threads, those who wait for it, and the batches made of them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from lading.serving.batching import Haste, Pace, together
from lading.serving.failures import Busy, Overdue
from lading.serving.limits import Limits
from lading.serving.live import cut, live
from lading.serving.model import Model
from lading.serving.protocol.given import Given, merged
from lading.serving.protocol.inputs import Inputs
from lading.serving.protocol.outputs import Outputs
from lading.serving.threads import Threads, harmless

# A model that answers nobody for so many times the limit of one request is taken for dead.
_STUCK: Final = 3


@dataclass(slots=True)
class _Waiting:
    given: Given
    future: asyncio.Future[Any]


@dataclass(slots=True)
class Asked:
    """What is told of each time that the model was asked."""

    requests: int
    rows: int
    seconds: float


@dataclass(slots=True)
class _Outcome:
    """The answers to a batch; one that failed is the error."""

    answers: list[Any]
    seconds: float
    apart: bool = False


class Asker:
    """Asks one model; used within one event loop, answers in threads."""

    def __init__(
        self,
        model: Model,
        limits: Limits,
        *,
        batches: bool = False,
        on_asked: Callable[[Asked], object] = lambda asked: None,
    ) -> None:
        self.model = model
        self.inputs = Inputs.of(model.signature)
        self.outputs = Outputs.of(model.signature)
        self.batches = batches
        self.users = 0
        self.on_asked = on_asked
        self._limits = limits
        self._threads = Threads(model.threads, f"model-{model.digest[-12:]}")
        self._free = model.threads
        self._waiting: deque[_Waiting] = deque()
        self._pace = Pace(limits.rows)
        self._haste = Haste()
        self._loop = asyncio.get_running_loop()
        self._gathering = False
        self._retired = False

    def __enter__(self) -> Asker:
        self.users += 1
        return self

    def __exit__(self, *raised: object) -> None:
        self.users -= 1
        self._end_if_unused()

    @property
    def is_stuck(self) -> bool:
        """Whether nobody was answered for so long that nobody ever will be."""
        return self._threads.stuck(_STUCK * self._limits.answer)

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    def run(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Run something where the model runs, before it serves anybody."""
        return self._threads.run(function)

    def answer(self, given: Given) -> Any:
        """Ask the model, here and now.

        Raises:
            InvalidInput: it does not take this input.
        """
        return self.model.predict(live(self.model, given))

    async def ask(self, given: Given, *, alone: bool = False) -> Any:
        """The model's answer, within the time that there is.

        Args:
            given: what it is asked.
            alone: nobody else is here who could be asked about with this one.

        Raises:
            Busy: too many wait.
            Overdue: it did not answer in time.
            InvalidInput: it does not take this input.
        """
        if (alone or not self.batches) and self._is_idle and self._haste.is_quick((given,)):
            return self._answer_here(given)
        if len(self._waiting) >= self._limits.waiting:
            raise Busy(f"{len(self._waiting)} requests wait already", hint="come again later")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(_Waiting(given, future))
        if not self._gathering:
            # Not at once: others whose requests came in the same moment are asked with this one.
            self._gathering = True
            self._loop.call_soon(self._pump)
        late = self._loop.call_later(self._limits.answer, self._late, future)
        try:
            return await future
        finally:
            late.cancel()

    @property
    def _is_idle(self) -> bool:
        """Whether it is asked nothing, and nobody waits."""
        return self._free == self.model.threads and not self._waiting

    def _answer_here(self, given: Given) -> Any:
        started = time.perf_counter()
        answer = self._attempt(given)
        self._tell(1, given.rows or 1, time.perf_counter() - started)
        if isinstance(answer, _Failed):
            raise answer.error
        return answer

    def _late(self, future: asyncio.Future[Any]) -> None:
        if not future.done():
            future.set_exception(
                Overdue(f"the model did not answer within {self._limits.answer:g} s")
            )

    def retire(self) -> None:
        """Let the threads go when the last user has its answer."""
        self._retired = True
        self._end_if_unused()

    def wait(self, seconds: float) -> None:
        """Wait until the threads of one that is retired have gone, but no longer than this."""
        self._threads.wait(seconds)

    def _end_if_unused(self) -> None:
        if self._retired and self.users == 0:
            self._threads.end()

    def _pump(self) -> None:
        """Give work to every thread that has none; what takes no time is done here and now."""
        self._gathering = False
        while self._free and (batch := self._next()):
            givens = [each.given for each in batch]
            if self._free == self.model.threads and self._haste.is_quick(givens):
                self._settle(batch, self._answers(givens))
                continue
            self._free -= 1
            work = self._threads.run(partial(self._answers, givens))
            work.add_done_callback(partial(self._done, batch))

    def _next(self) -> list[_Waiting]:
        """Those who are asked about now; who gave up waiting is left out."""
        while self._waiting:
            count = 1
            if self.batches and len(self._waiting) > 1:
                kinds = [each.given.kind for each in self._waiting]
                rows = [each.given.rows or 0 for each in self._waiting]
                count = together(kinds, rows, self._pace.limit)
            taken = [self._waiting.popleft() for _ in range(count)]
            if batch := [each for each in taken if not each.future.done()]:
                return batch
        return []

    def _answers(self, givens: list[Given]) -> _Outcome:
        """In a thread: ask for all at once, and where that fails for each alone.

        One request that the model does not take must not be the others' failure.
        """
        started = time.perf_counter()
        if len(givens) > 1:
            parts = self._at_once(givens)
            if parts is not None:
                return _Outcome(parts, time.perf_counter() - started)
        answers = [self._attempt(given) for given in givens]
        return _Outcome(answers, time.perf_counter() - started, apart=len(givens) > 1)

    def _at_once(self, givens: list[Given]) -> list[Any] | None:
        answer = self._attempt(merged(givens))
        if isinstance(answer, _Failed):
            return None
        return cut(answer, [given.rows or 0 for given in givens])

    def _attempt(self, given: Given) -> Any:
        try:
            return self.answer(given)
        except BaseException as error:  # noqa: BLE001  whoever asked hears of it, and nobody else
            # Ctrl-C is no exception in a server.
            return _Failed(harmless(error))

    def _done(self, batch: list[_Waiting], work: asyncio.Future[Any]) -> None:
        self._free += 1
        error = work.exception()
        if error is None:
            self._settle(batch, work.result())
        else:
            for each in batch:
                _fail(each.future, error)
        self._pump()

    def _settle(self, batch: list[_Waiting], outcome: _Outcome) -> None:
        rows = sum(each.given.rows or 1 for each in batch)
        self._tell(len(batch), rows, outcome.seconds, apart=outcome.apart)
        for each, answer in zip(batch, outcome.answers, strict=True):
            if isinstance(answer, _Failed):
                _fail(each.future, answer.error)
            elif not each.future.done():
                each.future.set_result(answer)

    def _tell(self, requests: int, rows: int, seconds: float, *, apart: bool = False) -> None:
        if not apart:
            self._pace = self._pace.after(rows, seconds)
        self._haste = self._haste.after(seconds)
        # Not before those who wait have their answers.
        self._loop.call_soon(self.on_asked, Asked(requests, rows, seconds))


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception = field(repr=False)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
