"""What a cluster of each version of Kubernetes can do. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from lading.errors import InvalidInput

OLDEST: Final = 27
NEWEST: Final = 37
# The first that mounts images without being told to by its administrator.
USUAL: Final = 35

_VERSION: Final = re.compile(r"v?1\.(\d{1,3})(?:\.\d{1,4})?(?:[-+].{0,60})?", re.ASCII)
_IMAGE_VOLUMES: Final = 31
_SUB_PATHS: Final = 33

# ``gate``: where an administrator switched on the feature gate ImageVolume.
Having = Literal["no", "gate", "yes"]


@dataclass(frozen=True, slots=True, order=True)
class Cluster:
    """A cluster, by the minor version of its API."""

    minor: int = USUAL

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """The cluster of a version: ``1.35``, ``v1.35.2``, ``1.34.1-gke.100``.

        Raises:
            InvalidInput: it is no version, or one that nothing is written for.
        """
        match = _VERSION.fullmatch(text)
        minor = int(match[1]) if match else None
        if minor is None:
            raise InvalidInput(f"not a version of Kubernetes: {text[:40]!r}", hint=f"1.{USUAL}")
        if not OLDEST <= minor <= NEWEST:
            raise InvalidInput(
                f"nothing is known of Kubernetes 1.{minor}",
                cause=f"documents are written for 1.{OLDEST} to 1.{NEWEST}",
                hint=f"--kubernetes-version 1.{min(max(minor, OLDEST), NEWEST)}, if it is close",
            )
        return cls(minor)

    @property
    def image_volumes(self) -> Having:
        """Whether images are mounted as volumes."""
        if self.minor < _IMAGE_VOLUMES:
            return "no"
        return "yes" if self.minor >= USUAL else "gate"

    @property
    def sub_paths(self) -> bool:
        """Whether a folder of such an image is mounted, and not all of it."""
        return self.minor >= _SUB_PATHS

    def __str__(self) -> str:
        return f"1.{self.minor}"
