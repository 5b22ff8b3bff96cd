"""Which of a lock's packages an image must have. Pure.

Not all: ``serve`` and ``base`` leave out what only training needs. A document names the packages
that a model needs itself; what those need in turn, their own metadata in the image says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from lading.images.installed import Package
from lading.spec.tags import Target

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_EXTRA: Final = re.compile(r"\bextra\s*==")


def needed(
    direct: Iterable[str], locked: Iterable[str], installed: Mapping[str, Package], target: Target
) -> frozenset[str]:
    """The packages of a lock that an image for this target must have.

    Everything, where it is to train, or where nobody knows what the model needs itself. What is
    needed only under some condition counts if the lock has it and the image, too.
    """
    every = frozenset(locked)
    named = frozenset(map(normalised, direct)) & every
    if target == "train" or not named:
        return every
    found: set[str] = set()
    waiting = list(named)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        package = installed.get(name)
        for wish in package.requires if package else ():
            waiting += _wished(wish, every, installed)
    return frozenset(found) & every


def normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wished(wish: str, every: frozenset[str], installed: Mapping[str, Package]) -> list[str]:
    match = _NAME.match(wish)
    if match is None:
        return []
    name, marker = normalised(match[0]), wish.partition(";")[2]
    # Whether a condition holds in the image is not known: what the lock has and the image has not
    # may be for another system, or for an extra that nobody asked for.
    conditional = bool(marker) or _EXTRA.search(wish)
    return [name] if name in every and (not conditional or name in installed) else []
