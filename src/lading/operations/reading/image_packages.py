"""The image of a version, and what is installed in it: its layers are read, and nothing is run."""

from __future__ import annotations

import platform as machine
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.images.archive import entries
from lading.images.base import CONFIG_LIMIT, Base, base_of
from lading.images.base import entries as offered
from lading.images.installed import Contents, Seen, wanted
from lading.images.layers import LayerStream
from lading.operations.reading.gathered import gather
from lading.spec import evidence as kinds
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.event import moment
from lading.spec.evidence import Evidence
from lading.spec.image import image_from
from lading.spec.machines import architecture_of
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.plain import read_table, text
from lading.spec.tags import Target
from lading.transfer import Meter, OnProgress, read
from lading.transfer.copy import content_of
from lading.transfer.progress import counted

if TYPE_CHECKING:
    from lading.cache import Cache
    from lading.operations.stores import AnyStore
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image for one platform."""

    # The index's digest, or the manifest's where there is no index.
    root: Digest
    manifest: Manifest
    base: Base
    created: str | None


def image_for(
    store: AnyStore, root: Descriptor, target: Target, place: Reference, keep: Cache | None = None
) -> Descriptor:
    """The image of a version for a target: the newest that its evidence names, and that is there.

    Gates mean the same one. Tags are not asked: whoever may push may move them without a word.

    Raises:
        NotFound: there is none.
    """
    pieces = [each for each in gather(store, root, keep=keep).evidence if each.type == kinds.IMAGE]
    pieces.sort(key=lambda each: (_made(each), each.digest), reverse=True)
    for image in (image_from(each.content) for each in pieces):
        if image.target == target and (found := _resolved(store, image.descriptor.digest)):
            return found
    raise NotFound(f"{place} has no {target} image", hint=_how_to_make_one(place, target))


def _made(piece: Evidence) -> float:
    return moment(piece.created).timestamp() if piece.created else 0.0


def _how_to_make_one(place: Reference, target: Target) -> str:
    if place.host:
        return f"lading image build {place} --target {target} --push, or lading image assemble"
    return (
        "what is built lies with the engine until it is pushed beside its model: lading copy the"
        " model to a registry, and lading image build it there with --push, or lading image"
        " assemble"
    )


def _resolved(store: AnyStore, name: Digest) -> Descriptor | None:
    try:
        return store.resolve(name)
    except NotFound:
        return None  # removed since, or pushed somewhere else


def images_in(
    store: AnyStore, root: Descriptor, shown: str, platforms: Sequence[Platform]
) -> tuple[FoundImage, ...]:
    """The images below a root: those for some platforms, or all.

    Raises:
        InvalidInput: it is no image, or for no such platform.
    """
    top = parse(read(store, root), root.media_type)
    if isinstance(top, Manifest):
        found = (_found(store, root, top, shown, None),)
        if platforms and found[0].base.platform not in platforms:
            raise InvalidInput(f"{shown} is for {found[0].base.platform} only")
        return found
    images = []
    for entry in offered(top, shown, platforms):
        manifest = parse(read(store, entry), entry.media_type)
        if isinstance(manifest, Index):
            raise InvalidInput(f"{shown} is an index of indexes")
        images.append(_found(store, root, manifest, shown, entry.platform))
    return tuple(images)


def nearest(images: Sequence[FoundImage]) -> FoundImage:
    """The image for a machine like this one, else the first."""
    here = architecture_of(machine.machine())
    return next((each for each in images if each.base.platform.architecture == here), images[0])


def contents(
    store: AnyStore,
    image: FoundImage,
    *,
    apart: Collection[Digest] = (),
    on_progress: OnProgress | None = None,
) -> Contents:
    """What is installed in an image: every layer is read once, but for those ``apart``.

    Raises:
        IntegrityError: a layer is damaged, or no archive.
        Unsupported: a layer is compressed in a way that is not read here.
    """
    layers = [layer for layer in image.base.layers if layer.digest not in apart]
    meter = Meter(on_progress, sum(layer.size for layer in layers))
    seen = Seen()
    for layer in layers:
        track = meter.track(layer.digest.short, layer.digest, layer.size)
        track.start()
        with counted(content_of(store, layer), track).open() as reader:
            stream = LayerStream(reader, layer)
            seen.layer(entries(stream.read, wanted))
            stream.finish()
        track.finish()
    return seen.contents


def _found(
    store: AnyStore, root: Descriptor, manifest: Manifest, shown: str, stated: Platform | None
) -> FoundImage:
    raw = b"{}"
    if manifest.config.media_type in mediatypes.IMAGE_CONFIGS:
        raw = read(store, manifest.config, limit=CONFIG_LIMIT)
    base = base_of(manifest, raw, shown, stated)
    return FoundImage(root.digest, manifest, base, text(read_table(raw).get("created")))
