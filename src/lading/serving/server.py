"""The server: listens, loads, answers until it is told to end.

It listens before the model is loaded, so that whoever looks after it sees it live and not ready;
it is ready when the model has answered its own input example.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from lading.serving.app import build
from lading.serving.connection import bounded
from lading.serving.house import House
from lading.serving.http_server import HttpServer, logged
from lading.serving.journal import Journal
from lading.serving.listening import listening_at
from lading.serving.loading import Loading
from lading.serving.metrics import Metrics
from lading.serving.plan import Link, Plan
from lading.serving.slot import Slot

if TYPE_CHECKING:
    from lading.serving.rpc.door import Door


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
        http=bounded(plan.limits, house.present, house.digest),
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


async def _serve(
    plan: Plan,
    house: House,
    config: uvicorn.Config,
    listening: socket.socket,
    link: Link | None,
) -> None:
    journal = house.journal
    server = HttpServer(config)
    server.until = plan.until
    door = None if plan.grpc_port is None else _door(house, shared=link is not None)
    if door is not None and link is None:
        plan.on_grpc(await door.open(plan.host, plan.grpc_port or 0))

    async def closing() -> None:
        house.slot.ending = True
        if door is not None:
            await door.close()

    server.closing = closing
    loading = Loading(plan, house, listening.getsockname()[1])
    if link is not None:
        server.heeds, server.link = (signal.SIGTERM,), link
        await link.begin(house, lambda: setattr(server, "should_exit", True))
    with logged(journal):
        working = asyncio.create_task(loading.all())
        working.add_done_callback(lambda done: setattr(server, "should_exit", True))
        try:
            if link is not None and not link.opens_at_once:
                await _ready(loading, working)
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


async def _ready(loading: Loading, working: asyncio.Task[None]) -> None:
    """Wait until the model is loaded, or never will be."""
    waiting = asyncio.create_task(loading.is_ready.wait())
    await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _door(house: House, *, shared: bool) -> Door:
    """The gRPC server; the packages it needs are imported only where one is wanted."""
    from lading.serving.rpc.door import Door

    return Door(house, shared=shared)
