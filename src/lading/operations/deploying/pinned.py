"""A reference as the digests that documents name: looked at once, and never a tag again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import Facts
from lading.errors import InvalidInput, NotFound
from lading.images.base import Base
from lading.images.fit import mark
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.deploying.version import located, version
from lading.operations.imaging.base_image import labels
from lading.operations.open import open as open_version
from lading.operations.reading.gathered import gather, kept
from lading.operations.reading.image_packages import images_in
from lading.spec import evidence as kinds
from lading.spec.digest import Digest
from lading.spec.image import DIGEST, LOCK, TARGET, Image, image_from
from lading.spec.manifest import Index, parse
from lading.spec.mediatypes import ROLE
from lading.spec.plain import text
from lading.spec.reference import Reference
from lading.spec.tags import Target
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.lifecycle.subject import Subject
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.document import Document

# Targets whose images answer requests, the one without a model first: it is mounted beside.
_MOUNTED: Final[tuple[Target, ...]] = ("runtime", "serve")
_HELD: Final[tuple[Target, ...]] = ("serve", "runtime")


@dataclass(frozen=True, slots=True)
class Found:
    """A version as it was found: its digests, and what documents are guessed from."""

    pins: Pins
    facts: Facts
    # What the model is called, where nobody chose a name.
    name: str
    # What no runtime mounts, but as an empty folder: the version's model and ModelPack manifests.
    forbidden: frozenset[Digest]
    document: Document
    # Who looks at it should know.
    notes: tuple[str, ...] = ()
    # When the version was made, where that is known.
    created: str | None = None


class InUse(NamedTuple):
    """What serves already, and which version."""

    version: Digest
    image: str
    holds_model: bool
    modelcar: str | None = None


class _Server(NamedTuple):
    """An image that answers, as its own config says."""

    reference: str
    holds_model: bool
    platforms: tuple[str, ...]
    notes: tuple[str, ...] = ()


def pinned(
    reference: str | Reference,
    settings: Settings,
    *,
    stage: str | None = None,
    image: str | Reference | None = None,
    puller: str | Reference | None = None,
    mounts: bool = True,
    in_use: InUse | None = None,
    modelcar: bool = False,
    follows: str | None = None,
) -> Found:
    """The digests of a version and of what serves it, as they are now.

    A stage that the policy protects has to allow it; ``follows`` names the one that has to where no
    other is named, because what ran before came from there.

    ``image`` serves it; else the one that its evidence names: where the documents mount the model
    (``mounts``), one without it comes first. What is ``in_use`` stays where it serves this very
    version; and where no other was made, if it says that it was made from the version's own lock.
    With ``modelcar`` an image is looked for as well in which KServe can start a shell beside the
    model: ``image``, else the one in use for this very version, else one that the evidence names.

    Raises:
        InvalidInput: a stage and a version are named at once; or an image that is none, or that
            holds another version.
        NotFound: the stage is empty; there is no such version; or nothing serves it.
        IntegrityError: the stage's tag is not what the ledger says.
        PolicyRefused: the stage is protected, and may not have this version.
        Unsupported: the version is on this machine only.
    """
    place = located(reference, stage, settings)
    store = stores.open_store(place, settings)
    found = version(store, place, settings, follows=follows)
    what = found.what
    runs = Runs(name_of(place), what.digest, what.version, found.stage, found.event)
    with open_version(what.place.with_digest(what.digest), settings=settings) as opened:
        document = opened.document
    serving = _server(store, what, document, image, settings, mounts=mounts, in_use=in_use)
    pulling = _by_digest(puller, settings) if puller else None
    entries = _entries(store, what)
    car = _modelcar(store, what, image, settings, in_use) if modelcar else None
    return Found(
        Pins(
            runs,
            Serving(serving.reference, serving.holds_model),
            pulling,
            car.reference if car else None,
        ),
        Facts(
            size=sum(file.size for file in document.files),
            framework=document.framework.name if document.framework else None,
            platforms=serving.platforms,
            mountable=tuple(
                str(entry.platform) for entry in entries if _is_image(entry) and entry.platform
            ),
            modelcar=car.platforms if car else (),
        ),
        name=(document.name or place.repository).rpartition("/")[2],
        forbidden=frozenset(entry.digest for entry in entries if not _is_image(entry)),
        document=document,
        notes=(*found.notes, *serving.notes),
        created=document.created,
    )


def _entries(store: AnyStore, what: Subject) -> tuple[Descriptor, ...]:
    """What the version's index names: its images, and the manifests that are none."""
    top = parse(read(store, what.root), what.root.media_type)
    return top.manifests if isinstance(top, Index) else ()


def _is_image(entry: Descriptor) -> bool:
    return entry.annotations.get(ROLE) == "image"


# What serves it


