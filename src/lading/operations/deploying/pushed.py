"""A folder of documents in a registry: Flux's OCIRepository reads it from there.

The same documents are the same bytes: what is said of them comes from them, and no clock is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lading.errors import Conflict, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.deploying.artifact import CONFIG, documents_artifact, origin
from lading.spec.content import BytesContent
from lading.spec.manifest import Manifest, parse
from lading.transfer import read

if TYPE_CHECKING:
    from lading.deploy.pins import Pins
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference


def push_documents(
    files: Mapping[str, str],
    reference: str,
    *,
    name: str,
    pins: Pins,
    created: str | None,
    settings: Settings,
) -> str:
    """Push documents under a tag; what they are called by digest.

    ``created`` is when the version was made, where that is known. Nothing else of their folder is
    pushed: who reads documents is not who may read everything beside them.

    Raises:
        InvalidInput: nothing says under which tag.
        Conflict: the tag names something else than documents.
    """
    place = stores.locate(reference.removeprefix("oci://"), settings)
    if not place.host or place.digest or not place.tag:
        raise InvalidInput(
            f"documents are pushed under a tag of a registry, not as {reference[:200]!r}",
            hint=f"--push HOST/deploy/{name}:prod",
        )
    runs = pins.runs
    made = documents_artifact(
        {name: text.encode() for name, text in files.items()},
        origin(runs.place, runs.digest, stage=runs.stage, version=runs.version, created=created),
    )
    store = stores.open_store(place, settings, create=True)
    if _named(store, place) != made.manifest.descriptor.digest:
        for descriptor, raw in made.blobs:
            if not store.exists(descriptor):
                store.push(descriptor, BytesContent(raw))
        store.push(made.manifest.descriptor, BytesContent(made.manifest.raw), place.tag)
    return f"{name_of(place)}@{made.manifest.descriptor.digest}"


def _named(store: AnyStore, place: Reference) -> str | None:
    """What the tag names already.

    Raises:
        Conflict: it is not documents: a model's tag would be gone.
    """
    try:
        root = store.resolve(str(place.tag))
    except NotFound:
        return None
    manifest = parse(read(store, root), root.media_type)
    if not isinstance(manifest, Manifest) or manifest.config.media_type != CONFIG:
        raise Conflict(
            f"{place} names something else than documents",
            hint="--push HOST/deploy/NAME:TAG, a repository of its own",
        )
    return root.digest
