"""The parent: starts workers, starts those again that died, adds up their figures, ends them.

Workers are forked before anything is loaded, and load for themselves: neither threads nor the
runtimes of frameworks outlive a fork. The first one loads alone, and answers probes meanwhile; the
others follow when it is ready, at the digest that it serves, and answer nobody before they are.

One loop without threads and without asyncio, since what forks should have neither.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, NoReturn

from lading.errors import InvalidInput, LadingError
from lading.serving import counted
from lading.serving.accepting import Loads
from lading.serving.journal import Journal
from lading.serving.listening import listening_at
from lading.serving.model import Model
from lading.serving.plan import Plan
from lading.serving.server import work
from lading.serving.workers.care import Care
from lading.serving.workers.channel import Channel, Said
from lading.serving.workers.failing import failure
from lading.serving.workers.member import Member
from lading.serving.workers.totals import Totals
from lading.serving.workers.worker import Report, end_without

_TICK: Final = 0.1
# Workers that end in good order have a little more than their requests have.
_GRACE: Final = 5.0
_HANDLED: Final = (signal.SIGINT, signal.SIGTERM)
MOST_WORKERS: Final = 256


def run_several(plan: Plan, number: int, pinned: Callable[[str], Callable[[], Model]]) -> None:
    """Serve with so many workers until SIGTERM or SIGINT.

    Args:
        plan: what each of them serves.
        number: how many there are.
        pinned: how to load the model of a digest, which those load who come after the first.

    Raises:
        InvalidInput: this process has threads, or there cannot be so many workers.
        LocalFailure: the address is taken; or workers cannot be started.
        LadingError: the model cannot be loaded, or does not answer its example.
        KeyboardInterrupt: it was ended by Ctrl-C.
    """
    _demand_forks(number)
    with listening_at(plan.host, plan.port) as listening, _kept_for_grpc(plan) as grpc_port:
        if grpc_port is not None:
            plan = replace(plan, grpc_port=grpc_port)
            plan.on_grpc(grpc_port)
        _Supervisor(plan, number, pinned, listening).run()


def _demand_forks(number: int) -> None:
    if not 1 <= number <= MOST_WORKERS:
        raise InvalidInput(f"there cannot be {number} workers", cause=f"1 to {MOST_WORKERS}")
    alone = threading.current_thread() is threading.main_thread() and threading.active_count() == 1
    if not hasattr(os, "fork") or not alone:
        raise InvalidInput(
            "several workers cannot be started from here",
            cause="they are forks of this process, which has threads",
            hint="lading serve … --workers N, in a process of its own",
        )


@contextmanager
def _kept_for_grpc(plan: Plan) -> Iterator[int | None]:
    """The port that every worker's gRPC server shares, held so that nobody takes it meanwhile."""
    if plan.grpc_port is None:
        yield None
        return
    if sys.platform != "linux":
        raise InvalidInput(
            "gRPC has one worker here",
            cause=f"{sys.platform} does not spread connections over several",
            hint="--workers 1, or without --grpc-port",
        )
    # Whether anybody else has it shows only without sharing.
    with listening_at(plan.host, plan.grpc_port) as probe:
        family, address = probe.family, probe.getsockname()
    with socket.socket(family) as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(address)
        yield int(address[1])


