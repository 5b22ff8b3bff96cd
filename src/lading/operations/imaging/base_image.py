"""The image that another is made on: found, read, and held against the version's lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, NotFound
from lading.images.base import CONFIG_LIMIT, Base, base_of, entries
from lading.images.fit import differences, mark
from lading.operations import stores
from lading.operations.reading.gathered import gather
from lading.spec import evidence as kinds
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.image import DIGEST, LOCK, REFERENCE, TARGET, Image, image_from
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.plain import text
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.environment import Environment
    from lading.spec.reference import Reference

_MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class FoundBase:
    """A base as it was found: where, by which digest, and what it is for each platform."""

    store: AnyStore = field(repr=False)
    # By digest, whatever it was called.
    place: Reference
    # As it was called.
    shown: str
    root: Descriptor
    images: tuple[Base, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a tag named when it was looked at: it may name another image tomorrow."""
        return () if self.shown == str(self.place) else (f"{self.shown} is {self.root.digest} now",)

    @property
    def says_its_lock(self) -> bool:
        """Whether Lading built it, so that something says which packages it has."""
        return all(LOCK in image.labels for image in self.images)


def found_base(store: AnyStore, place: Reference, wanted: Sequence[Platform]) -> FoundBase:
    """The base behind a reference, which is looked at once.

    Raises:
        NotFound: there is none.
        InvalidInput: it has no name, is no image, holds a model, or is not for a platform.
        Unsupported: a layer may not be passed on, or is of a kind that nobody knows.
    """
    if not place.name:
        raise InvalidInput(
            f"which image of {place.base}?",
            cause="an image is made of exactly one base",
            hint=f"--base {place.base}:runtime-1.0.0, or best {place.base}@sha256:…",
        )
    root = stores.resolve(store, place)
    shown = str(place.with_digest(root.digest) if place.digest else place)
    images = _images_below(store, root, shown, wanted)
    for image in images:
        _demand_no_model(image, place, shown)
    return FoundBase(store, place.with_digest(root.digest), shown, root, tuple(images))


def _demand_no_model(image: Base, place: Reference, shown: str) -> None:
    """Files of one model under another's would be taken for its own."""
    said = image.labels
    if said.get(TARGET) != "serve":
        return
    of = text(said.get(REFERENCE))
    raise InvalidInput(
        f"{shown} holds a model already",
        cause=f"it is the serve image of {of[:200]}" if of else "it is a serve image",
        hint=f"--base {place.base}:runtime-1.0.0: a runtime image has all but the model"
        " (lading image build --target runtime)",
    )


def store_beside(
    store: AnyStore, base: Reference, place: Reference, settings: Settings
) -> AnyStore:
    """Where the base is: the very store of the model, where both are in one repository."""
    from lading.stores.remote.registry import RemoteStore

    if (base.host, base.layout, base.base) == (place.host, place.layout, place.base):
        return store
    remote = store if isinstance(store, RemoteStore) else None
    return stores.open_store(base, settings, beside=remote)


def _images_below(
    store: AnyStore, root: Descriptor, shown: str, wanted: Sequence[Platform]
) -> list[Base]:
    """The base for each platform that is wanted; for each that it has, where none is named."""
    top = parse(read(store, root), root.media_type)
    if isinstance(top, Manifest):
        found = [_one(store, top, shown)]
        if wanted and found[0].platform not in wanted:
            raise InvalidInput(f"{shown} is for {found[0].platform} only")
        return found
    return [
        _one(store, _manifest(store, entry, shown), shown, entry.platform)
        for entry in entries(top, shown, wanted)
    ]


def misfits(base: FoundBase, environment: Environment | None) -> tuple[str, ...]:
    """How the base's packages differ from the version's lock, in words; nothing where they fit.

    No layer is read. Where nothing says what the base has, that is said.

    Raises:
        LadingError: the evidence of the base cannot be had for now.
    """
    own = mark(environment)
    if environment is None or own is None:
        return ()
    if all(image.labels.get(LOCK) == own for image in base.images):
        return ()
    packages = _recorded(base)
    if packages is None:
        return (f"nothing says which packages {base.shown} has: lading image check looks",)
    found = differences(environment, packages)
    more = len(found) - _MOST_NAMED
    named = (f"the model was made with {each}" for each in found[:_MOST_NAMED])
    return (*named, *([f"and {more} packages more differ"] if more > 0 else ()))


def _recorded(base: FoundBase) -> tuple[str, ...] | None:
    """The packages in an image, as the evidence on the version that it was made for says."""
    for digest in {text(image.labels.get(DIGEST)) for image in base.images} - {None}:
        for image in _images(base.store, digest or ""):
            if image.descriptor.digest == base.root.digest and image.packages:
                return image.packages
    return None


def _images(store: AnyStore, version: str) -> Iterator[Image]:
    try:
        made_for = store.resolve(Digest(version))
    except (InvalidInput, NotFound):
        return  # no digest, or a version that is not in this repository
    for piece in gather(store, made_for).evidence:
        if piece.type == kinds.IMAGE:
            yield image_from(piece.content)


def _manifest(store: AnyStore, entry: Descriptor, shown: str) -> Manifest:
    manifest = parse(read(store, entry), entry.media_type)
    if isinstance(manifest, Index):
        raise InvalidInput(f"{shown} is an index of indexes")
    return manifest


def _one(store: AnyStore, manifest: Manifest, shown: str, stated: Platform | None = None) -> Base:
    raw = b"{}"
    if manifest.config.media_type in mediatypes.IMAGE_CONFIGS:
        raw = read(store, manifest.config, limit=CONFIG_LIMIT)
    return base_of(manifest, raw, shown, stated)
