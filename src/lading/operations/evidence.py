"""What hangs on a version as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.operations import stores
from lading.operations.lifecycle.stages import warn_of_drift
from lading.operations.reading.gathered import Gathered, gather, kept

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class ListedEvidence:
    """A piece of evidence; ``content`` is an evaluation's, a scan's or an image's.

    ``actor`` is claimed; ``signer`` is whose key says so, and nobody while evidence is unsigned.
    """

    digest: str
    type: str
    created: str | None
    actor: str | None
    signer: str | None
    title: str | None
    size: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvidenceResult:
    """The evidence of a version, newest first, and what was left out of it and why."""

    reference: str
    digest: str
    evidence: tuple[ListedEvidence, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchEvidenceResult:
    """The file that was written; ``layer`` is the digest of its bytes."""

    reference: str
    evidence: str
    type: str
    layer: str
    media_type: str
    size: int
    path: str


def evidence(reference: str | Reference, *, settings: Settings | None = None) -> EvidenceResult:
    """Every piece of evidence of a version, newest first, with what evaluations and scans say.

    Raises:
        NotFound: there is no such version.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    root = stores.resolve(store, place)
    warn_of_drift(store, place, root, settings)
    found = gather(store, root, keep=kept(place, settings), jobs=settings.jobs)
    return EvidenceResult(str(place), root.digest, shown(found), found.notes)


def shown(found: Gathered) -> tuple[ListedEvidence, ...]:
    """What was gathered, as an answer."""
    return tuple(
        ListedEvidence(
            piece.digest,
            piece.type,
            piece.created,
            piece.actor,
            None,
            piece.title,
            piece.size,
            dict(piece.content),
        )
        for piece in found.evidence
    )
