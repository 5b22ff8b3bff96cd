"""What a stranger may take of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.errors import InvalidInput

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one server; every one of them answers or hangs up, and none ends it."""

    # Bytes of one request's body, and of all that are being read or answered at once.
    body: int = 32 * MIB
    bodies: int = 128 * MIB
    # Bytes of answers that clients have not read yet, in all.
    answers: int = 512 * MIB
    # Bytes of a request's head.
    head: int = 32 * 1024
    rows: int = 10_000
    # Requests that wait for the model.
    waiting: int = 512
    connections: int = 1024
    # Seconds from a whole request to the model's answer.
    answer: float = 30.0
    # Seconds for a request's head, for its body, and for the client to read the answer.
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    reading_seconds: float = 60.0
    # Seconds that a quiet connection is kept; longer than proxies keep theirs.
    idle: float = 75.0
    # Seconds that requests have to end when the server is told to.
    shutdown: float = 30.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise InvalidInput(f"the limit {name} cannot be {getattr(self, name)}")
