"""Which nodes run it: those whose processor its images are for. Pure."""

from __future__ import annotations

from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish
from lading.errors import InvalidInput, Unsupported

_OS = "kubernetes.io/os"
_ARCHITECTURE = "kubernetes.io/arch"


def selector(pins: Pins, facts: Facts, wish: Wish, *, mounts: bool) -> Resource:
    """What a node must say of itself; nothing where every usual one will do.

    Raises:
        Unsupported: no node has what the images are for, or none of those that were asked for.
    """
    fitting = _linux(facts.platforms)
    if facts.platforms and not fitting:
        raise Unsupported(
            f"{pins.serving.reference} runs on no Linux",
            cause=f"it is for {', '.join(facts.platforms)}",
            hint="--image HOST/NAME:TAG of one for linux/amd64",
        )
    if mounts and facts.mountable and fitting:
        both = fitting & _linux(facts.mountable)
        if not both:
            raise Unsupported(
                "the image and the model are for different processors",
                cause=f"the image is for {_words(fitting)}, the model mounts on "
                f"{', '.join(facts.mountable)}",
                hint="--puller HOST/NAME:TAG of Lading's own image, which pulls it on any"
                if wish.kind in ("compose", "podman")
                else "--as init, which pulls it on any",
            )
        fitting = both
    wanted = _wanted(wish)
    if wanted and fitting and wanted not in fitting:
        target = "serve" if pins.serving.holds_model else "runtime"
        raise Unsupported(
            f"{pins.serving.reference} is not for {wish.platform}",
            cause=f"it is for {_words(fitting)}",
            hint=f"lading image build {pins.runs.named} --target {target} --push on such a machine;"
            f" or --platform linux/{min(fitting)}",
        )
    chosen = wanted or (next(iter(fitting)) if len(fitting) == 1 else None)
    return {_OS: "linux", _ARCHITECTURE: chosen} if chosen else {}


def _wanted(wish: Wish) -> str | None:
    if wish.platform is None:
        return None
    found = _linux((wish.platform,))
    if not found:
        raise InvalidInput(
            f"no nodes are {wish.platform[:60]!r}", hint="--platform linux/amd64, or linux/arm64"
        )
    return next(iter(found))


def _linux(platforms: tuple[str, ...]) -> set[str]:
    """The processors; of a variant, such as arm64/v8, nodes say nothing."""
    parts = [each.split("/") for each in platforms]
    return {part[1] for part in parts if len(part) in (2, 3) and part[0] == "linux" and part[1]}


def _words(architectures: set[str]) -> str:
    return ", ".join(f"linux/{each}" for each in sorted(architectures))
