"""Which of a lock's packages an image must have, or whoever loads a model. Pure.

Not all: ``serve`` and ``base`` leave out what only training needs. A document names the packages
that a model needs itself; what those need in turn, their own metadata in the image says.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from lading.spec.packages import normalised
from lading.spec.tags import Target

if TYPE_CHECKING:
    from packaging.markers import Marker

_EXTRA: Final = re.compile(r"\bextra\b")

# A name, and the extras that are asked of it.
_Wish = tuple[str, frozenset[str]]


def needed(
    direct: Iterable[str],
    locked: Iterable[str],
    installed: Mapping[str, Iterable[str]],
    target: Target,
    environment: Mapping[str, str],
) -> frozenset[str]:
    """The packages of a lock that an image for this target must have.

    Everything, where it is to train, or where nobody knows what the model needs itself.
    ``installed`` are the image's packages by normalised name, each with what it requires. Markers
    are held against the image's ``environment``. What is needed only for an extra that nobody asked
    for by name counts if the lock has it and the image, too.
    """
    every = frozenset(locked)
    named = frozenset(map(normalised, direct)) & every
    if target == "train" or not named:
        return every
    found: dict[str, frozenset[str]] = {}
    waiting: list[_Wish] = [(name, frozenset()) for name in named]
    while waiting:
        name, extras = waiting.pop()
        before = found.get(name)
        if before is not None and extras <= before:
            continue
        found[name] = extras | (before or frozenset())
        for wish in installed.get(name, ()):
            waiting += _wished(wish, found[name], every, installed, environment)
    return frozenset(found) & every


def _wished(
    wish: str,
    extras: frozenset[str],
    every: frozenset[str],
    installed: Container[str],
    environment: Mapping[str, str],
) -> list[_Wish]:
    """What a package needs by one line of its metadata; nothing where that is no requirement."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(wish)
    except InvalidRequirement:
        return []
    name = normalised(requirement.name)
    if name not in every:
        return []
    asked = [(name, frozenset(map(normalised, requirement.extras)))]
    marker = requirement.marker
    if marker is None:
        return asked
    if any(_holds(marker, environment, extra) for extra in extras | {""}):
        return asked
    # Who names a model's packages does not say with which extras.
    is_extra = _EXTRA.search(str(marker)) is not None
    return asked if is_extra and name in installed else []


def _holds(marker: Marker, environment: Mapping[str, str], extra: str) -> bool:
    """Whether a marker holds; one that asks for what nobody knows may well hold."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.version import InvalidVersion

    try:
        return marker.evaluate({**environment, "extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True
