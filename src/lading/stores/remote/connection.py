"""Connections: one request out, one answer in, as thin as the bytes need.

``http.client`` reads straight into a caller's buffer and is within a few percent of a bare
socket; requests, urllib3 and httpx cost three quarters more. No retries, no redirects, no
authorization here: see :mod:`lading.stores.remote.client`.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import socket
import threading
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lading.errors import InvalidInput, LocalFailure
from lading.ports import FileSlice
from lading.stores.remote.origin import Origin
from lading.stores.remote.silence import Silence

if TYPE_CHECKING:
    import ssl

    from lading.settings import Settings

# An error's text, a token, a list of tags: nothing of that sort is longer.
_SMALL = 16 * 1024 * 1024
_IDLE_CONNECTIONS = 16
_BUFFER = 256 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: its exact length, and its pieces in order."""

    size: int
    pieces: Iterable[bytes | bytearray | memoryview | FileSlice]

    @classmethod
    def of(cls, raw: bytes) -> Body:
        """A body that is in memory."""
        return cls(len(raw), (raw,))


class BrokenConnection(Exception):
    """The connection ended before the answer did; ``reused`` where it had idled before."""

    def __init__(self, cause: BaseException, *, reused: bool, connected: bool = True) -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.reused = reused
        self.connected = connected


