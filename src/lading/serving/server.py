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
from typing import TYPE_CHECKING, Final, Protocol

import uvicorn

from lading.errors import InvalidInput, LocalFailure
from lading.serving.accepting import Accepting, Loads, attach, left
from lading.serving.app import build
from lading.serving.asker import Asked, Asker
from lading.serving.connection import bounded
from lading.serving.follow import Followed, follow
from lading.serving.house import House
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
# For so long a server that ends answers what is on its way, and tells each client to go.
_LINGER: Final = 0.25


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


class Link(Protocol):
    """What one of several workers has to do with the process that started it."""

    number: int
    # How many connections each of them holds, by its number.
    loads: Loads
    # Whether it answers before it is ready, since nobody else does yet.
    opens_at_once: bool

    async def begin(self, house: House, gone: Callable[[], None]) -> None:
        """Listen to that process; ``gone`` is called when there is none any more."""

    async def end(self) -> None:
        """Tell it what was counted last."""


def run(plan: Plan) -> None:
    """Serve until SIGTERM or SIGINT; requests that came are answered first.

    Raises:
        LocalFailure: the address is taken, or not this machine's.
        LadingError: the model cannot be loaded, or does not answer its example.
        KeyboardInterrupt: it was ended by Ctrl-C.
    """
    with listening_at(plan.host, plan.port) as listening:
        work(plan, listening)


def work(plan: Plan, listening: socket.socket, link: Link | None = None) -> None:
    """Serve at a socket that listens, alone or as one of several.

    Raises:
        LadingError: as :func:`run`.
        KeyboardInterrupt: it was ended by Ctrl-C.
    """
    journal = Journal(plan.on_line, worker=link.number if link else None)
    house = House(plan.expected, Slot(), plan.limits, journal, Metrics())
    config = uvicorn.Config(
        build(house),
        http=bounded(plan.limits, house.present),
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
        runner.run(_serve(plan, house, config, listening, link))


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a taken address is said before anything is loaded.

    Raises:
        InvalidInput: there is no such port.
        LocalFailure: the address is taken, or not this machine's.
    """
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

    # One of several is ended by the process that started it, which hears Ctrl-C as well.
    heeds: tuple[signal.Signals, ...] = _HANDLED
    # Where other processes take connections of the same socket.
    link: Link | None = None
    _accepting: Accepting | None = None
    until: threading.Event | None = None
    # What ends together with it: called when no more connections are taken.
    closing: Callable[[], Awaitable[None]] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what came and what is on its way, at every door."""
        ended = asyncio.gather(self._shutdown(sockets), *([self.closing()] if self.closing else []))
        await ended

    async def _shutdown(self, sockets: list[socket.socket] | None) -> None:
        if self.started and not self.force_exit:
            await self._take_the_rest(sockets or [])
            # Whoever is answered from now on is told to go. A connection that is merely closed
            # may have a request in it that nobody read.
            headers = self.server_state.default_headers
            self.server_state.default_headers = [*headers, (b"connection", b"close")]
            if self.server_state.connections:
                await asyncio.sleep(_LINGER)
        await super().shutdown(sockets)

    async def _take_the_rest(self, sockets: list[socket.socket]) -> None:
        """Take the connections that nobody took yet, and no more."""
        if self._accepting is not None:
            self._accepting.end()
        taken = [connection for each in sockets for connection in left(each)]
        for server in self.servers:
            server.close()
        for each in sockets:
            each.close()
        for connection in taken:
            await attach(connection, self._protocol)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections; from a socket that others share, each in turn."""
        if self.link is None or not sockets:
            await super().startup(sockets)
            return
        await super().startup([])
        loads, place = self.link.loads, self.link.number
        self._accepting = Accepting(sockets[0], self._protocol, loads, place, self._held)
        self._accepting.count()
        self._accepting.begin()

    def _held(self) -> int:
        return len(self.server_state.connections)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def on_tick(self, counter: int) -> bool:
        """Whether it is to end; asked ten times a second."""
        ended = self.until is not None and self.until.is_set()
        if self._accepting is not None:
            self._accepting.count()
        return await super().on_tick(counter) or ended

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, where that can be done, and give them back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in self.heeds}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if signal.SIGINT in self._captured_signals:
            raise KeyboardInterrupt


async def _serve(
    plan: Plan,
    house: House,
    config: uvicorn.Config,
    listening: socket.socket,
    link: Link | None,
) -> None:
    journal = house.journal
    server = _Server(config)
    server.until = plan.until
    door = None if plan.grpc_port is None else _door(house, shared=link is not None)
    if door is not None and link is None:
        plan.on_grpc(await door.open(plan.host, plan.grpc_port or 0))

    async def closing() -> None:
        house.slot.ending = True
        if door is not None:
            await door.close()

    server.closing = closing
    work = _Work(plan, house, listening.getsockname()[1])
    if link is not None:
        server.heeds, server.link = (signal.SIGTERM,), link
        await link.begin(house, lambda: setattr(server, "should_exit", True))
    with _logged(journal):
        working = asyncio.create_task(work.all())
        working.add_done_callback(lambda done: setattr(server, "should_exit", True))
        try:
            if link is not None and not link.opens_at_once:
                await _ready(work, working)
            if door is not None and link is not None:
                await door.open(plan.host, plan.grpc_port or 0)
            await server.serve(sockets=[listening])
        finally:
            house.slot.ending = True
            if not working.done():
                working.cancel()
            if link is not None:
                await link.end()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    journal.tell("ended", house.slot.loaded.model if house.slot.loaded else None)


async def _ready(work: _Work, working: asyncio.Task[None]) -> None:
    """Wait until the model is loaded, or never will be."""
    waiting = asyncio.create_task(work.is_ready.wait())
    await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _door(house: House, *, shared: bool) -> Door:
    """The gRPC server; the packages it needs are imported only where one is wanted."""
    from lading.serving.rpc.door import Door

    return Door(house, shared=shared)


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
        try:
            found: Trial = await asker.run(lambda: trial(asker))
        except BaseException:
            asker.retire()
            raise
        for note in found.notes:
            self._house.journal.warn("loaded", asker.model, note=note)
        return found
