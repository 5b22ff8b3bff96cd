"""What is copied from one store to another, root by root; versions' tags never move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lading.errors import Conflict, NotFound
from lading.operations.reading.images import NamedImage, images_of
from lading.ports import Mounter
from lading.spec.descriptor import Descriptor
from lading.spec.reference import Reference
from lading.spec.tags import image_tag
from lading.spec.version import Version
from lading.transfer import OnProgress, Tally, survey
from lading.transfer import copy as transfer_copy
from lading.transfer.attach import listed
from lading.transfer.copy import children

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lading.operations.lifecycle.numbers import Numbers
    from lading.operations.stores import AnyStore
    from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class CopiedTag:
    """One root that was copied, and its tag at the destination."""

    tag: str | None
    digest: str
    # The tag named it there before.
    unchanged: bool = False


def each_once(copied: Iterable[CopiedTag]) -> tuple[CopiedTag, ...]:
    """Each tag as it came first, and of what came without one only what no tag came for.

    An image comes with the evidence of every version that names it, and by its own tag.
    """
    first: dict[tuple[str | None, str], CopiedTag] = {}
    for came in copied:
        first.setdefault((came.tag, came.digest), came)
    tagged = {digest for tag, digest in first if tag}
    return tuple(came for came in first.values() if came.tag or came.digest not in tagged)


@dataclass(slots=True)
class Shipment:
    """What is copied from one store to another, root by root."""

    source: AnyStore
    target: AnyStore
    place: Reference
    numbers: Numbers
    jobs: int
    referrers: bool
    on_progress: OnProgress | None
    # Whether the images that evidence names go along with it.
    images: bool = True
    # Who has what was moved before into a repository beside this one; None where there is none.
    beside: dict[Digest, AnyStore] | None = None
    # Those images that are not where the version is.
    missing: list[NamedImage] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    copied: list[CopiedTag] = field(default_factory=list)

    def one(
        self, root: Descriptor, tag: str | None, *, there: Digest | None = None
    ) -> tuple[NamedImage, ...]:
        """Copy one root and give it its tag; ``there`` is what the tag is known to name there.

        With its evidence go the images that this names: those are returned.

        Raises:
            Conflict: it is a version's tag, and names other content there.
        """
        unchanged = there == root.digest
        if tag and self.refuse_to_move(tag, root.digest):
            unchanged = True
        self._move(root, tag, unchanged=unchanged, referrers=self.referrers)
        images = images_of(self.source, root) if self.referrers and self.images else ()
        for image in images:
            self._image(image, Version.from_tag(tag or ""))
        return images

    def _image(self, image: NamedImage, version: Version | None) -> None:
        """Copy an image, and give it the tag that it has, where no other has it there.

        What a built or assembled image is called there is for whoever made another to say.
        """
        try:
            root = self.source.resolve(image.digest)
        except NotFound:
            self.missing.append(image)  # removed since, or always somewhere else
            return
        name = image_tag(image.target, version) if version else None
        there = _named(self.target, name) if name else None
        if name and (there not in (None, root.digest) or _named(self.source, name) != root.digest):
            name = None
        self._move(root, name, unchanged=there == root.digest, referrers=False)

    def _move(self, root: Descriptor, tag: str | None, *, unchanged: bool, referrers: bool) -> None:
        known = self._known(root) if unchanged else frozenset()
        self._take(root)
        moved = transfer_copy(
            self.source,
            self.target,
            root,
            name=tag,
            jobs=self.jobs,
            on_progress=self.on_progress,
            referrers=referrers,
        )
        # Manifests are pushed in any case, which is cheaper than to ask for each.
        moved.statuses.update(dict.fromkeys(known & moved.statuses.keys(), "present"))
        self.tally.statuses |= {
            # What was moved or mounted by this very call is there when it is looked for again.
            digest: self.tally.statuses.get(digest, status) if status == "present" else status
            for digest, status in moved.statuses.items()
        }
        self.tally.sizes |= moved.sizes
        self.copied.append(CopiedTag(tag, root.digest, unchanged))

    def _take(self, root: Descriptor) -> None:
        """Have by a mount what a repository beside this one was given before."""
        if self.beside is None:
            return
        for leaf in survey(self.source, root).leaves:
            other = self.beside.setdefault(leaf.digest, self.target)
            if other is self.target or not isinstance(self.target, Mounter):
                continue
            if not self.target.exists(leaf) and self.target.mount(leaf, other):
                self.tally.note(leaf, "mounted")

    def _known(self, root: Descriptor) -> frozenset[Digest]:
        """The manifests of a root that is there, and of what hangs on it there."""
        own = {child.digest for child in children(self.source, root).children if child.is_manifest}
        hanging = listed(self.target, root) if self.referrers else ()
        return frozenset({root.digest, *own, *(each.digest for each in hanging)})

    def refuse_to_move(self, tag: str, digest: Digest) -> bool:
        """Refuse to give a version's tag to other content; whether it is there already.

        Raises:
            Conflict: it is there and names something else, or did and was removed.
        """
        version = Version.from_tag(tag)
        if version is None:
            return False
        try:
            there = self.target.resolve(tag)
        except NotFound:
            self.numbers.demand(version, digest)
            return False
        if there.digest != digest:
            raise Conflict(
                f"{replace(self.place, tag=tag)} exists with other content",
                cause=f"there: {there.digest}, yours: {digest}",
                hint="a version never changes: copy to another tag or repository",
            )
        return True


def _named(store: AnyStore, name: str) -> Digest | None:
    try:
        return store.resolve(name).digest
    except NotFound:
        return None
