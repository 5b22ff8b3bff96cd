"""The listener: takes registries' notifications and passes their hints on.

It stands where strangers can reach it, so everything is bounded: how long a request may take,
how large its head and body may be, how many come at once. It answers with a status and nothing
else, and what it is told decides nothing: see :mod:`lading.hooks.notifications`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from lading.errors import InvalidInput, LocalFailure
from lading.hooks.notifications import Hint, hints
from lading.hooks.signing import check_secret
from lading.stores.remote.origin import Origin

_log = logging.getLogger(__name__)

PATH: Final = "/notifications"
HEALTH: Final = "/healthz"
# Answered before the request was read to its end.
_UNREAD: Final = frozenset({401, 404, 405, 411, 413, 431, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a stranger may take of this machine."""

    head: int = 16 * 1024
    body: int = 1024 * 1024
    # From the first byte of the request to the last of the answer.
    seconds: float = 10.0
    connections: int = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """``HOST:PORT``, ``[::1]:PORT`` or ``:PORT``, which means this machine alone.

        Raises:
            InvalidInput: it is none of these.
        """
        host, colon, port = text.rpartition(":")
        host = host or "127.0.0.1"
        if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
            raise InvalidInput(f"cannot listen at {text[:100]!r}", hint="--listen 127.0.0.1:8080")
        return cls(Origin.of(f"http://{host}:{port}").host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return Origin("http", self.host, self.port).is_loopback


class Listener:
    """A server in the background, as a context manager."""

    def __init__(
        self,
        place: Place,
        on_hint: Callable[[Hint], object],
        *,
        secret: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Begin to listen.

        Raises:
            InvalidInput: others could reach it, and there is no secret; or it is too short.
            LocalFailure: the address is taken, or not this machine's.
        """
        if secret is None and not place.is_loopback:
            raise InvalidInput(
                f"anybody could send to {place.host}:{place.port}",
                hint="--listen-secret-env NAME, and the same in the registry's configuration",
            )
        key = check_secret(secret) if secret is not None else None
        try:
            self._server = _Server(place, on_hint, key, limits or Limits())
        except OSError as error:
            raise LocalFailure(
                f"cannot listen at {place.host}:{place.port}",
                cause=error.strerror,
                hint="--listen HOST:PORT of an address of this machine that is free",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens: chosen by the machine where 0 was asked for."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, place: Place, on_hint: Callable[[Hint], object], secret: bytes | None, limits: Limits
    ) -> None:
        if ":" in place.host:
            self.address_family = socket.AF_INET6
        self.on_hint = on_hint
        self.secret = secret
        self.limits = limits
        self._free = threading.BoundedSemaphore(limits.connections)
        super().__init__((place.host, place.port), _Handler)

    def server_bind(self) -> None:
        """Take the address; HTTPServer would ask the network for its name, and may wait long."""
        super(HTTPServer, self).server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread, if there is one to spare; the registry comes again otherwise."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # this machine has no thread to spare
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Strangers that go away, or dawdle, are no news."""
        _log.debug("a connection to the listener broke", exc_info=True)


class _TooLarge(Exception):
    """The head of a request is longer than anybody's."""


class _Stream(io.RawIOBase):
    """What comes in, until the time or the room for it is used up."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._until = time.monotonic() + limits.seconds
        self.room = limits.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request takes too long")
        if self.room <= 0:
            raise _TooLarge
        self._sock.settimeout(left)
        count = self._sock.recv_into(memoryview(buffer)[: self.room])
        self.room -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    """One request; HTTP/1.0 semantics, so the connection ends with the answer."""

    server: _Server
    server_version = "lading"
    sys_version = ""
    # Without this, what cannot be parsed is answered as HTTP/0.9: with nothing.
    default_request_version = "HTTP/1.0"

    def setup(self) -> None:
        super().setup()
        self._stream = _Stream(self.connection, self.server.limits)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._stream, 4096)

    def handle(self) -> None:
        try:
            super().handle()
        except _TooLarge:
            # Nothing was parsed yet, and BaseHTTPRequestHandler answers by what it has parsed.
            self.requestline, self.request_version = "", self.default_request_version
            self._answer(431)

    def do_GET(self) -> None:
        """Whether it is alive."""
        self._answer(200 if self.path == HEALTH else 405 if self.path == PATH else 404)

    def do_POST(self) -> None:
        """A notification."""
        if self.path != PATH:
            return self._answer(405 if self.path == HEALTH else 404)
        if not self._is_known():
            return self._answer(401)
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            return self._answer(411)
        if len(length) > 10 or int(length) > self.server.limits.body:
            return self._answer(413)
        self._stream.room = int(length)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self._answer(400)
        return self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            found = hints(dict(self.headers.items()), body)
        except InvalidInput as error:
            _log.debug("a notification was refused: %s", error)
            return self._answer(400)
        for hint in found:
            self.server.on_hint(hint)
        return self._answer(202)

    def _is_known(self) -> bool:
        """Whether the sender has the secret: bare (Harbor), as a bearer token, or as a password."""
        secret = self.server.secret
        if secret is None:
            return True
        given = self.headers.get("Authorization", "")
        scheme, _, rest = given.partition(" ")
        offers = [given]
        if scheme.lower() == "bearer":
            offers.append(rest.strip())
        elif scheme.lower() == "basic":
            offers.append(_password(rest.strip()))
        return any(_same(secret, offer) for offer in offers)

    def _answer(self, status: int) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        if status in _UNREAD:
            self._drain()

    def _drain(self) -> None:
        """Read what still comes: closing with bytes unread resets the connection, and the sender
        may never see why."""
        self.connection.shutdown(socket.SHUT_WR)
        self._stream.room = self.server.limits.body
        while self.rfile.read1(65536):
            pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what could not be read; a stranger is told no more than that."""
        self.close_connection = True
        self._answer(code)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's word
        """Say it to who debugs; the line is a stranger's."""
        _log.debug("listener: %r", format % args)


def _password(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _same(secret: bytes, offered: str) -> bool:
    """Compared by digest, so that not even the length shows in the time it takes."""
    raw = offered.encode("utf-8", "surrogateescape")
    return hmac.compare_digest(hashlib.sha256(secret).digest(), hashlib.sha256(raw).digest())
