"""One call: its message read in time, its answer sent in time, the digest on it, and what is told.

Every call is taken as a stream of messages, which on the wire is what a single one is: only so does
the server know of a call before its message is whole, and can end one that never will be.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from lading.errors import LadingError
from lading.serving.asker import Asker
from lading.serving.failures import TooSlow, status_of
from lading.serving.house import House
from lading.serving.model import Model
from lading.serving.rpc.receiving import Receiving
from lading.serving.rpc.statuses import code_of
from lading.serving.watched import Seen

DIGEST: Final = "x-model-digest"
_REQUEST_ID: Final = "x-request-id"
_ID: Final = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
# Longer ones do not fit into the trailers that clients take.
_LONGEST: Final = 2000
# Clients that gave up are counted as such.
_GAVE_UP: Final = 499
_QUIET: Final = frozenset({"live", "ready", "watch"})

Answered = Callable[["Call", bytes], Awaitable[Any]]


class Call:
    """One call, and what is known of it so far."""

    def __init__(self, context: Any, seen: Seen, seconds: float) -> None:
        self.context = context
        self.seen = seen
        self._seconds = seconds

    def of(self, asker: Asker) -> Asker:
        """Who answers it."""
        self.seen.asker = asker
        return asker

    async def send(self, message: Any) -> None:
        """One message of the answer.

        Raises:
            TooSlow: the client does not read it.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self.context.write(message.SerializeToString())
        except TimeoutError:
            raise TooSlow(f"the answer was not read within {self._seconds:g} s") from None


class Calls:
    """Takes calls of one server; used within one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._receiving = Receiving(house.limits)

    def handler(self, path: str, endpoint: str, answer: Answered) -> Any:
        """What gRPC is given for one method; ``answer`` is handed the message and sends its own."""

        async def handle(messages: Any, context: Any) -> None:
            await self._handle(path, endpoint, answer, context)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _handle(self, path: str, endpoint: str, answer: Answered, context: Any) -> None:
        started = time.perf_counter()
        call = Call(context, Seen(), self._house.limits.reading_seconds)
        call.seen.endpoint = endpoint
        call.seen.status = _GAVE_UP
        failed: tuple[grpc.StatusCode, str] | None = None
        try:
            await self._answered(answer, call)
            call.seen.status = 200
        except LadingError as error:
            call.seen.status = status_of(error)
            failed = code_of(error), str(error)
        except Exception as error:  # noqa: BLE001  whatever a model raises, the server lives on
            call.seen.status = 500
            self._house.journal.bug("grpc", error, self._model(call))
            failed = grpc.StatusCode.INTERNAL, "the model failed"
        finally:
            self._tell(path, call, time.perf_counter() - started)
        context.set_trailing_metadata(((DIGEST, self._digest(call)),))
        if failed is not None:
            context.set_code(failed[0])
            context.set_details(failed[1][:_LONGEST])

    async def _answered(self, answer: Answered, call: Call) -> None:
        message = await self._message(call.context)
        try:
            await answer(call, message)
        finally:
            self._house.bodies.let_go(len(message))

    async def _message(self, context: Any) -> bytes:
        """The message of a call; its size counts as held until it is let go."""
        message = await self._receiving.message(context)
        self._house.bodies.hold(len(message))
        return message

    def _model(self, call: Call) -> Model | None:
        asker = call.seen.asker or self._house.slot.loaded
        return asker.model if asker else None

    def _digest(self, call: Call) -> str:
        model = self._model(call)
        return (model.digest if model else self._house.expected).encode("ascii", "replace").decode()

    def _tell(self, path: str, call: Call, seconds: float) -> None:
        seen, model = call.seen, self._model(call)
        if model is not None:
            self._house.metrics.answered(model, seen.endpoint, seen.status, seconds)
        if seen.endpoint in _QUIET:
            return
        known = {} if model else {"digest": self._house.expected}
        self._house.journal.tell(
            "request",
            model,
            **known,
            method="gRPC",
            path=path,
            endpoint=seen.endpoint,
            status=seen.status,
            seconds=round(seconds, 6),
            rows=seen.rows,
            request_id=_request_id(call.context),
        )


def _request_id(context: Any) -> str | None:
    """The name that a proxy gave the call, if it is one."""
    for name, value in context.invocation_metadata() or ():
        if name == _REQUEST_ID and isinstance(value, str) and _ID.fullmatch(value):
            return value
    return None
