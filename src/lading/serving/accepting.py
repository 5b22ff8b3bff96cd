"""Taking connections off a socket that several processes share, so that each holds about as many.

Event loops take as many as there are at once, and of a burst of connections, which clients then
keep, one worker would get most. Here they are taken one at a time, and by who holds the fewest.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
from collections.abc import Callable
from typing import Final

# How long no connection is taken when there are no descriptors left for them.
_PAUSE: Final = 1.0
# How long a connection is left to who holds fewer: that one may be busy, or dead.
_COURTESY: Final = 0.002
_ABSENT: Final = 2**32 - 1


class Loads:
    """How many connections each of several processes holds, in memory that all of them share."""

    def __init__(self, places: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 4 * places)).cast("I")
        for place in range(places):
            self.leave(place)

    def put(self, place: int, number: int) -> None:
        """Say how many one holds."""
        self._numbers[place] = number

    def leave(self, place: int) -> None:
        """Say that one takes none."""
        self._numbers[place] = _ABSENT

    def is_lightest(self, place: int) -> bool:
        """Whether nobody holds fewer."""
        return self._numbers[place] <= min(self._numbers)


class Accepting:
    """Takes connections within one event loop, at one place among several."""

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        loads: Loads,
        place: int,
        held: Callable[[], int],
    ) -> None:
        self._listening = listening
        self._protocol = protocol
        self._loads = loads
        self._place = place
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waited = False
        self._over = False

    def begin(self) -> None:
        """Take what comes."""
        if not self._over:
            self._listening.setblocking(False)
            self._loop.add_reader(self._listening.fileno(), self._take)

    def count(self) -> None:
        """Say how many connections are held."""
        if not self._over:
            self._loads.put(self._place, self._held() + len(self._tasks))

    def end(self) -> None:
        """Take no more; the socket is closed by its owner."""
        self._over = True
        self._loads.leave(self._place)
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening.fileno())

    def _take(self) -> None:
        self.count()
        if not self._waited and not self._loads.is_lightest(self._place):
            self._waited = True
            self._wait(_COURTESY)
            return
        self._waited = False
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # another worker was quicker, or the client gave up
        except OSError:
            self._wait(_PAUSE)
            return
        task = self._loop.create_task(attach(connection, self._protocol))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.count()

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._loop.call_later(seconds, self.begin)


async def attach(connection: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
    """Serve a connection that was taken."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)


def left(listening: socket.socket) -> list[socket.socket]:
    """The connections that nobody took yet: closing the socket would reset them."""
    taken = []
    listening.setblocking(False)
    try:
        while True:
            taken.append(listening.accept()[0])
    except OSError:  # there is none any more
        return taken
