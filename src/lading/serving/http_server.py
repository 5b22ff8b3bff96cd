"""The HTTP server: uvicorn's, which takes connections and ends as this one has to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import uvicorn

from lading.serving.accepting import Accepting, attach, left
from lading.serving.journal import Journal, ServerLog
from lading.serving.plan import Link

HANDLED: Final = (signal.SIGINT, signal.SIGTERM)
# Tracebacks of the second have words of the model's in them, and would be no JSON.
_LOGGERS: Final = ("uvicorn", "asyncio")
# For so long a server that ends answers what is on its way, and tells each client to go.
_LINGER: Final = 0.25


class HttpServer(uvicorn.Server):
    """The HTTP server, ended by our own signals: the first in good order, the second at once."""

    # One of several is ended by the process that started it, which hears Ctrl-C as well.
    heeds: tuple[signal.Signals, ...] = HANDLED
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


@contextlib.contextmanager
def logged(journal: Journal) -> Iterator[None]:
    """What the HTTP server and the loop say goes where everything else goes."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(each.handlers[:], each.propagate) for each in loggers]
    for logger in loggers:
        logger.handlers[:], logger.propagate = [ServerLog(journal)], False
    try:
        yield
    finally:
        for logger, (handlers, propagates) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagates
