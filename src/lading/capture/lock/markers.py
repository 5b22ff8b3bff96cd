"""Environment markers: whether one holds here, and what holds on the way to a package.

A package is needed if on *some* way to it *every* marker holds: an alternative of conjunctions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from packaging.markers import Marker

# More ways than this, and what is known is cut down to the shortest ones.
_MOST_WAYS: Final = 32
_MOST_PARTS: Final = 8

Way = frozenset[str]
# No way at all: never. The empty way: always.
Condition = frozenset[Way]

NEVER: Final[Condition] = frozenset()
ALWAYS: Final[Condition] = frozenset({frozenset()})


def parsed(marker: str, what: str) -> Marker:
    """A marker, checked.

    Raises:
        InvalidInput: it is none.
    """
    found = _parsed(marker)
    if found is None:
        raise InvalidInput(
            f"{what} is not a lock that can be read", cause=f"{marker[:80]!r} is no marker"
        )
    return found


@lru_cache(maxsize=4096)
def _parsed(marker: str) -> Marker | None:
    from packaging.markers import InvalidMarker, Marker

    try:
        return Marker(marker)
    except (InvalidMarker, RecursionError):
        return None


def holds(marker: str | None, environment: Mapping[str, str], groups: Iterable[str] = ()) -> bool:
    """Whether a lock's marker holds in an environment; no extra is asked for."""
    if marker is None:
        return True
    found = _parsed(marker)
    if found is None:
        return False
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    context = {"extra": "", **environment}
    asked = {"extras": frozenset[str](), "dependency_groups": frozenset(groups)}
    try:
        return found.evaluate(cast("dict[str, str]", {**context, **asked}), context="lock_file")
    except (UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return False


def both(condition: Condition, marker: str | None) -> Condition:
    """What holds where a condition does and a marker, too."""
    if marker is None:
        return condition
    # A way that is long already is left as it is: less is asked for, and nothing left out.
    return frozenset(way | {marker} if len(way) < _MOST_PARTS else way for way in condition)


def either(one: Condition, other: Condition) -> Condition:
    """What holds where one of two conditions does; longer ways of the same kind say nothing."""
    ways = sorted(one | other, key=lambda way: (len(way), sorted(way)))
    kept: list[Way] = []
    for way in ways:
        if not any(shorter <= way for shorter in kept):
            kept.append(way)
    if len(kept) > _MOST_WAYS:
        # Too much to say: less is asked for, so that nothing that is needed is left out.
        return frozenset({frozenset.intersection(*kept)})
    return frozenset(kept)


def written(condition: Condition) -> str | None:
    """The condition as one marker; None where it always holds."""
    if frozenset() in condition:
        return None
    single = len(condition) == 1
    ways = [_way(sorted(way), alone=single) for way in sorted(condition, key=sorted)]
    return " or ".join(ways)


def _way(parts: list[str], *, alone: bool) -> str:
    if len(parts) == 1:
        return parts[0] if alone or " or " not in parts[0] else f"({parts[0]})"
    joined = " and ".join(f"({part})" if " or " in part else part for part in parts)
    return joined if alone else f"({joined})"
