"""When a worker that died is started again, and when nobody is any more: decided from numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
# So often in a row a worker may die before it was ever ready, if nobody else answers.
MOST_FAILURES: Final = 5
# Whoever lived for so long after it was ready begins anew.
_SETTLED: Final = 10.0


@dataclass(frozen=True, slots=True)
class Care:
    """How one worker has fared."""

    failures: int = 0

    def after(self, lived: float | None) -> Care:
        """What one more death tells; ``lived`` is how long it was ready, None for never."""
        if lived is not None and lived >= _SETTLED:
            return replace(self, failures=0)
        return replace(self, failures=self.failures + 1)

    @property
    def pause(self) -> float:
        """Seconds until it is started again; at once for one that had settled."""
        if not self.failures:
            return 0.0
        return float(min(_FIRST_PAUSE * 2 ** (self.failures - 1), _LONGEST_PAUSE))

    def is_hopeless(self, others: int) -> bool:
        """Whether to give up, where so many others answer."""
        return not others and self.failures >= MOST_FAILURES
