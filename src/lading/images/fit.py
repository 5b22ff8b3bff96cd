"""Whether a base image has the packages of a version's lock, told without its layers. Pure.

An image that Lading built says in a label from which pins its packages were chosen, and the
evidence of it which packages these are. Of any other base nothing is known before somebody looks
into it (``lading image check``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lading.spec.encoding import encode
from lading.spec.packages import normalised

if TYPE_CHECKING:
    from lading.spec.environment import Environment


def mark(environment: Environment | None) -> str | None:
    """What stands for the pins of a version: equal where images would have the same packages.

    None where the version names no packages.
    """
    if environment is None or not environment.requirements:
        return None
    minor = ".".join(environment.python.version.split(".")[:2]) if environment.python else ""
    pins = {
        "python": minor,
        "requirements": sorted(environment.requirements),
        "direct": sorted(map(normalised, environment.direct)),
        "system": sorted(environment.system),
    }
    return f"sha256:{hashlib.sha256(encode(pins)).hexdigest()}"


def differences(environment: Environment, there: Iterable[str]) -> tuple[str, ...]:
    """How packages (``NAME==VERSION``) differ from what a version was made with, in words.

    What the model needs by name must be there; of the rest, what is there must be as it was locked.
    Which of the rest is needed nobody can say here: what trained the model may be absent.
    """
    return tuple(_differing(_by_name(environment.requirements), environment, _by_name(there)))


def _differing(
    locked: dict[str, str], environment: Environment, there: dict[str, str]
) -> Iterator[str]:
    direct = set(map(normalised, environment.direct)) or set(locked)
    for name in sorted(direct & locked.keys() - there.keys()):
        yield f"{name} {locked[name]}, and the base does not have it"
    for name in sorted(locked.keys() & there.keys()):
        if locked[name] != there[name]:
            yield f"{name} {locked[name]}, and the base has {there[name]}"


def _by_name(pins: Iterable[str]) -> dict[str, str]:
    """Names to versions; a pin without a version (an address) says nothing that can be held."""
    found = (pin.partition("==") for pin in pins)
    return {normalised(name.strip()): version.strip() for name, equal, version in found if equal}
