"""Say whether a folder is a version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, Unsupported
from lading.operations import stores
from lading.operations.lifecycle.stages import warn_of_drift
from lading.packing.artifact import recognise
from lading.packing.compare import compare
from lading.packing.listing import listing
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """How a folder differs from a version; paths below the folder."""

    reference: str
    digest: str
    folder: str
    equal: bool
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]


def verify(
    folder: str | Path, reference: str | Reference, *, settings: Settings | None = None
) -> VerifyResult:
    """Compare every byte of a folder with a version, reading only its document from there.

    Files that a push would leave out (``.ladingignore``) are not counted as extra.

    Raises:
        InvalidInput: there is no such folder, or the reference is no model.
        Unsupported: the artifact does not say which files it holds.
    """
    settings = stores.settled(settings)
    root = Path(folder)
    if not root.exists():
        raise InvalidInput(f"there is no folder {root}")
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    descriptor = stores.resolve(store, place)
    warn_of_drift(store, place, descriptor, settings)
    artifact = recognise(store, descriptor, str(place))
    files = listing(store, artifact)
    if files is None:
        raise Unsupported(
            f"{place} does not say which files it holds",
            cause="it is a ModelPack artifact of archives",
            hint="lading pull it into a new folder and compare",
        )
    difference = compare(root, files)
    return VerifyResult(
        reference=str(place),
        digest=descriptor.digest,
        folder=str(root),
        equal=difference.equal,
        missing=difference.missing,
        changed=difference.changed,
        extra=difference.extra,
    )
