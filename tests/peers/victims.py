"""Runs of ``lading`` that are killed, and a registry that holds still while that is done."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from parts.command import Command
from parts.double import Double, RegistryHandler


def run(command: Command, *arguments: str | Path) -> str:
    """A run to its end, which must be a good one; what it printed."""
    done = command(*arguments)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def start(command: Command, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """A run to be killed."""
    return subprocess.Popen(
        command.line(*arguments),
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(victim: subprocess.Popen[bytes]) -> None:
    """kill -9, and wait until it is gone."""
    victim.kill()
    victim.wait(20)


def killed_after(seconds: float, command: Command, *arguments: str | Path) -> bool:
    """Start a run and kill it so much later; False where it was quicker."""
    victim = start(command, *arguments)
    try:
        victim.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(victim)
        return True
    assert victim.returncode == 0
    return False


def timed(command: Command, *arguments: str | Path) -> float:
    """How long a run takes when nobody kills it."""
    began = time.monotonic()
    run(command, *arguments)
    return time.monotonic() - began


def moments(whole: float, count: int) -> Iterator[float]:
    """So many moments of a run, spread over it by chance; the start of Python is not worth it."""
    first = 0.15 * whole
    step = (whole - first) / count
    for number in range(count):
        yield first + step * (number + random.random())


class HaltingHandler(RegistryHandler):
    """Holds still in the middle of a body, until whoever sent or read it is gone."""

    def body(self) -> Iterator[memoryview]:
        halting = cast("HaltingDouble", self.part)
        for piece in super().body():
            yield piece
            if self.command in ("PATCH", "PUT"):
                halting.hold(self.request_log.received)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        halting = cast("HaltingDouble", self.part)
        limit = halting.limit
        if self.command == "GET" and limit is not None and len(data) > limit:
            super().send(memoryview(data)[:limit])
            halting.hold(limit)
            super().send(memoryview(data)[limit:])
        else:
            super().send(data)


class HaltingDouble(Double):
    """A double that can be told to hold still after so many bytes of one body, once."""

    handler = HaltingHandler

    def __init__(self) -> None:
        super().__init__()
        self.limit: int | None = None
        self.halted = threading.Event()
        self._gone = threading.Event()

    def halt_after(self, limit: int) -> None:
        """The next body that is longer is held after so many bytes."""
        self.limit = limit

    def hold(self, reached: int) -> None:
        """Wait here until :meth:`go_on`, once, and only if the limit is reached."""
        with self.lock:
            if self.limit is None or reached < self.limit:
                return
            self.limit = None
        self.halted.set()
        self._gone.wait(20)

    def go_on(self) -> None:
        """Whoever was held up is gone."""
        self._gone.set()

    def bytes_received(self) -> int:
        """The bytes of all blobs' bodies since requests were forgotten."""
        return sum(request.received for request in self.asked(path="/blobs/uploads/"))

    def bytes_sent(self) -> int:
        """The bytes of all blobs that were given away since then."""
        return sum(request.sent for request in self.asked("GET", "/blobs/"))
