"""A client over a bare socket: it sends exactly the bytes a test wants, as slowly as it wants."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """What the body says is wrong."""
        return str(self.json["error"])


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, *, timeout: float = 30) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; what is no bytes is sent as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        self._connection.request(method, path, raw, dict(headers or {}))
        response = self._connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """One request over a connection of its own."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with Client(port) as client:
        return client.ask(method, path, body, named)


def raw(port: int, *, timeout: float = 30) -> socket.socket:
    """A connection for bytes."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def rest(connection: socket.socket) -> bytes:
    """Everything until the other side hangs up."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found
