"""How often a law is tried: as often as hypothesis says, or less where one try is dear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings

Law = TypeVar("Law", bound=Callable[..., object])

# What hypothesis tries when nobody says otherwise; `tests/run --all` says ten times that.
_USUAL = 100


def often(count: int) -> int:
    """So many tries in a usual run, and in a long one as many times more as of other laws."""
    return max(1, count * settings().max_examples // _USUAL)


def tries(count: int) -> Callable[[Law], Law]:
    """A law that is tried so :func:`often`."""
    return settings(max_examples=often(count), suppress_health_check=[HealthCheck.too_slow])
