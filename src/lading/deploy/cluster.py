"""What a cluster of each version of Kubernetes can do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lading.deploy.minor import minor_of

OLDEST: Final = 27
NEWEST: Final = 37
# The first that mounts images without being told to by its administrator.
USUAL: Final = 35

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
        return cls(minor_of(text, "Kubernetes", "--kubernetes-version", (1, OLDEST, NEWEST), USUAL))

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
