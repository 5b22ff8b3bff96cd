"""The body of a request, read within its bounds."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Message, Receive, Scope

from lading.errors import InvalidInput
from lading.serving.exchange import header_of
from lading.serving.failures import Crowded, TooLarge, TooSlow, UnknownEncoding
from lading.serving.limits import Limits

_PLAIN: Final = (b"", b"identity")


class Bodies:
    """Reads bodies, and knows how many bytes of them are held at once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    def let_go(self, size: int) -> None:
        """A body of that size is not needed any more."""
        self._held -= size

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body; its size counts as held until it is let go.

        Raises:
            TooLarge: it is larger than one may be.
            TooSlow: it did not come in time.
            Crowded: too many others are held.
            UnknownEncoding: it is compressed.
            InvalidInput: the client hung up.
        """
        encoding = (header_of(scope, b"content-encoding") or b"").strip().lower()
        if encoding not in _PLAIN:
            said = encoding[:40].decode("latin-1")
            raise UnknownEncoding(f"the body is encoded as {said!r}", hint="send it as it is")
        length = header_of(scope, b"content-length") or b""
        if length.isdigit() and int(length[:20]) > self._limits.body:
            raise self._too_large()
        # The connection itself has a deadline, for who sends no body at all.
        message = await receive()
        body = self._part(message)
        self.hold(len(body))
        if not message.get("more_body", False):
            return body
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._rest(receive, body)
        except TimeoutError:
            raise TooSlow(f"the body did not come within {self._limits.body_seconds:g} s") from None

    async def _rest(self, receive: Receive, first: bytes) -> bytes:
        parts, size, more = [first], len(first), True
        try:
            while more:
                message = await receive()
                body = self._part(message)
                self.hold(len(body), before=size)
                size += len(body)
                parts.append(body)
                more = message.get("more_body", False)
        except BaseException:
            self.let_go(size)
            raise
        return b"".join(parts)

    def _part(self, message: Message) -> bytes:
        if message["type"] != "http.request":
            raise InvalidInput("the client hung up before its request was whole")
        part: bytes = message.get("body", b"")
        return part

    def hold(self, more: int, *, before: int = 0) -> None:
        """Count what came of a body, of which so much came before.

        Raises:
            TooLarge: it is larger than one may be.
            Crowded: too many others are held.
        """
        if before + more > self._limits.body:
            raise self._too_large()
        if self._held + more > self._limits.bodies:
            raise Crowded("too many large requests at once", hint="come again later")
        self._held += more

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the body is larger than {self._limits.body} bytes",
            hint="binary tensors are smaller; ask in parts",
        )
