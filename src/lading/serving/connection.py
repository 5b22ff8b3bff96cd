"""One connection: the HTTP server's own, and what it does not bound itself.

A client that sends its head or its body drop by drop, one that never reads its answer, and one that
opens a connection and is silent: each has so much time, and then is hung up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from lading.serving.limits import Limits
from lading.serving.present import Present, Unread
from lading.serving.protocol.response import dumps

# A client that sends its body in pieces of one byte needs five more for each.
_OVERHEAD = 8
# The server itself answers who is late with a body; this is for who goes on after the answer.
_GRACE = 1.0
_NO_HTTP = "Invalid HTTP request received."
# What is said to whom no application is asked for.
_SAID: Final = {
    400: "this is no HTTP request, or its head is too long",
    408: "the request did not come in time",
    431: "there is more around the request than in it",
}
_OFFER = (b"upgrade", b"connection")
_CONTINUE = b"HTTP/1.1 100 "


class _Joining:
    """Where an answer is written: its head goes with the first part of its body, not before it.

    The HTTP server writes one after the other, and each is a system call that wakes the client.
    """

    __slots__ = ("_began", "_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._began = False
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Write it, but for a head, which waits for what comes in the same turn of the loop."""
        if self._head is not None:
            data, self._head = self._head + data, None
        elif not self._began and not data.startswith(_CONTINUE):
            self._began = True
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Hang up when all is written."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing more is written."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head is not None:
            data, self._head = self._head, None
            self._transport.write(data)


def bounded(limits: Limits, here: Present, digest: Callable[[], str]) -> type[HttpToolsProtocol]:
    """The protocol of a server with these limits, which counts who is here.

    ``digest`` is that of the model which answers now: it is on what is refused here, too.
    """

    class Bounded(_Bounded):
        bounds = limits
        present = here
        unread = Unread(limits.answers)
        whose = staticmethod(digest)

    return Bounded


class _Bounded(HttpToolsProtocol):
    bounds: Limits
    present: Present
    unread: Unread
    whose: Callable[[], str]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # When the client is late, and who looks whether it is: most deadlines are met, and each
        # moves this one number instead of a timer.
        self._due: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._in_head = True
        # Of the request that comes: bytes in all, of its body, of its names and values.
        self._came = self._body = self._head = 0
        # Requests of this connection that are present.
        self._unanswered = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class's
        """Take it, if there is room; then its head is due."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            transport.abort()
            return
        self._expect(self.bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its deadlines."""
        self._due = None
        if self._deadline is not None:
            self._deadline.cancel()
        self.present.count -= self._unanswered
        self._unanswered = 0
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client; more around a body than any client sends are too many."""
        self._came += len(data)
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.logger.warning(_NO_HTTP)
            self.send_400_response(_NO_HTTP)
            return
        if self.transport.is_closing():
            return
        if self._came - self._body - _OVERHEAD * self._body > 2 * self.bounds.head:
            self._refuse(431)
        elif self._due is None and self._owes_nothing:
            # Empty lines before a request, for which nobody waits for ever.
            self._expect(self.bounds.head_seconds)

    def _feed(self, data: bytes) -> None:
        """Read a request on although it offers another protocol; Java's client always does.

        The parser passes over the body of such a one. It is given to another parser without its
        offer, which may be ignored.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offered:
            method = self.parser.get_method()
            if method == b"CONNECT":
                raise httptools.HttpParserError("this is no proxy") from None
            head = [method + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
            head += [b": ".join(each) for each in self.headers if each[0] not in _OFFER]
            if not self.parser.should_keep_alive():
                head.append(b"connection: close")
            self.parser = httptools.HttpRequestParser(self)
            self._head = 0
            self.parser.feed_data(b"\r\n".join([*head, b"", b""]))
            self._feed(data[offered.args[0] :])

    @property
    def _owes_nothing(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self._expect(self.bounds.head_seconds)

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one behind the body is not wanted."""
        self._count(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.bounds.head:
            # The parser takes it for its own, and the server answers with 400 and hangs up.
            raise ValueError("the head is too long")

    def on_headers_complete(self) -> None:
        """The body is due."""
        if self.parser.should_upgrade():
            return
        self._in_head = False
        self._expect(self.bounds.body_seconds + _GRACE)
        self._unanswered += 1
        self.present.count += 1
        super().on_headers_complete()
        # Its task begins in the next turn of the loop.
        self.cycle.transport = _Joining(self.transport, self.loop)  # type: ignore[assignment]  # all of a transport that an answer uses

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Nothing is due; until the answer has gone the client may be silent."""
        if self.parser.should_upgrade():
            return
        self._expect(None)
        self._in_head = True
        self._came = self._body = self._head = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is to be read."""
        if self._unanswered:
            self._unanswered -= 1
            self.present.count -= 1
        if self._reading is not None:
            self._is_read()
        if self.transport.get_write_buffer_size():
            # For each answer anew: who reads what came before is not late with this one. Nothing
            # is answered while much of it lies here, so nobody gains time by asking again.
            self._reading = self.loop.call_later(self.bounds.reading_seconds, self._is_late)
            self.unread.hold(self.transport)
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Most of what lay here is read."""
        self._is_read()
        super().resume_writing()

    def _is_read(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
            self.unread.let_go(self.transport)

    def _is_late(self) -> None:
        late = self.transport.get_write_buffer_size()
        self._is_read()
        if late:
            self.logger.warning("A client that does not read its answer is hung up on.")
            self.transport.abort()

    def _expect(self, seconds: float | None) -> None:
        if seconds is None:
            self._due = None
            return
        self._due = due = self.loop.time() + seconds
        if self._deadline is not None:
            if self._deadline.when() <= due:
                return
            self._deadline.cancel()
        self._deadline = self.loop.call_at(due, self._look)

    def _look(self) -> None:
        """Hang up on who is late, and look again later at who is not yet."""
        self._deadline = None
        if self._due is None:
            return
        if self._due > self.loop.time():
            self._deadline = self.loop.call_at(self._due, self._look)
            return
        self._due = None
        self._late()

    def _late(self) -> None:
        if self._in_head:
            self._refuse(408)
        else:
            self.transport.abort()

    def _refuse(self, status: int) -> None:
        """Say why, to whom nothing was said yet, and hang up."""
        if self.transport.is_closing():
            return
        if self._owes_nothing and self._came:
            self._say(status)
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """As every other answer: JSON, with the digest of the model."""
        self._say(400)

    def _say(self, status: int) -> None:
        body = dumps({"error": _SAID[status]})
        digest = self.whose().encode("latin-1", "replace")
        head = (
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"connection: close",
            b"x-model-digest: " + digest,
        )
        self.transport.write(STATUS_LINE[status] + b"\r\n".join([*head, b"", body]))
        self.transport.close()
