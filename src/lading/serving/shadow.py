"""A second model that is asked what the first was, and never answers anybody.

It is asked when the answer has gone, and only as often as it keeps up: what it does costs the one
that answers nothing but the processor. What differs is counted; what it was is not kept.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput, LadingError
from lading.serving.asker import Asker
from lading.serving.model import Model
from lading.serving.protocol.given import Given
from lading.signatures.answers import plain_answer

OUTCOMES: Final = ("same", "different", "failed", "dropped")
QUANTILES: Final = (0.5, 0.9, 0.99, 1.0)
_WINDOW: Final = 2000
_MOST_PENDING: Final = 64
_MOST_NUMBERS: Final = 100_000
_RELATIVE: Final = 1e-5
_ABSOLUTE: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two answers to one question differ."""

    same: bool
    # Between two numbers in the same place; None where there are none.
    largest: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The differences of the last requests."""

    count: int
    total: float
    quantiles: Mapping[float, float]
    last: Sequence[float] = ()


class Shadow:
    """The second model, and what came of asking it."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._counts: Counter[str] = Counter()
        self._last: deque[float] = deque(maxlen=_WINDOW)
        self._count = 0
        self._total = 0.0
        self._pending = 0

    @property
    def model(self) -> Model:
        """Who is asked."""
        return self._asker.model

    @property
    def has_room(self) -> bool:
        """Whether it keeps up."""
        return self._pending < _MOST_PENDING

    def counts(self) -> Mapping[str, int]:
        """How often it answered the same, differently, not at all, or was not asked."""
        return {outcome: self._counts[outcome] for outcome in OUTCOMES}

    def differences(self) -> Seen:
        """How far apart numbers are."""
        return Seen(self._count, self._total, quantiles(sorted(self._last)), tuple(self._last))

    def begin_again(self) -> None:
        """Forget what was counted: it is compared with another model from now on."""
        self._counts.clear()
        self._last.clear()
        self._count, self._total = 0, 0.0

    def drop(self) -> None:
        """Count a request that it is not asked about."""
        self._counts["dropped"] += 1

    async def ask(self, given: Given, answer: Any) -> None:
        """Ask what the other was asked, and compare.

        The shadow's own signature decides whether it takes the input at all.
        """
        self._pending += 1
        try:
            found = await self._asker.run(lambda: self._compared(given, answer))
        except LadingError:
            found = None
        finally:
            self._pending -= 1
        self._count_in(found)

    def _compared(self, given: Given, answer: Any) -> Comparison | None:
        try:
            if self._asker.inputs.form != "anything":
                self._asker.inputs.checked(given.value, given.layout)
            other = plain_answer(self._asker.answer(given))
            return compared(plain_answer(answer), other)
        except InvalidInput:
            return None
        except BaseException:  # noqa: BLE001  whatever it raises, it is only the shadow's
            return None

    def _count_in(self, found: Comparison | None) -> None:
        if found is None:
            self._counts["failed"] += 1
            return
        self._counts["same" if found.same else "different"] += 1
        if found.largest is not None:
            self._last.append(found.largest)
            self._count += 1
            self._total += found.largest


def quantiles(ordered: Sequence[float]) -> dict[float, float]:
    """The quantiles of ordered numbers; none of none."""
    last = len(ordered) - 1
    return {q: ordered[math.ceil(q * last)] for q in QUANTILES} if ordered else {}


def compared(one: Any, other: Any) -> Comparison:
    """Two answers in their plain form."""
    same, largest = True, None
    for at, (left, right) in enumerate(_pairs(one, other)):
        if at >= _MOST_NUMBERS:
            break
        if _is_number(left) and _is_number(right):
            apart = abs(left - right)
            largest = apart if largest is None else max(largest, apart)
            same &= math.isclose(left, right, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
        else:
            same &= left == right
    return Comparison(same, largest)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_NOTHING: Final = object()


def _pairs(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """What stands in the same place; a place that only one has differs."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in one.keys() | other.keys():
            yield from _pairs(one.get(name, _NOTHING), other.get(name, _NOTHING))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from _pairs(left, right)
    else:
        yield one, other
