"""Which documents each kind consists of, and how they are written: two tables."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import Unsupported

# The function that makes a kind: (pins, facts, wish) -> documents, complete and with digests.
_MAKERS: Final[dict[Kind, str]] = {
    "deployment": "lading.deploy.deployment:deployment",
    "init": "lading.deploy.deployment:deployment",
    "job": "lading.deploy.job:job",
    "kserve": "lading.deploy.kserve:kserve",
    "pod": "lading.deploy.single:single",
    "compose": "lading.deploy.compose:compose",
    "podman": "lading.deploy.podman:podman",
}
# How a kind that is not Kubernetes' is written, as a folder:
# (resources, wish) -> texts by file name. What is printed are these texts, one after the other.
_WRITERS: Final[dict[Kind, str]] = {
    "compose": "lading.deploy.compose:written",
    "podman": "lading.deploy.podman:written",
}


def resources(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """The documents that run a version, complete, with every digest.

    Raises:
        InvalidInput: something that the kind needs was not said.
        Unsupported: the cluster cannot do what is wished for; says what would.
    """
    make: Callable[[Pins, Facts, Wish], tuple[Resource, ...]] = _found(_MAKERS, wish.kind)
    return make(pins, facts, wish)


def is_kubernetes(kind: Kind) -> bool:
    """Whether documents of this kind are written as Kubernetes reads them."""
    return kind not in _WRITERS


def written(made: tuple[Resource, ...], wish: Wish) -> dict[str, str]:
    """The texts of a kind that is not Kubernetes', by file name."""
    write: Callable[[tuple[Resource, ...], Wish], dict[str, str]] = _found(_WRITERS, wish.kind)
    return write(made, wish)


# A module is named here as text, since each kind is imported only where somebody wants it.
def _found(table: dict[Kind, str], kind: Kind) -> Callable[..., Any]:
    if kind not in table:
        raise Unsupported(
            f"nothing is written for {kind} yet", hint=f"--as {', '.join(sorted(_MAKERS))}"
        )
    module, _, function = table[kind].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
