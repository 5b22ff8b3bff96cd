"""Give a version another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.lifecycle.stages import checked
from lading.spec.content import BytesContent
from lading.spec.reference import Reference
from lading.spec.tags import settable
from lading.transfer import read

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class TagResult:
    """What the tag names now, and what it named before."""

    reference: str
    tag: str
    digest: str
    previous: str | None


def tag(reference: str | Reference, new_tag: str, *, settings: Settings | None = None) -> TagResult:
    """Point a tag at what a reference names; it may be moved again.

    Raises:
        InvalidInput: the tag is a version, ``latest``, a stage, or Lading's own.
        NotFound: the reference names nothing.
        IntegrityError: it names a stage whose tag is not what the ledger says.
    """
    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    if not place.name:
        raise InvalidInput(
            f"which version of {place.base}?", hint=f"lading tag {place.base}:1.0.0 {new_tag}"
        )
    settable(new_tag)
    _refuse_stage(place, new_tag, settings)
    store = stores.open_store(place, settings)
    descriptor = checked(store, place, store.resolve(place.name), settings)
    try:
        previous: str | None = store.resolve(new_tag).digest
    except NotFound:
        previous = None
    if previous != descriptor.digest:
        store.push(descriptor, BytesContent(read(store, descriptor)), new_tag)
    return TagResult(str(place), new_tag, descriptor.digest, previous)


def _refuse_stage(place: Reference, new_tag: str, settings: Settings) -> None:
    """A stage moves by an event that says who moved it; a tag alone would be drift."""
    if new_tag in load_policy(settings).for_model(place.repository):
        raise InvalidInput(
            f"{new_tag} is a stage, and stages move by promotion",
            hint=f"lading promote {place} {new_tag}",
        )
