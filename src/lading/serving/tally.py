"""What is counted with each request, in one event loop: no locks, no look at what it is called.

Counting as the client library does it takes longer than some models do; ``metrics`` shows these
figures to it when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence


class Tally:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, by: float = 1.0) -> None:
        """Count so many."""
        self.value += by


class Spread:
    """How often values came, up to each of some bounds."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many came."""
        return sum(self._counts)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """How many came up to each bound, and at last all of them."""
        so_far = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            so_far += count
            yield ("+Inf" if bound == float("inf") else repr(float(bound))), so_far
