"""What to serve, and how; and what one of several processes has to do with the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lading.serving.accepting import Loads
from lading.serving.follow import Followed
from lading.serving.house import House
from lading.serving.limits import Limits
from lading.serving.model import Model


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
