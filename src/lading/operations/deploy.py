"""Write the documents that run exactly one digest of a version; no cluster is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.operations import stores
from lading.operations.deploying.pinned import pinned

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class DeployResult:
    """The documents, and every digest in them."""

    reference: str
    digest: str
    version: str | None
    stage: str | None
    event: str | None
    image: str
    kind: str
    name: str
    # By file name; one name where they go to stdout.
    files: dict[str, str]
    notes: tuple[str, ...]


def deploy(
    reference: str | Reference,
    *,
    stage: str | None = None,
    image: str | Reference | None = None,
    settings: Settings | None = None,
) -> DeployResult:
    """To be written."""
    settings = stores.settled(settings)
    pinned(reference, settings, stage=stage, image=image)
    raise NotImplementedError