def _server(
    store: AnyStore,
    what: Subject,
    document: Document,
    image: str | Reference | None,
    settings: Settings,
    *,
    mounts: bool,
    in_use: InUse | None,
) -> _Server:
    lock = mark(document.environment)
    if image is not None:
        return _named(image, what, settings, lock)
    if in_use is not None and in_use.version == what.digest:
        return _Server(in_use.image, in_use.holds_model, ())
    made = {each.target: each for each in reversed(_images(store, what, settings))}
    for target in _MOUNTED if mounts else _HELD:
        if found := made.get(target):
            return _Server(
                f"{name_of(what.place)}@{found.descriptor.digest}",
                target == "serve",
                tuple(map(str, found.platforms)),
            )
    if in_use is not None and lock is not None:
        remains = _named(in_use.image, what, settings, lock)
        if not remains.notes:
            return remains
    raise NotFound(
        f"nothing serves {what.place}",
        cause="no image was made for it"
        + (f", and {in_use.image} is not known to have its packages" if in_use else ""),
        hint=f"lading image build {what.place} --target runtime --push; or --image HOST/NAME:TAG",
    )


def _modelcar(
    store: AnyStore,
    what: Subject,
    image: str | Reference | None,
    settings: Settings,
    in_use: InUse | None,
) -> _Server | None:
    """An image that holds the model and starts whatever it is told, by digest.

    Whether it has a shell, only its layers would tell.
    """
    if image is not None:
        place = stores.with_name(stores.locate(image, settings))
        beside = stores.open_store(place, settings)
        root = stores.resolve(beside, place)
        if _is_modelcar(beside, root, str(place)):
            found = [each.base for each in images_in(beside, root, str(place), ())]
            platforms = tuple(str(each.platform) for each in found)
            return _Server(f"{name_of(place)}@{root.digest}", True, platforms)
    if in_use is not None and in_use.modelcar and in_use.version == what.digest:
        return _Server(in_use.modelcar, True, ())
    for made in _images(store, what, settings):
        named = f"{name_of(what.place)}@{made.descriptor.digest}"
        if made.target == "serve" and _is_modelcar(store, made.descriptor, named):
            return _Server(named, True, tuple(map(str, made.platforms)))
    return None


def _is_modelcar(store: AnyStore, root: Descriptor, shown: str) -> bool:
    found = [each.base for each in images_in(store, root, shown, ())]
    return all(text(labels(each).get(TARGET)) == "serve" and not each.entrypoint for each in found)


def _images(store: AnyStore, what: Subject, settings: Settings) -> list[Image]:
    """The images that a version was told of and that are there, the newest first."""
    pieces = gather(store, what.root, keep=kept(what.place, settings)).evidence
    images = [image_from(each.content) for each in pieces if each.type == kinds.IMAGE]
    return [image for image in images if _is_there(store, image.descriptor.digest)]


def _is_there(store: AnyStore, digest: Digest) -> bool:
    try:
        store.resolve(digest)
    except NotFound:
        return False  # removed since, or pushed somewhere else
    return True


def _named(image: str | Reference, what: Subject, settings: Settings, lock: str | None) -> _Server:
    """The image that somebody chose, by digest; what it holds, its own labels say."""
    place = stores.with_name(stores.locate(image, settings))
    store = stores.open_store(place, settings)
    root = stores.resolve(store, place)
    _demand_program(store, root, place)
    found = [each.base for each in images_in(store, root, str(place), ())]
    holds_model = all(text(labels(each).get(TARGET)) == "serve" for each in found)
    if holds_model:
        _demand_own(what, place, {text(labels(each).get(DIGEST)) for each in found})
    return _Server(
        f"{name_of(place)}@{root.digest}",
        holds_model,
        tuple(str(each.platform) for each in found),
        tuple(_remarks(str(place), found, lock)),
    )


def _demand_program(store: AnyStore, root: Descriptor, place: Reference) -> None:
    """Refuse a model in the place of an image: it mounts, but there is nothing in it that runs."""
    if parse(read(store, root), root.media_type).artifact_type:
        raise InvalidInput(
            f"{place} is no image that serves",
            cause="it is a model, or something that hangs on one",
            hint=f"lading image build {place} --target runtime --push makes one",
        )


def _demand_own(what: Subject, place: Reference, digests: set[str | None]) -> None:
    """Refuse an image that holds another version: it would answer in the name of this one."""
    if digests != {what.digest}:
        found = ", ".join(sorted(digest or "none that it names" for digest in digests))
        raise InvalidInput(
            f"{place} holds another version than {what.place}",
            cause=f"in it is {found}, wanted is {what.digest}",
            hint=f"lading image build {what.place} --target serve --push",
        )


def _remarks(shown: str, found: list[Base], lock: str | None) -> list[str]:
    said = {text(labels(each).get(LOCK)) for each in found}
    if lock is None or said == {lock}:
        return []
    what = "says nothing of its packages" if said == {None} else "was made from another lock"
    return [f"{shown} {what}: lading image check looks whether they are the model's"]


def _by_digest(image: str | Reference, settings: Settings) -> str:
    place = stores.with_name(stores.locate(image, settings))
    root = stores.resolve(stores.open_store(place, settings), place)
    return f"{name_of(place)}@{root.digest}"
