"""What engines for one machine can do, by their version. Pure.

Podman is asked for by version, since what it reads differs much. Docker is not: it needs the
versions below where it mounts the model, and any that is in use elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lading.errors import InvalidInput

# The first that mount an image as a volume of a service.
DOCKER: Final = "28.0"
COMPOSE: Final = "2.35"

_VERSION: Final = re.compile(
    r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]{1,4})?(?:[-+~].{0,60})?", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Podman:
    """Podman, by its version. What is not said is that of a recent one."""

    major: int = 5
    minor: int = 4

    @classmethod
    def parse(cls, text: str) -> Podman:
        """The Podman of a version: ``5.4``, ``v5.8.6``, ``4.3.1+ds1``.

        Raises:
            InvalidInput: it is none.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise InvalidInput(f"not a version of Podman: {text[:40]!r}", hint=f"{cls()}")
        return cls(int(match[1]), int(match[2]))

    @property
    def units(self) -> bool:
        """Whether systemd units are made from files such as ``.container``: quadlets."""
        return (self.major, self.minor) >= (4, 4)

    @property
    def pods(self) -> bool:
        """Whether ``podman kube play`` runs what it is given.

        4.3 starts an init container again when it is done, for ever; takes a probe's command apart
        at its spaces; refuses annotations of more than 63 characters. 5.8 does none of it.
        """
        return self.major >= 5

    @property
    def entrypoints(self) -> bool:
        """Whether a unit's file names an entry point, and may wait until it answers."""
        return self.major >= 5

    @property
    def mounts_in_pods(self) -> bool:
        """Whether ``podman kube play`` mounts images."""
        return (self.major, self.minor) >= (5, 3)

    @property
    def mounted_units(self) -> bool:
        """Whether a unit mounts what an ``.image`` file pulls."""
        return (self.major, self.minor) >= (5, 4)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"
