"""Which requests are asked together: decided from numbers alone.

While the model answers, requests gather; when it is free, as many of them as go together are asked
as one. So nobody ever waits for company, and a quiet server has no batches. How many rows go
together is learnt: more while answers come quickly, fewer when they do not.

A model of numbers that answers in less time than a thread takes to wake up is asked without one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lading.serving.protocol.given import Given

# A batch may hold up those behind it for so long.
TARGET_SECONDS: Final = 0.05
_FIRST_LIMIT: Final = 32
# Asking together must save at least so much of the time.
_WORTH: Final = 0.7
# What may be done between two requests that are read, how often it must have been, for how many
# rows.
QUICK_SECONDS: Final = 0.002
_QUICK_TIMES: Final = 20
_QUICK_MOST: Final = 40
_UNDOES: Final = 8
_FEW: Final = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows are asked at once for now."""

    most: int
    limit: int = _FIRST_LIMIT

    def after(self, rows: int, seconds: float) -> Pace:
        """The pace after a batch: a step up after a quick and full one, a tenth down otherwise."""
        if seconds > TARGET_SECONDS and rows > 1:
            return replace(self, limit=max(1, min(self.limit, rows) * 9 // 10))
        if rows >= self.limit // 2:
            return replace(self, limit=min(self.most, self.limit + max(1, self.limit // 4)))
        return self


@dataclass(frozen=True, slots=True)
class Haste:
    """Whether the model has been so quick lately that it may be asked where requests are read.

    Nothing else is read meanwhile, so it takes many quick answers, and a slow one undoes the more
    of them the slower it was: one that took five times as long undoes all. Without that patience a
    single interruption by another process would cost the next twenty requests a thread each.
    Text never is asked so: how long that takes may be up to who wrote it.
    """

    quick: int = 0

    def after(self, seconds: float) -> Haste:
        """What one more answer tells."""
        if seconds < QUICK_SECONDS:
            return self if self.quick == _QUICK_MOST else Haste(self.quick + 1)
        return Haste(max(0, self.quick - int(_UNDOES * min(seconds / QUICK_SECONDS, _UNDOES))))

    def is_quick(self, givens: Sequence[Given]) -> bool:
        """Whether these may be asked without a thread."""
        if self.quick < _QUICK_TIMES:
            return False
        rows = 0
        for each in givens:
            if not each.rows or not each.is_numeric:
                return False
            rows += each.rows
        return rows <= _FEW


def together(kinds: Sequence[Hashable], rows: Sequence[int], limit: int) -> int:
    """How many of those who wait, from the first on, are asked as one; never none.

    Those of one kind go together, as long as they have no more rows than the limit. Nobody is
    overtaken: the first of another kind ends the batch.
    """
    if not kinds or kinds[0] is None:
        return 1
    count, total = 0, 0
    for kind, more in zip(kinds, rows, strict=True):
        total += more
        if kind != kinds[0] or (count and total > limit):
            break
        count += 1
    return max(1, count)


def profits(alone: float, together: float, times: int) -> bool:
    """Whether asking ``times`` as much at once is worth it: what each way took, in seconds."""
    return together < alone * times * _WORTH
