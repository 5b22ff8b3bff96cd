"""A receiver: a real HTTP server that answers as a test tells it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from parts.certificates import Authority
from parts.server import Handler, Server


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


Reply = Callable[["ReceiverHandler"], None]


class ReceiverHandler(Handler):
    """Answers with the next of the receiver's replies; 204 when none is left."""

    def answer(self) -> None:
        receiver = cast("Receiver", self.part)
        body = self.read_body()
        delivery = Delivery(self.request_log.target, self.request_log.headers, body)
        with receiver.lock:
            receiver.deliveries.append(delivery)
            reply = receiver.replies.pop(0) if receiver.replies else None
        if reply is None:
            self.reply(204)
        else:
            reply(self)


class Receiver(Server):
    """Keeps what it was sent."""

    handler = ReceiverHandler

    def __init__(self, *, authority: Authority | None = None) -> None:
        super().__init__(authority=authority)
        self.lock = threading.Lock()
        self.deliveries: list[Delivery] = []
        self.replies: list[Reply] = []

    def then(self, status: int, **headers: str) -> None:
        """The next request that has no reply yet is answered so."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append(lambda handler: handler.reply(status, b"", named))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def other() -> Iterator[Receiver]:
    """Another receiver: same host, another port, so another origin."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def tls_receiver(authority: Authority) -> Iterator[Receiver]:
    with Receiver(authority=authority) as receiver:
        yield receiver
