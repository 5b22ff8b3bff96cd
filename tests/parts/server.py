"""The HTTP server under every double: threads, keep-alive, TLS, and a log of requests.

It is quick enough to move gigabytes (large buffers, one copy) and knows nothing of registries.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from parts.certificates import Authority

BUFFER = 256 * 1024


@dataclass(slots=True)
class Request:
    """One request, as it came and as it was answered."""

    method: str
    target: str
    headers: dict[str, str]
    received: int = 0
    status: int = 0
    sent: int = 0
    server: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query; the last of equal names wins."""
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}


class Handler(BaseHTTPRequestHandler):
    """One connection. A subclass has ``answer``, called for every method."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # A client that went away must not keep a test waiting.
    timeout = 60
    request_log: Request

    def answer(self) -> None:
        """Answer ``self.request_log``."""
        raise NotImplementedError

    def setup(self) -> None:
        """Shake hands here, in the connection's own thread."""
        self.part = cast("_Listener", self.server).part
        context = self.part.tls
        if context is not None:
            self.request.settimeout(self.timeout)
            self.request = context.wrap_socket(self.request, server_side=True)
        self.part.connections.add(self.request)
        super().setup()

    def _dispatch(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.request_log = Request(self.command, self.path, headers, server=self.part.host)
        self._unread = int(headers.get("content-length") or 0)
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.part.remember(self.request_log)
        self.answer()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _dispatch  # noqa: N815
    do_CONNECT = _dispatch  # noqa: N815

    # --- what came -------------------------------------------------------------------------

    def body(self) -> Iterator[memoryview]:
        """The request's body in pieces; each is good until the next. Ends early if it breaks."""
        pieces = self._chunked_body() if self._chunked else self._plain_body()
        for piece in pieces:
            self.request_log.received += len(piece)
            yield piece

    def read_body(self) -> bytes:
        """The whole body, for small ones."""
        return b"".join(bytes(piece) for piece in self.body())

    @property
    def broken(self) -> bool:
        """Whether the client stopped before the end of its body."""
        return self._unread > 0 or self._chunked

    def drain(self) -> None:
        """Read what is left of the body and throw it away."""
        for _ in self.body():
            pass

    def _plain_body(self) -> Iterator[memoryview]:
        buffer = memoryview(bytearray(min(BUFFER, self._unread)))
        while self._unread:
            count = self._receive(buffer[: min(len(buffer), self._unread)])
            if not count:
                self.close_connection = True
                return
            self._unread -= count
            yield buffer[:count]

    def _chunked_body(self) -> Iterator[memoryview]:
        buffer = memoryview(bytearray(BUFFER))
        while self._chunked:
            size = self._chunk_size()
            while size:
                count = self._receive(buffer[: min(BUFFER, size)])
                if not count:
                    self.close_connection = True
                    return
                size -= count
                yield buffer[:count]
            self.rfile.readline()

    def _chunk_size(self) -> int:
        """The size of the next chunk; clears ``_chunked`` at the last."""
        line = self.rfile.readline()
        size = int(line.partition(b";")[0] or b"0", 16) if line.strip() else 0
        self._chunked = size > 0 if line else True
        if not line:
            self.close_connection = True
            raise ConnectionResetError("the body ended in the middle of a chunk")
        return size

    def _receive(self, buffer: memoryview) -> int:
        try:
            return cast("Any", self.rfile).readinto1(buffer) or 0
        except OSError:
            return 0

    # --- what goes -------------------------------------------------------------------------

    def reply(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        early: bool = False,
    ) -> None:
        """Answer with a small body. The rest of the request's body is read first, unless early."""
        if early:
            self.close_connection = True
        else:
            self.drain()
        given = {name.lower() for name in headers or {}}
        self.send_head(status, headers)
        if "content-length" not in given and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.finish_head()
        if self.command != "HEAD":
            self.send(body)

    def send_head(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """The status line and headers."""
        self.request_log.status = status
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)

    def finish_head(self) -> None:
        """End the headers, and say so where the connection will close."""
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Some of the answer's body."""
        self.wfile.write(data)
        self.request_log.sent += len(data)

    def hang_up(self) -> None:
        """Close the connection as a broken network would: a reset, no goodbye."""
        self.close_connection = True
        self.part.connections.discard(self.connection)
        # Detached, since the reader made of this socket would keep it open.
        raw = socket.socket(fileno=self.connection.detach())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        raise ConnectionResetError("hung up on purpose")

    def handle(self) -> None:
        """Serve until somebody goes away, which is no error here."""
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """Close, whatever state the connection is in."""
        self.part.connections.discard(self.request)
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        if isinstance(self.request, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self.request.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    part: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what tests are about; a mistake of the double fails them."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.part.errors.append(error)


class Server:
    """A server on a loopback port, as a context manager.

    ``requests`` holds every request in order of arrival. A mistake in the double itself is
    raised when the server stops: no test passes over it.
    """

    handler: type[Handler]

    def __init__(self, *, authority: Authority | None = None) -> None:
        self.authority = authority
        self.tls: ssl.SSLContext | None = None
        if authority is not None:
            identity = authority.server()
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(identity.cert, identity.key)
        self.requests: list[Request] = []
        self.errors: list[BaseException | None] = []
        self.port = 0
        self.connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def host(self) -> str:
        """What stands before the first slash of a reference."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """The host with its scheme."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def ca_file(self) -> Any:
        """What a client must trust to speak TLS with it."""
        assert self.authority is not None
        return self.authority.ca_file

    def start(self) -> Self:
        """Start it, or start it again on the port it had."""
        self._listener = _Listener(("127.0.0.1", self.port), self.handler)
        self._listener.part = self
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and raise what went wrong inside."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
            for connection in tuple(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        if self.errors:
            raise AssertionError("the double itself failed") from self.errors[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def remember(self, request: Request) -> None:
        """Log a request."""
        with self._lock:
            self.requests.append(request)

    def forget_requests(self) -> None:
        """Count requests from here on."""
        with self._lock:
            self.requests.clear()

    def asked(self, method: str | None = None, path: str = "") -> list[Request]:
        """The requests of a method whose target matches a regular expression."""
        with self._lock:
            return [
                request
                for request in self.requests
                if method in (None, request.method) and re.search(path, request.target)
            ]
