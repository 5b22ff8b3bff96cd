"""A worker's side: what it tells the parent, what it asks, and that it ends when there is none."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from lading.errors import Unavailable
from lading.serving import counted
from lading.serving.accepting import Loads
from lading.serving.house import House
from lading.serving.metrics import text_of
from lading.serving.model import Model
from lading.serving.workers.channel import MOST, Said, line

# How often the parent is told what was counted: so much is lost when a worker is killed.
_TELLING: Final = 1.0
_ANSWER: Final = 5.0
_WATCHING: Final = 1.0


class Report:
    """The link of one worker to its parent; used within one event loop."""

    def __init__(
        self, number: int, end: socket.socket, loads: Loads, *, opens_at_once: bool
    ) -> None:
        self.number = number
        self.loads = loads
        self.opens_at_once = opens_at_once
        self._end = end
        self._asked: dict[int, asyncio.Future[list[counted.Family]]] = {}
        self._count = 0
        self._house: House | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, house: House, gone: Callable[[], None]) -> None:
        """Listen to the parent; ``gone`` is called when there is none any more."""
        self._end.setblocking(False)
        reader, self._writer = await asyncio.open_unix_connection(sock=self._end, limit=MOST)
        self._house = house
        house.everywhere = self._everywhere
        self._tasks = [
            asyncio.create_task(self._listen(reader, gone)),
            asyncio.create_task(self._tell()),
        ]

    async def end(self) -> None:
        """Tell the parent what was counted last."""
        for task in self._tasks:
            task.cancel()
        self._say_figures(None)
        if self._writer is not None:
            try:
                async with asyncio.timeout(_TELLING):
                    await self._writer.drain()
            except (OSError, TimeoutError):
                return  # it has died first

    def ready(self, port: int, model: Model) -> None:
        """Say that requests are answered."""
        named = {each: getattr(model, each) for each in ("name", "version", "digest", "reference")}
        self._say({"ready": named, "port": port})

    def _say(self, said: Said) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(line(said))

    def _say_figures(self, number: int | None) -> None:
        assert self._house is not None
        self._house.count_waiting()
        families = counted.written(self._house.metrics.families())
        self._say({"figures": families, "number": number})

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELLING)
            self._say_figures(None)

    async def _listen(self, reader: asyncio.StreamReader, gone: Callable[[], None]) -> None:
        while text := await self._line(reader):
            said = json.loads(text)
            if "give" in said:
                self._say_figures(said["give"])
            waiting = self._asked.pop(said.get("told", -1), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(counted.read(said["families"]))
        gone()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except OSError:
            return b""

    async def _everywhere(self) -> bytes:
        """What all workers counted together.

        Raises:
            Unavailable: the parent does not say.
        """
        self._count += 1
        number = self._count
        future = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._say({"ask": number})
        try:
            async with asyncio.timeout(_ANSWER):
                return text_of(await future)
        except TimeoutError:
            raise Unavailable("nobody adds up what the workers counted") from None
        finally:
            self._asked.pop(number, None)


def end_without(parent: int, seconds: float) -> None:
    """End this process, whatever it is at, so long after its parent did."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCHING)
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
