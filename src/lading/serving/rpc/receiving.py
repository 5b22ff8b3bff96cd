"""Messages as they come: how many at once, for how long, and of how many fields.

How much of a message has come is known to nobody but gRPC, so each may be as large as one may be.
Most are there at once. Who takes longer than a moment is one of a few who may, so that clients who
send a part and no more hold up nobody, and those who send much fill no memory.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.failures import Crowded, TooSlow
from lading.serving.limits import Limits

_MOST_SOON: Final = 8
_SOON: Final = 0.25
# Of the bound on bodies, whose clients have sent every byte that is counted.
_TIMES: Final = 2
# Fields of a request and of its tensors, and the bytes of a shape of 32 dimensions: parsed, an
# empty field of two bytes takes a hundred.
_MOST_FIELDS: Final = 65_536
_LONGEST_SHAPE: Final = 320
_TENSORS: Final = frozenset({5, 6})
_SHAPE: Final = 3
_NUMBER, _EIGHT, _TEXT, _FOUR = 0, 1, 2, 5


class Receiving:
    """Takes messages of one server; used within one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.body_seconds
        self._soon = asyncio.Semaphore(_MOST_SOON)
        self.places = max(1, _TIMES * limits.bodies // limits.body)

    async def message(self, context: Any) -> bytes:
        """The message of a call.

        Raises:
            TooSlow: it did not come in time.
            Crowded: it takes long, as so many others do.
            InvalidInput: there is none.
        """
        turn: _Turn | None = None
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                await self._soon.acquire()
                turn = _Turn(self, self._soon, deadline)
                message = await context.read()
        except TimeoutError:
            if turn is not None and turn.refused:
                raise Crowded("too many slow requests at once", hint="come again later") from None
            raise TooSlow(f"the message did not come within {self._seconds:g} s") from None
        finally:
            if turn is not None:
                turn.end()
        if not isinstance(message, bytes):
            raise InvalidInput("the call ended before its message came")
        return message


class _Turn:
    """One message's: at first among those that come soon, then among those that do not."""

    def __init__(
        self, receiving: Receiving, soon: asyncio.Semaphore, deadline: asyncio.Timeout
    ) -> None:
        self.refused = False
        self._receiving = receiving
        self._soon = soon
        self._deadline = deadline
        self._is_late = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_SOON, self._move)

    def _move(self) -> None:
        if not self._receiving.places:
            self.refused = True
            self._deadline.reschedule(self._loop.time())
            return
        self._receiving.places -= 1
        self._is_late = True
        self._soon.release()

    def end(self) -> None:
        """It is there, or never will be."""
        self._timer.cancel()
        if self._is_late:
            self._receiving.places += 1
        else:
            self._soon.release()


def demand_few_fields(message: bytes) -> None:
    """Refuse a request that would take many times its size once it is parsed.

    What is no message at all is left to the parser.

    Raises:
        InvalidInput: it has more fields than any request, or a shape than any tensor.
    """
    _count(message, 0, len(message), 0, in_tensor=False)


def _count(message: bytes, at: int, end: int, count: int, *, in_tensor: bool) -> int:
    while 0 <= at < end:
        count += 1
        if count > _MOST_FIELDS:
            raise InvalidInput("the message has more fields than any request")
        tag, at = _number(message, at, end)
        field, kind = tag >> 3, tag & 7
        if kind == _TEXT:
            size, at = _number(message, at, end)
            if in_tensor and field == _SHAPE and size > _LONGEST_SHAPE:
                raise InvalidInput("a tensor has more dimensions than any")
            if not in_tensor and field in _TENSORS:
                count = _count(message, at, min(at + size, end), count, in_tensor=True)
            at += size
        elif kind == _NUMBER:
            at = _number(message, at, end)[1]
        else:
            at += {_EIGHT: 8, _FOUR: 4}.get(kind, 0)
    return count


def _number(message: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends; at the end where it does not."""
    value = 0
    for place in range(at, min(at + 10, end)):
        value |= (message[place] & 0x7F) << 7 * (place - at)
        if message[place] < 0x80:
            return value, place + 1
    return 0, end
