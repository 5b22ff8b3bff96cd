"""One POST and its answer: through the proxy that is set, within a time, and no more than that.

No retries, no redirects, no signatures: see :mod:`lading.hooks.deliver`.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lading.errors import InvalidInput
from lading.hooks.address import Address
from lading.stores.remote.connection import proxy_for

# A reason; nobody reads further.
_LONGEST_ANSWER = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How receivers are reached: what settings say of it."""

    timeout: float = 30.0
    ca_file: Path | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said."""

    status: int
    location: str | None
    retry_after: str | None
    text: str


class NoAnswer(Exception):
    """The receiver did not answer, or not in time."""


def post(address: Address, headers: Mapping[str, str], body: bytes, line: Line) -> Answer:
    """Send one request, and take its answer; all of it within the line's timeout.

    Raises:
        NoAnswer: there was none in time.
        InvalidInput: the proxy or the certificates that are set cannot be used.
    """
    connection, target, lines = _route(address, line)
    try:
        with _within(connection, line.timeout) as check:
            connection.request("POST", target, body, {**headers, **lines})
            response = connection.getresponse()
            # http.client takes a head that was cut off for a whole one.
            check()
            return _answer(response)
    except (OSError, http.client.HTTPException) as error:
        # The last words of a TLS error may quote a certificate, never the request.
        raise NoAnswer(str(error)[:200] or type(error).__name__) from error
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection that knows its socket before TLS begins, so that it can be cut off then."""

    def __init__(
        self, host: str, port: int, *, timeout: float, tls: ssl.SSLContext | None, name: str
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self._tls = tls
        self._name = name
        self.default_port = 443 if tls else 80

    def connect(self) -> None:
        super().connect()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(
                self.sock, server_hostname=self._name, do_handshake_on_connect=False
            )
            self.sock.do_handshake()


@contextmanager
def _within(connection: http.client.HTTPConnection, seconds: float) -> Iterator[Callable[[], None]]:
    """Cut the connection after so many seconds in all; a socket's own timeout starts anew with
    every byte, and a receiver may send one now and then for ever."""
    cut = threading.Event()

    def cut_off() -> None:
        cut.set()
        if (sock := connection.sock) is not None:
            try:
                # SSLSocket's own would change what the other thread is reading with.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return  # it ended by itself

    def check() -> None:
        if cut.is_set():
            raise TimeoutError

    timer = threading.Timer(seconds, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield check
    except (OSError, ValueError, http.client.HTTPException) as error:
        if cut.is_set():
            raise NoAnswer(f"not within {seconds:g} seconds") from error
        raise
    finally:
        timer.cancel()


def _answer(response: http.client.HTTPResponse) -> Answer:
    # What is taken is taken, whatever else is said of it.
    raw = b"" if 200 <= response.status < 300 else response.read(_LONGEST_ANSWER)
    return Answer(
        response.status,
        response.headers.get("Location"),
        response.headers.get("Retry-After"),
        raw.decode("utf-8", "replace"),
    )


def _route(address: Address, line: Line) -> tuple[_Connection, str, dict[str, str]]:
    """The connection, what to ask for on it, and what to tell a proxy."""
    origin = address.origin
    tls = _context(line.ca_file) if origin.scheme == "https" else None
    proxy = proxy_for(origin, line.http_proxy, line.https_proxy, line.no_proxy)
    if proxy is None:
        direct = _Connection(
            origin.host, origin.port, timeout=line.timeout, tls=tls, name=origin.host
        )
        return direct, address.target, {}
    host, port, credentials = proxy
    connection = _Connection(host, port, timeout=line.timeout, tls=tls, name=origin.host)
    if tls is None:
        return connection, address.url, {"Host": origin.netloc, **credentials}
    connection.set_tunnel(origin.host, origin.port, headers=credentials)
    return connection, address.target, {}


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInput(
            "cannot read the certificates", cause=str(error), hint="--ca-file FILE"
        ) from error
    return context
