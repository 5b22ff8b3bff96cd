"""What each version of KServe can do, and what it calls things. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from lading.deploy.minor import minor_of

# How a model gets to its server, as KServe is told of it:
# native: the node mounts the version's index (``oci+native://``);
# modelcar: an image with the model and a shell runs beside the server (``oci://``);
# lading: Lading's own image pulls it before the server starts (``lading://``);
# image: the serving image holds it, and KServe is told of none.
Storage = Literal["native", "modelcar", "lading", "image"]
STORAGES: Final[tuple[str, ...]] = get_args(Storage)

# The first with kinds of storage that clusters define themselves.
OLDEST: Final = 11
NEWEST: Final = 21
# The first that mounts images by themselves.
NATIVE: Final = 20

_MODELCARS: Final = 12
# The first that is told how servers are replaced.
_STRATEGIES: Final = 13
# The first with several storage URIs, and with names for its modes that are its own.
_SEVERAL: Final = 16


@dataclass(frozen=True, slots=True, order=True)
class KServe:
    """A cluster's KServe, by its minor version."""

    minor: int = NEWEST

    @classmethod
    def parse(cls, text: str) -> KServe:
        """The KServe of a version: ``0.20``, ``v0.20.1``.

        Raises:
            InvalidInput: it is no version, or one that nothing is written for.
        """
        return cls(minor_of(text, "KServe", "--kserve-version", (0, OLDEST, NEWEST), NEWEST))

    @property
    def native(self) -> bool:
        """Whether it has the node mount a model's image by itself."""
        return self.minor >= NATIVE

    @property
    def modelcars(self) -> bool:
        """Whether it runs an image with the model beside the server."""
        return self.minor >= _MODELCARS

    @property
    def strategies(self) -> bool:
        """Whether it is told how servers are replaced; others refuse documents that say so."""
        return self.minor >= _STRATEGIES

    @property
    def several(self) -> bool:
        """Whether it may ask for several models at once, and wants to be told who can that."""
        return self.minor >= _SEVERAL

    @property
    def mode(self) -> str:
        """What it calls plain Deployments, without Knative."""
        return "Standard" if self.minor >= _SEVERAL else "RawDeployment"

    def __str__(self) -> str:
        return f"0.{self.minor}"
