"""Which version a reference speaks of, as events and evidence name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.lifecycle.own_version import refusal
from lading.operations.lifecycle.stages import checked
from lading.spec.compressed import model_of
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.own_version import other_version, stated_version
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.ports import Source
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class Subject:
    """A version: what it is called, its index, and the model manifest in it."""

    place: Reference
    root: Descriptor
    version: str
    model: Digest | None

    @property
    def digest(self) -> Digest:
        """The version's digest."""
        return self.root.digest


def subject(store: AnyStore, place: Reference, settings: Settings) -> Subject:
    """The version that a reference names, by version, stage, ``latest`` or digest.

    Events outlive other names, so the version's own tag must be there: it keeps the version.

    Raises:
        InvalidInput: nothing is named, or what is named is no version.
        NotFound: there is no such thing, or its own tag is gone.
        IntegrityError: a stage is named whose tag is not what the ledger says; or a version whose
            tag names another one.
    """
    if not place.name:
        raise InvalidInput(
            f"which version of {place.base}?",
            cause="neither a tag nor a digest is written",
            hint=f"write {place.base}:VERSION; lading list {place.base} shows what there is",
        )
    return subject_at(store, place, checked(store, place, stores.resolve(store, place), settings))


def subject_at(store: AnyStore, place: Reference, root: Descriptor) -> Subject:
    """The version that a reference was found to name; as :func:`subject`, which checks that."""
    manifest = parse(read(store, root), root.media_type)
    version = Version.from_tag(place.tag) if place.tag and not place.digest else None
    if version is None:
        version = _stated(manifest, place)
        _demand_tag(store, place, root, version)
    elif said := other_version(place.tag, manifest.annotations):
        # Where tags are believed, too: what is recorded of a version stays.
        raise refusal(place, root, said)
    return Subject(place.with_tag(version.tag), root, str(version), model_of(manifest))


def _stated(manifest: Manifest | Index, place: Reference) -> Version:
    version = stated_version(manifest.annotations)
    if version is None:
        raise InvalidInput(
            f"{place} is no version",
            cause="it was not pushed under a version",
            hint=f"name it by its version: lading list {place.base} shows what there is",
        )
    return version


def _demand_tag(store: Source, place: Reference, root: Descriptor, version: Version) -> None:
    own = place.with_tag(version.tag)
    try:
        there = store.resolve(version.tag)
    except NotFound as error:
        raise NotFound(
            f"{place} has no tag of its own any more",
            cause=f"{own} is gone, and other names do not keep a version",
            hint=f"lading copy {place.base}@{root.digest} {own}",
        ) from error
    if there.digest != root.digest:
        raise InvalidInput(
            f"{place} is not {own}", cause=f"that is {there.digest}, this is {root.digest}"
        )