class Response:
    """An answer whose body is still to be read; closing it early closes the connection."""

    def __init__(
        self,
        pool: ConnectionPool,
        origin: Origin,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._connection: http.client.HTTPConnection | None = connection
        self._answer = answer
        self.status = answer.status
        self.headers = answer.headers

    def header_values(self, name: str) -> list[str]:
        """Every line of a header that may come more than once."""
        return self._answer.headers.get_all(name) or []

    @property
    def length(self) -> int | None:
        """The body's length as far as it was announced."""
        return self._answer.length

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes of the body; 0 at the end.

        Raises:
            BrokenConnection: the body broke off.
        """
        try:
            return self._answer.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise BrokenConnection(error, reused=False) from error

    def read(self, limit: int = _SMALL) -> bytes:
        """The whole body of a small answer; the connection is free again afterwards."""
        try:
            raw = self._answer.read(limit + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise BrokenConnection(error, reused=False) from error
        self.release()
        return raw[:limit]

    def release(self) -> None:
        """Give the connection back where the body was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # A body that broke off is "closed" for http.client as well, with length left over.
        whole = self._answer.isclosed() and not self._answer.length
        if whole and not self._answer.will_close:
            self._pool.give_back(self._origin, connection)
        else:
            self._answer.close()
            connection.close()

    def drop(self) -> None:
        """Be done with an answer whose body does not matter."""
        # Distribution 2.8 answers 416 with a wrong Content-Length, and HEAD has none to read.
        if self.status != 416 and (self.length or 0) <= 64 * 1024:
            try:
                self.read(64 * 1024)
            except BrokenConnection:
                return
        self.close()

    def close(self) -> None:
        """Be done with it, whatever is left unread."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._answer.close()
            connection.close()


class ConnectionPool:
    """Connections to any origin, kept open between requests; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._silence = Silence(settings.timeout)
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._tls: ssl.SSLContext | None = None
        # Whoever drops a store without closing it leaves no socket behind.
        weakref.finalize(self, _close_all, self._idle)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None
    ) -> Response:
        """Send one request and take the head of its answer.

        Raises:
            BrokenConnection: there was no answer.
        """
        origin = Origin.of(url)
        connection, reused = self._take(origin)
        try:
            if connection.sock is None:
                with self._silence.broken_by(origin):
                    connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise BrokenConnection(error, reused=False, connected=False) from error
        try:
            self._ask(connection, origin, method=method, url=url, headers=headers, body=body)
            _send_body(connection, body)
            with self._silence.broken_by(origin):
                answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise BrokenConnection(error, reused=reused) from error
        except BaseException:
            connection.close()
            raise
        return Response(self, origin, connection, answer)

    def give_back(self, origin: Origin, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request to its origin."""
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if len(idle) < _IDLE_CONNECTIONS:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            _close_all(self._idle)

    def _take(self, origin: Origin) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if idle := self._idle.get(origin):
                return idle.pop(), True
        return self._connection(origin), False

    def _connection(self, origin: Origin) -> http.client.HTTPConnection:
        timeout = self._settings.timeout
        proxy = self._proxy(origin)
        if proxy is None:
            if origin.scheme == "https":
                return http.client.HTTPSConnection(
                    origin.host, origin.port, timeout=timeout, context=self._context()
                )
            return http.client.HTTPConnection(origin.host, origin.port, timeout=timeout)
        host, port, headers = proxy
        if origin.scheme == "https":
            tunnelled = http.client.HTTPSConnection(
                host, port, timeout=timeout, context=self._context()
            )
            # The proxy is spoken to in the clear; TLS begins inside the tunnel.
            tunnelled.set_tunnel(origin.host, origin.port, headers=headers)
            return tunnelled
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _proxy(self, origin: Origin) -> tuple[str, int, dict[str, str]] | None:
        settings = self._settings
        return proxy_for(origin, settings.http_proxy, settings.https_proxy, settings.no_proxy)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = tls_context(self._settings)
            return self._tls

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        origin: Origin,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
    ) -> None:
        proxy = self._proxy(origin) if origin.scheme == "http" else None
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.putrequest(method, url if proxy else path, skip_accept_encoding=True)
        lines = {**headers, **(proxy[2] if proxy else {})}
        if body is not None or method in {"POST", "PUT", "PATCH"}:
            lines["Content-Length"] = str(body.size if body else 0)
        for name, value in lines.items():
            connection.putheader(name, value)
        connection.endheaders()


def _send_body(connection: http.client.HTTPConnection, body: Body | None) -> None:
    if body is not None:
        # A registry that refuses answers at once and hangs up: its reason is worth more than
        # the broken pipe. Where there is none, asking for the answer breaks again.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            _send(connection.sock, body)


def _close_all(idle: dict[Origin, list[http.client.HTTPConnection]]) -> None:
    while idle:
        for connection in idle.popitem()[1]:
            connection.close()


def _send(sock: socket.socket, body: Body) -> None:
    sent = 0
    for piece in body.pieces:
        if isinstance(piece, FileSlice):
            sent += _send_slice(sock, piece)
        else:
            sock.sendall(piece)
            sent += len(piece)
    if sent != body.size:
        raise LocalFailure(
            "what is pushed changed while it was read",
            cause=f"{sent} bytes instead of {body.size}",
            hint="push again when nothing writes to it",
        )


def _send_slice(sock: socket.socket, piece: FileSlice) -> int:
    if hasattr(sock, "cipher"):
        # The kernel cannot encrypt; ssl's own sendfile reads eight kilobytes at a time.
        return _send_by_hand(sock, piece)
    with open(piece.fileno, "rb", buffering=0, closefd=False) as file:
        return sock.sendfile(file, piece.offset, piece.length)


def _send_by_hand(sock: socket.socket, piece: FileSlice) -> int:
    buffer = memoryview(bytearray(min(_BUFFER, piece.length)))
    sent = 0
    while sent < piece.length:
        count = os.preadv(
            piece.fileno, [buffer[: min(_BUFFER, piece.length - sent)]], piece.offset + sent
        )
        if not count:
            break
        sock.sendall(buffer[:count])
        sent += count
    return sent


def proxy_for(
    origin: Origin, http_proxy: str | None, https_proxy: str | None, no_proxy: str | None
) -> tuple[str, int, dict[str, str]] | None:
    """The proxy on the way to an origin: host, port, and credentials; None for none.

    Raises:
        InvalidInput: the proxy that is set is none that can be used.
    """
    url = https_proxy if origin.scheme == "https" else http_proxy
    if not url or origin.is_loopback or bypasses(origin, no_proxy):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise InvalidInput(
            "cannot use this proxy",
            cause=f"{parts.scheme}://{parts.hostname}",
            hint="HTTPS_PROXY and HTTP_PROXY name a proxy as http://HOST:PORT",
        )
    headers = {}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return parts.hostname, parts.port or 80, headers


def bypasses(origin: Origin, no_proxy: str | None) -> bool:
    """Whether NO_PROXY names this host: exactly, by a parent domain, or ``*`` for all."""
    for entry in (no_proxy or "").replace(",", " ").split():
        name, _, port = entry.partition(":")
        name = name.lstrip(".").lower()
        if port and port != str(origin.port):
            continue
        if name in {"*", origin.host} or origin.host.endswith("." + name):
            return True
    return False


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Whom to trust, and what to show; the same for registries and for token servers."""
    import ssl

    try:
        context = ssl.create_default_context()
        if settings.ca_file is not None:
            context.load_verify_locations(settings.ca_file)
        if settings.client_cert is not None:
            context.load_cert_chain(settings.client_cert, settings.client_key)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInput(
            "cannot read the certificates", cause=str(error), hint="--ca-file, --client-cert"
        ) from error
    return context
