"""A blob as one stream, whoever breaks off or is too slow below it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, LadingError, Unavailable
from lading.ports import Reader
from lading.spec.descriptor import Descriptor

if TYPE_CHECKING:
    from lading.stores.mirrored.asking import Asking, Failure, Turn

_log = logging.getLogger(__name__)

# Whoever is slower than this after so many seconds of waiting is given up for somebody else.
_SLOWEST: Final = 32 * 1024.0
_GRACE: Final = 5.0
# A read returns when its buffer is full: small at first, so that slowness is noticed at all.
_FIRST: Final = 4 * 1024
_LARGEST: Final = 1024 * 1024
_BRIEF, _LONG = 0.1, 1.0


class MirroredReader:
    """The bytes of a blob from an offset on; goes on with the next place where one fails.

    Not verified: whoever reads it to the end does that, and doubts it then.
    """

    def __init__(self, asking: Asking, descriptor: Descriptor, offset: int) -> None:
        self._asking = asking
        self._descriptor = descriptor
        self._start = self._position = offset
        self._turns: deque[Turn] = deque(asking.turns("content", descriptor.digest))
        self._failed: list[Failure] = []
        self._turn: Turn | None = None
        self._stream: Reader | None = None
        self._stack = contextlib.ExitStack()
        self._pace = Pace()
        asking.testimony.begin(descriptor.digest, from_start=offset == 0)

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 exactly at the end that the descriptor states.

        Raises:
            IntegrityError: somebody has something else under this digest, and nobody gave more; or
                only one that began may finish, and it broke off.
            Unavailable, NotFound, …: nobody gave it.
        """
        if self._position >= self._descriptor.size or not len(buffer):
            return 0
        while True:
            turn, stream = self._now()
            watched = bool(self._turns) and not turn.patient
            try:
                with self._pace.taken():
                    count = stream.readinto(self._pace.cut(buffer) if watched else buffer)
            except LadingError as error:
                self._give_up(turn, error)
                continue
            if count:
                self._asking.testimony.gave(self._descriptor.digest, turn.witness)
                self._position += count
                if watched and self._pace.is_too_slow(count):
                    slow = Unavailable(
                        f"cannot wait for {self._descriptor.digest.short}",
                        cause=f"{turn.witness} sends {self._pace.rate:.0f} bytes a second",
                    )
                    self._turns.append(turn.again())
                    self._give_up(turn, slow)
                return count
            self._give_up(
                turn, Unavailable(f"{turn.witness} ended {self._descriptor.digest} early")
            )

    def close(self) -> None:
        """Be done."""
        self._stack.close()
        self._stream = None

    def _now(self) -> tuple[Turn, Reader]:
        if self._turn is None or self._stream is None:
            self._demand_one()
            if not self._turns:
                raise self._asking.worst(self._descriptor.digest, self._failed)
            self._turn = self._turns.popleft()
            self._pace = Pace()
            store = self._turn.store
            self._stream = self._stack.enter_context(store.fetch(self._descriptor, self._position))
        return self._turn, self._stream

    def _demand_one(self) -> None:
        """Where each has to give all of it alone, nobody goes on with what another began."""
        begun = self._position > self._start
        if begun and self._asking.testimony.must_be_alone(self._descriptor.digest):
            self._asking.testimony.broke_off(self._descriptor.digest)
            raise IntegrityError(
                f"content of {self._descriptor.digest} came from one place only in part",
                cause=str(self._failed[-1][1]) if self._failed else None,
            )

    def _give_up(self, turn: Turn, error: LadingError) -> None:
        self._stack.close()
        self._turn = self._stream = None
        self._failed.append((turn.witness, error))
        self._asking.failed(turn, "content", error, self._descriptor.digest)
        if later := self._asking.later(turn, error):
            self._turns.append(later)


class Pace:
    """How quickly bytes come, counting only the time that was spent waiting for them."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._last = 0.0
        self._came = 0
        self._cut = _FIRST

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """The time that is waited inside of this."""
        began = time.monotonic()
        yield
        self._last = time.monotonic() - began
        self._spent += self._last

    def cut(self, buffer: memoryview) -> memoryview:
        """As much of a buffer as arrives within about a second."""
        return buffer[: self._cut]

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self._came / (self._spent or 1.0)

    def is_too_slow(self, count: int) -> bool:
        """Whether that is too slow, now that so many came."""
        self._came += count
        if self._last < _BRIEF:
            self._cut = min(_LARGEST, self._cut * 4)
        elif self._last > _LONG:
            self._cut = max(64, self._cut // 4)
        return self._spent > _GRACE and self.rate < _SLOWEST
