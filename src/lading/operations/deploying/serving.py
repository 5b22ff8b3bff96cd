"""Which image serves a version: the one that is named, in use, made for it, or of the same lock."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lading.errors import InvalidInput, LadingError, NotFound
from lading.images.fit import mark
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.reading.gathered import gather, kept
from lading.operations.reading.image_packages import images_in
from lading.operations.reading.same_lock import akin, is_told
from lading.spec import evidence as kinds
from lading.spec.image import DIGEST, LOCK, TARGET, Image, image_from
from lading.spec.manifest import parse
from lading.spec.plain import text
from lading.spec.reference import Reference
from lading.spec.tags import SERVING, Target
from lading.transfer import read

if TYPE_CHECKING:
    from lading.images.base import Base
    from lading.operations.lifecycle.subject import Subject
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest
    from lading.spec.document import Document

_log = logging.getLogger(__name__)


class InUse(NamedTuple):
    """What serves already, and which version."""

    version: Digest
    image: str
    holds_model: bool
    modelcar: str | None = None


class Server(NamedTuple):
    """An image that answers, by digest, as its own config says."""

    reference: str
    holds_model: bool
    platforms: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerSearch:
    """The search for what serves one version."""

    store: AnyStore
    what: Subject
    document: Document
    # The image that somebody chose.
    image: str | Reference | None
    in_use: InUse | None
    settings: Settings

    def server(self, *, mounts: bool) -> Server:
        """The image that answers; where the documents mount the model, one without it if it can be.

        Raises:
            NotFound: nothing serves the version.
            InvalidInput: the chosen image is none, or holds another version.
        """
        if self.image is not None:
            return self._named(self.image)
        gone = self._gone()
        in_use = None if gone else self.in_use
        if in_use is not None and in_use.version == self.what.digest:
            return Server(in_use.image, in_use.holds_model, ())
        if made := self._made(SERVING if mounts else SERVING[::-1]):
            return made._replace(notes=(*made.notes, *gone))
        if in_use is not None and self._lock is not None:
            remains = self._named(in_use.image)
            if not remains.notes:
                return remains
        akin = self._akin(gone)
        return akin._replace(notes=(*akin.notes, *gone))

    def modelcar(self) -> Server | None:
        """An image that holds the model and starts whatever it is told, by digest.

        Whether it has a shell, only its layers would tell.
        """
        if self.image is not None and (chosen := self._chosen_car(self.image)):
            return chosen
        in_use = self.in_use
        if in_use is not None and in_use.modelcar and in_use.version == self.what.digest:
            return Server(in_use.modelcar, True, ())
        for made in self._images():
            named = self._beside(made.descriptor)
            if made.target == "serve" and _is_modelcar(self.store, made.descriptor, named):
                return Server(named, True, tuple(map(str, made.platforms)))
        return None

    def _gone(self) -> tuple[str, ...]:
        """That the image in use is not there any more, in words; nothing where it is.

        A registry that cannot be asked for it says nothing against it.
        """
        if self.in_use is None:
            return ()
        place = Reference.parse(self.in_use.image)
        try:
            stores.open_store(place, self.settings).resolve(str(place.digest))
        except NotFound:
            return (f"{place}, which served, is gone",)
        except LadingError as error:
            _log.debug("cannot look for %s: %s", place, error)
        return ()

    @property
    def _lock(self) -> str | None:
        return mark(self.document.environment)

    def _beside(self, root: Descriptor) -> str:
        return f"{name_of(self.what.place)}@{root.digest}"

    def _images(self) -> list[Image]:
        """The images that a version was told of and that are there, the newest first."""
        keep = kept(self.what.place, self.settings)
        pieces = gather(self.store, self.what.root, keep=keep).evidence
        images = [image_from(each.content) for each in pieces if each.type == kinds.IMAGE]
        return [image for image in images if _is_there(self.store, image.descriptor.digest)]

    def _made(self, targets: tuple[Target, ...]) -> Server | None:
        """The newest image that was made for the version and answers, of the first such target."""
        images = self._images()
        for target in targets:
            for made in (each for each in images if each.target == target):
                if self._answers(made):
                    platforms = tuple(map(str, made.platforms))
                    return Server(self._beside(made.descriptor), target == "serve", platforms)
        return None

    def _answers(self, made: Image) -> bool:
        """Whether there is a server in it: a modelcar may hold the model and a shell, no more.

        One that was made on what was built for the version's lock has what that was built with.
        """
        root = made.descriptor
        if made.target != "serve" or not _is_modelcar(self.store, root, self._beside(root)):
            return True
        found = images_in(self.store, root, self._beside(root), ())
        return all(text(each.base.labels.get(LOCK)) == self._lock for each in found)

    def _named(self, image: str | Reference) -> Server:
        """The image that somebody chose, by digest; what it holds, its own labels say."""
        store, place, root = looked_up(image, self.settings)
        _demand_program(store, root, place)
        found = [each.base for each in images_in(store, root, str(place), ())]
        holds_model = all(text(each.labels.get(TARGET)) == "serve" for each in found)
        if holds_model:
            _demand_own(self.what, place, {text(each.labels.get(DIGEST)) for each in found})
        return Server(
            f"{name_of(place)}@{root.digest}",
            holds_model,
            tuple(str(each.platform) for each in found),
            tuple(_remarks(str(place), found, self._lock)),
        )

    def _chosen_car(self, image: str | Reference) -> Server | None:
        store, place, root = looked_up(image, self.settings)
        if not _is_modelcar(store, root, str(place)):
            return None
        found = [each.base for each in images_in(store, root, str(place), ())]
        platforms = tuple(str(each.platform) for each in found)
        return Server(f"{name_of(place)}@{root.digest}", True, platforms)

    def _akin(self, gone: tuple[str, ...]) -> Server:
        """An image of the same lock, where the evidence of the version that it is of names it.

        Raises:
            NotFound: there is none; names one that only its own label speaks for.
        """
        unsure = None
        for each in akin(self.store, self._lock) if self._lock else ():
            if is_told(self.store, each):
                note = (
                    f"{each.tag} serves it, which was made from the same lock, and goes when"
                    f" {each.version} is removed"
                )
                return Server(self._beside(each.root), False, each.platforms, (note,))
            unsure = unsure or each.tag
        raise self._nothing(gone, unsure)

    def _nothing(self, gone: tuple[str, ...], unsure: str | None) -> NotFound:
        """That nothing serves the version; ``unsure`` is an image that may be tried."""
        place = self.what.place
        cause = "no image was made for it"
        if self._images():
            cause = "what was made for it is a modelcar, and not known to have a server"
        if self.in_use:
            unknown = f"{self.in_use.image} is not known to have its packages"
            cause += f", and {gone[0] if gone else unknown}"
        build = f"lading image build {place} --target runtime --push"
        if unsure:
            cause += f"; {unsure} says that it was made from the same lock"
            hint = f"--image {place.with_tag(unsure)}; or {build}"
        else:
            hint = f"{build}; or --image HOST/NAME:TAG"
        return NotFound(f"nothing serves {place}", cause=cause, hint=hint)


def looked_up(image: str | Reference, settings: Settings) -> tuple[AnyStore, Reference, Descriptor]:
    """Where an image is, what it is called there, and what that names now."""
    place = stores.with_name(stores.locate(image, settings))
    store = stores.open_store(place, settings)
    return store, place, stores.resolve(store, place)


def _is_modelcar(store: AnyStore, root: Descriptor, shown: str) -> bool:
    found = [each.base for each in images_in(store, root, shown, ())]
    return all(text(each.labels.get(TARGET)) == "serve" and not each.entrypoint for each in found)


def _is_there(store: AnyStore, digest: Digest) -> bool:
    try:
        store.resolve(digest)
    except NotFound:
        return False  # removed since, or pushed somewhere else
    return True


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
    said = {text(each.labels.get(LOCK)) for each in found}
    if lock is None or said == {lock}:
        return []
    what = "says nothing of its packages" if said == {None} else "was made from another lock"
    return [f"{shown} {what}: lading image check looks whether they are the model's"]
