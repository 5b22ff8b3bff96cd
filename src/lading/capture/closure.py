"""What some distributions need, and what those need in turn. Pure: nothing is read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from lading.spec.packages import normalised

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_MOST_NOTES: Final = 50
_LONGEST: Final = 4096

# What a distribution needs, as its metadata says it; None where it is not installed.
Needs = Callable[[str], Iterable[str] | None]


@dataclass(frozen=True, slots=True)
class Closure:
    """The names that are needed, sorted, and what could not be followed."""

    names: tuple[str, ...]
    notes: tuple[str, ...]


def closure(
    roots: Mapping[str, frozenset[str]], needs: Needs, environment: Mapping[str, str]
) -> Closure:
    """Everything that some distributions, each with its extras, need in an environment.

    Cycles are followed once. What is needed and not there is a note.
    """
    waiting = sorted((name, extras) for name, extras in roots.items())
    seen: dict[str, frozenset[str]] = {}
    absent: dict[str, str] = {}
    unread: list[str] = []
    asked = dict.fromkeys(roots, "the model")
    while waiting:
        name, extras = waiting.pop()
        if name in seen and extras <= seen[name]:
            continue
        seen[name] = seen.get(name, frozenset()) | extras
        wishes = needs(name)
        if wishes is None:
            absent.setdefault(name, asked[name])
            continue
        for wish in wishes:
            if not _may_hold(wish, seen[name]):
                continue
            requirement = _parsed(wish)
            if requirement is None:
                unread.append(f"{name} needs {wish[:80]!r}, which is no requirement")
            elif _holds(requirement, seen[name], environment):
                target = normalised(requirement.name)
                asked.setdefault(target, name)
                waiting.append((target, frozenset(map(normalised, requirement.extras))))
    notes = [f"{name} is needed by {by} and not installed" for name, by in sorted(absent.items())]
    names = tuple(sorted(seen.keys() - absent.keys()))
    return Closure(names, (*notes, *sorted(unread))[:_MOST_NOTES])


def _may_hold(wish: str, extras: frozenset[str]) -> bool:
    """False for the many needs of extras that nobody asked for, before anything is parsed."""
    marker = wish.partition(";")[2]
    return bool(extras) or "extra" not in marker or "==" not in marker or " or " in marker


class _Plain(NamedTuple):
    """A need without extras and conditions, as most are: told without the library that parses."""

    name: str
    extras: frozenset[str] = frozenset()
    marker: None = None


_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# Nothing, or versions: what stands between decides nothing here, since what is installed is taken.
_VERSIONS: Final = re.compile(r"\s*(\(?\s*(?:[<>=!~]=?|===)[\w\s.*+!<>=~,-]*\)?)?\s*")


@lru_cache(maxsize=4096)
def _parsed(wish: str) -> Requirement | _Plain | None:
    found = _NAME.match(wish) if len(wish) <= _LONGEST else None
    if found and _VERSIONS.fullmatch(wish, found.end()):
        return _Plain(found[0])
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(wish) if len(wish) <= _LONGEST else None
    except (InvalidRequirement, RecursionError):
        return None


def _holds(
    requirement: Requirement | _Plain, extras: frozenset[str], environment: Mapping[str, str]
) -> bool:
    if requirement.marker is None:
        return True
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    try:
        return any(
            requirement.marker.evaluate({**environment, "extra": extra})
            for extra in ("", *sorted(extras))
        )
    except (UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return False
