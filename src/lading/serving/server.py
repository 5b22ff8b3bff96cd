"""The server: listens, loads, answers until it is told to end.

It listens before the model is loaded, so that whoever looks after it sees it live and not ready;
it is ready when the model has answered its own input example.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvicorn

from lading.errors import InvalidInput, LocalFailure
from lading.serving.app import House, build
from lading.serving.asker import Asked, Asker
from lading.serving.connection import bounded
from lading.serving.follow import Followed, follow
from lading.serving.journal import Journal, ServerLog
from lading.serving.limits import Limits
from lading.serving.metrics import Metrics
from lading.serving.model import Model
from lading.serving.shadow import Shadow
from lading.serving.slot import Slot
from lading.serving.threads import Threads
from lading.serving.trial import Trial, trial

if TYPE_CHECKING:
    from lading.serving.rpc.door import Door

_BACKLOG: Final = 1024
_HANDLED: Final = (signal.SIGINT, signal.SIGTERM)
_SERVER_LOGGER: Final = "uvicorn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to serve, and how."""

    load: Callable[[], Model]
    host: str = "127.0.0.1"
    port: int = 8080
    # None for no gRPC, 0 for any port that is free.
    grpc_port: int | None = None
    # The digest that will be served, as far as it is known before it is loaded.
    expected: str = "unknown"
    followed: Followed | None = None
    shadow: Callable[[], Model] | None = None
    # None to find out whether requests are better asked together.
    batches: bool | None = None
    limits: Limits = field(default_factory=Limits)
    on_line: Callable[[str], object] = lambda line: None
    # Called with the port and the model when requests are answered.
    on_ready: Callable[[int, Model], object] = lambda port, model: None
    # Called before with the port of gRPC, if there is one.
    on_grpc: Callable[[int], object] = lambda port: None
    # Ends it from another thread, where no signal can.
    until: threading.Event | None = None


def run(plan: Plan) -> None:
    """Serve until SIGTERM or SIGINT; requests that came are answered first.

    Raises:
        LocalFailure: the address is taken, or not this machine's.
        LadingError: the model cannot be loaded, or does not answer its example.
        KeyboardInterrupt: it was ended by Ctrl-C.
    """
    house = House(plan.expected, Slot(), plan.limits, Journal(plan.on_line), Metrics())
    with _listening(plan.host, plan.port) as listening:
        config = uvicorn.Config(
            build(house),
            http=bounded(plan.limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=max(1, int(plan.limits.idle)),
            timeout_graceful_shutdown=max(1, int(plan.limits.shutdown)),
        )
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(plan, house, config, listening))


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a taken address is said before anything is loaded."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"there is no port {port}", hint="--port 8080")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise LocalFailure(f"cannot listen at {host[:100]}", cause=error.strerror) from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise LocalFailure(
            f"cannot listen at {host}:{port}",
            cause=error.strerror,
            hint="--port of a free port, --host of an address of this machine",
        ) from error
    return made


class _Server(uvicorn.Server):
    """The HTTP server, ended by our own signals: the first in good order, the second at once."""

    until: threading.Event | None = None
    # What ends together with it: called when no more connections are taken.
    closing: Callable[[], Awaitable[None]] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what came, at every door."""
        if self.closing is None:
            await super().shutdown(sockets)
        else:
            await asyncio.gather(super().shutdown(sockets), self.closing())

    async def on_tick(self, counter: int) -> bool:
        """Whether it is to end; asked ten times a second."""
        ended = self.until is not None and self.until.is_set()
        return await super().on_tick(counter) or ended

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, where that can be done, and give them back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _HANDLED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if signal.SIGINT in self._captured_signals:
            raise KeyboardInterrupt


async def _serve(
    plan: Plan, house: House, config: uvicorn.Config, listening: socket.socket
) -> None:
    journal = house.journal
    server = _Server(config)
    server.until = plan.until
    door = await _door(plan, house)

    async def closing() -> None:
        house.slot.ending = True
        if door is not None:
            await door.close()

    server.closing = closing
    work = _Work(plan, house, listening.getsockname()[1])
    with _logged(journal):
        working = asyncio.create_task(work.all())
        working.add_done_callback(lambda done: setattr(server, "should_exit", True))
        try:
            await server.serve(sockets=[listening])
        finally:
            house.slot.ending = True
            if not working.done():
                working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    journal.tell("ended", house.slot.loaded.model if house.slot.loaded else None)


async def _door(plan: Plan, house: House) -> Door | None:
    """The gRPC server, if one is wanted; it listens before the model is loaded, too."""
    if plan.grpc_port is None:
        return None
    from lading.serving.rpc.door import Door

    door = Door(house)
    plan.on_grpc(await door.open(plan.host, plan.grpc_port))
    return door


@contextlib.contextmanager
def _logged(journal: Journal) -> Iterator[None]:
    """What the HTTP server says goes where everything else goes."""
    logger = logging.getLogger(_SERVER_LOGGER)
    before = logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [ServerLog(journal)], False
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before


class _Work:
    """What goes on beside answering: loading, and following a stage."""

    def __init__(self, plan: Plan, house: House, port: int) -> None:
        self._plan = plan
        self._house = house
        self._port = port
        self._threads = Threads(1, "load")

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
        try:
            found: Trial = await asker.run(lambda: trial(asker))
        except BaseException:
            asker.retire()
            raise
        for note in found.notes:
            self._house.journal.warn("loaded", asker.model, note=note)
        return found