class _Supervisor:
    def __init__(
        self,
        plan: Plan,
        number: int,
        pinned: Callable[[str], Callable[[], Model]],
        listening: socket.socket,
    ) -> None:
        self._plan = plan
        self._wanted = number
        self._pinned = pinned
        self._listening = listening
        self._loads = Loads(number + 1)
        self._journal = Journal(plan.on_line)
        self._workers: dict[int, Member] = {}
        self._care: dict[int, Care] = {}
        # When each one that is missing is started, by its number.
        self._due: dict[int, float] = {1: 0.0}
        self._model: Model | None = None
        self._told_ready = False
        self._totals = Totals()
        self._signals: list[int] = []
        self._failure: LadingError | None = None
        # When whoever still lives is ended without further notice, once all are told to end.
        self._deadline: float | None = None
        # Polling, since what a fork inherits of others is shared with the parent.
        self._selector = selectors.PollSelector()

    def run(self) -> None:
        """Look after the workers until all have ended."""
        before = {each: signal.signal(each, self._signalled) for each in _HANDLED}
        try:
            self._look_after()
        finally:
            for worker in self._workers.values():
                worker.kill(signal.SIGKILL)
            for each, handler in before.items():
                signal.signal(each, handler)
            self._selector.close()
        if self._failure is not None:
            raise self._failure
        if signal.SIGINT in self._signals:
            raise KeyboardInterrupt

    def _signalled(self, number: int, frame: object) -> None:
        self._signals.append(number)

    def _look_after(self) -> None:
        while self._workers or self._deadline is None:
            now = time.monotonic()
            self._heed(now)
            if self._deadline is None:
                for number in [each for each, due in self._due.items() if due <= now]:
                    del self._due[number]
                    self._start(number)
            for key, _ in self._selector.select(_TICK):
                self._hear(key.data)
            self._bury()
            self._totals.answer(self._workers.values(), self._model)

    # What it is told to do.

    def _heed(self, now: float) -> None:
        """End when that is wanted: in good order first, and at once when it is wanted again."""
        wanted = len(self._signals) + (self._plan.until is not None and self._plan.until.is_set())
        if self._deadline is None and wanted:
            self._end(now)
        over = self._deadline is not None and now > self._deadline
        if over or len(self._signals) > 1:
            for worker in self._workers.values():
                worker.kill(signal.SIGKILL)

    def _end(self, now: float) -> None:
        self._deadline = now + self._plan.limits.shutdown + _GRACE
        # Whoever comes now is refused, instead of waiting for nobody.
        self._listening.close()
        for worker in self._workers.values():
            worker.kill(signal.SIGTERM)

    # Workers come and go.

    def _start(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        # What is written down already must not be written by the fork once more.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):  # closed, or nobody listens
                stream.flush()
        # A signal that came in between would be heard by the parent's own handler in the worker.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._be_worker(number, theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        theirs.close()
        worker = Member(number, pid, Channel(ours))
        self._workers[number] = worker
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._journal.tell("worker", self._model, worker=number, pid=pid, state="started")

    def _be_worker(self, number: int, end: socket.socket) -> NoReturn:
        """In the new process: serve, and end without anything of the parent's being run."""
        code = 1
        try:
            for each in self._workers.values():
                each.channel.close()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
            end_without(os.getppid(), self._plan.limits.shutdown + _GRACE)
            code = self._served(number, end)
        finally:
            os._exit(code)

    def _served(self, number: int, end: socket.socket) -> int:
        copy = end.dup()
        nobody_answers = not any(each.is_ready for each in self._workers.values())
        link = Report(number, end, self._loads, opens_at_once=nobody_answers)
        load = self._pinned(self._model.digest) if self._model else self._plan.load
        plan = replace(self._plan, load=load, on_ready=link.ready, until=None)
        try:
            work(plan, self._listening, link)
        except BaseException as error:  # noqa: BLE001  the parent says it, or another begins anew
            Channel(copy).say({"failed": failure(error)})
            if not isinstance(error, LadingError):
                Journal(self._plan.on_line, worker=number).bug("worker", error)
            return 1
        return 0

    def _bury(self) -> None:
        """Notice who has ended."""
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._ended(worker, status)

    def _ended(self, worker: Member, status: int) -> None:
        for each in worker.channel.rest():
            self._told(worker, each)
        if worker.channel in self._selector.get_map():
            self._selector.unregister(worker.channel)
        worker.channel.close()
        del self._workers[worker.number]
        self._loads.leave(worker.number)
        self._totals.keep(worker)
        if self._deadline is None:
            self._miss(worker, os.waitstatus_to_exitcode(status))

    def _miss(self, worker: Member, code: int) -> None:
        """Decide what follows the death of one that should live."""
        now = time.monotonic()
        lived = None if worker.ready_at is None else now - worker.ready_at
        care = self._care.get(worker.number, Care()).after(lived)
        self._care[worker.number] = care
        error = worker.why(code)
        others = sum(each.is_ready for each in self._workers.values())
        # What the first one cannot load nobody can; what a later one cannot may pass.
        first = self._model is None and worker.error is not None and worker.error["what"]
        if first or care.is_hopeless(others):
            self._failure = error
            self._end(now)
            return
        self._totals.restarted()
        self._due[worker.number] = now + care.pause
        self._journal.warn(
            "worker",
            self._model,
            worker=worker.number,
            pid=worker.pid,
            state="died",
            error=str(error),
            again_after=round(care.pause, 1),
        )

    # What workers say.

    def _hear(self, worker: Member) -> None:
        said = worker.channel.heard()
        if said is None:
            self._selector.unregister(worker.channel)
            # It ends, or cannot be spoken to: either way another takes its place.
            if self._deadline is None and worker.error is None:
                worker.kill(signal.SIGTERM)
            return
        for each in said:
            self._told(worker, each)

    def _told(self, worker: Member, said: Said) -> None:
        if "ready" in said:
            self._has_begun(worker, said)
        elif "figures" in said:
            worker.figures = counted.read(said["figures"])
            worker.gathered = max(worker.gathered, said["number"] or 0)
        elif "ask" in said:
            self._totals.ask(worker, said["ask"], self._workers.values())
        elif "failed" in said:
            worker.error = said["failed"]

    def _has_begun(self, worker: Member, said: Said) -> None:
        worker.ready_at = time.monotonic()
        if self._model is None:
            self._model = Model(**said["ready"], predict=_nowhere)
            self._due |= dict.fromkeys(range(2, self._wanted + 1), 0.0)
        ready = sum(each.is_ready for each in self._workers.values())
        if ready == self._wanted and not self._told_ready:
            self._told_ready = True
            self._plan.on_ready(said["port"], self._model)


def _nowhere(data: Any) -> NoReturn:
    raise AssertionError("the parent asks no model")
