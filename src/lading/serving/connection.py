"""One connection: the HTTP server's own, and what it does not bound itself.

A client that sends its head or its body drop by drop, one that never reads its answer, and one that
opens a connection and is silent: each has so much time, and then is hung up on.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from lading.serving.limits import Limits

# A client that sends its body in pieces of one byte needs five more for each.
_OVERHEAD = 8
# The server itself answers who is late with a body; this is for who goes on after the answer.
_GRACE = 1.0


def bounded(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol of a server with these limits."""

    class Bounded(_Bounded):
        bounds = limits

    return Bounded


class _Bounded(HttpToolsProtocol):
    bounds: Limits

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._in_head = True
        # Of the request that comes: bytes in all, of its body, of its names and values.
        self._came = self._body = self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class's
        """Take it, if there is room; then its head is due."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            transport.abort()
            return
        self._expect(self.bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its deadlines."""
        self._expect(None)
        if self._reading is not None:
            self._reading.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client; more around a body than any client sends are too many."""
        self._came += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._came - self._body - _OVERHEAD * self._body > 2 * self.bounds.head:
            self._refuse(431)
        elif self._deadline is None and self._owes_nothing:
            # Empty lines before a request, for which nobody waits for ever.
            self._expect(self.bounds.head_seconds)

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
        self._in_head = False
        self._expect(self.bounds.body_seconds + _GRACE)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Nothing is due; until the answer has gone the client may be silent."""
        self._expect(None)
        self._in_head = True
        self._came = self._body = self._head = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is to be read."""
        if self._reading is None and self.transport.get_write_buffer_size():
            self._reading = self.loop.call_later(self.bounds.reading_seconds, self._unread)
        super().on_response_complete()

    def _unread(self) -> None:
        self._reading = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(408)
        else:
            self.transport.abort()

    def _refuse(self, status: int) -> None:
        """Say why, to whom nothing was said yet, and hang up."""
        if self.transport.is_closing():
            return
        if self._owes_nothing and self._came:
            line = STATUS_LINE[status]
            self.transport.write(line + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
        else:
            self.transport.abort()
