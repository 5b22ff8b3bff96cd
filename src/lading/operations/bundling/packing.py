"""One repository on its way into a bundle: versions, images, evidence, the ledger at the end."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lading.errors import NotFound
from lading.images.fit import mark
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.copying.ledger import copy_events
from lading.operations.copying.shipment import Shipment
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.numbers import Numbers
from lading.operations.lifecycle.stages import checked
from lading.operations.open import open as open_version
from lading.operations.reading.same_lock import akin, lock_tag
from lading.spec.content import BytesContent
from lading.spec.manifest import parse
from lading.spec.own_version import stated_version
from lading.spec.reference import Reference
from lading.spec.tags import LATEST, LEDGER, SERVING, fallback_tag, is_segment
from lading.stores.bundle import NewArchive, NewBundleStore
from lading.transfer import OnProgress, read
from lading.transfer import copy as transfer_copy

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.reading.images import NamedImage
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor

# Lists of referrers are called so, too, but for what follows the digest.
_SIGNATURE: Final = re.compile(r"sha256-([0-9a-f]{64})\.", re.ASCII)
# What cosign hangs on something by a tag.
_SIGNATURES: Final = ("sig", "att", "sbom")
# Without a tag, garbage collection of the registry that it comes to would take it.
_NAMED: Final = "documents-"


def opened(
    place: Reference,
    archive: NewArchive,
    settings: Settings,
    *,
    jobs: int | None,
    images: bool,
    on_progress: OnProgress | None,
) -> Packing:
    """Begin a repository of the file, or go on with it from another place."""
    target = NewBundleStore(archive, place.repository)
    own = Reference(place.repository, layout=f"{archive}/{place.repository}")
    logbook = open_logbook(own, settings, store=target)
    source = stores.open_store(place, settings)
    shipment = Shipment(
        source, target, own, Numbers(logbook), jobs or settings.jobs, True, on_progress, images
    )
    return Packing(source, target, shipment, logbook, settings)


@dataclass(slots=True)
class Packing:
    """One repository on its way into the file."""

    source: AnyStore
    target: NewBundleStore
    shipment: Shipment
    logbook: Logbook
    settings: Settings
    notes: list[str] = field(default_factory=list)
    roots: list[Descriptor] = field(default_factory=list)
    # Images that evidence names, and that are not where the version is.
    missing: list[tuple[Reference, NamedImage]] = field(default_factory=list)
    # Versions that no image serves, as far as can be told.
    unserved: list[Reference] = field(default_factory=list)

    def version(self, place: Reference) -> None:
        """What a reference names, with its evidence and its images, under its names."""
        place = stores.with_name(place)
        root = checked(self.source, place, stores.resolve(self.source, place), self.settings)
        known = len(self.shipment.missing)
        own = self._own_tag(root)
        images = self.shipment.one(root, own)
        if place.tag and not place.digest and place.tag not in (own, LATEST):
            self._name(root, place.tag)
        self.roots.append(root)
        if self.shipment.images and not any(each.target in SERVING for each in images):
            self._akin(place.with_tag(own) if own else place, root)
        self.missing += [(place, image) for image in self.shipment.missing[known:]]

    def _akin(self, place: Reference, root: Descriptor) -> None:
        """Take along what serves a version that no image was made for: one of the same lock.

        Only its label speaks for it, so it gets a name that says no more than that.
        """
        with open_version(place.with_digest(root.digest), settings=self.settings) as opened:
            lock = mark(opened.document.environment)
        found = next(akin(self.source, lock), None) if lock else None
        if lock is None or found is None:
            self.unserved.append(place)
            return
        name = lock_tag(lock)
        self.shipment.one(found.root, name)
        called = "" if found.tag == name else f" as {name}"
        self.notes.append(
            f"no image was made for {place}: {found.tag} of the same lock comes along{called},"
            " which deploy takes with --image"
        )

    def image(self, root: Descriptor) -> None:
        """An image that documents name: with what hangs on it, and a name that keeps it there."""
        self.shipment.one(root, f"{_NAMED}{root.digest.short}")
        for kind in _SIGNATURES:
            with suppress(NotFound):
                name = f"{fallback_tag(root.digest)}.{kind}"
                self.shipment.one(self.source.resolve(name), name)

    def history(self) -> int:
        """The ledger as it is, and the names that it gives to what is here; how many events."""
        names = frozenset(self.source.names())
        for tag in sorted(name for name in names if name == LEDGER or is_segment(name)):
            # What it lists was there before it, so its events come with it.
            root = self.source.resolve(tag)
            transfer_copy(self.source, self.target, root, name=tag, jobs=self.shipment.jobs)
        shelf = self.logbook.shelf
        book = read_book(self.source, whole=True, shelf=shelf, jobs=self.shipment.jobs)
        self.notes += [f"in {self.source}: {trouble.what}" for trouble in book.troubles]
        lines = sorted(book.lines.values(), key=lambda line: line.order)
        copy_events(self.source, self.target, lines, shelf=shelf, jobs=self.shipment.jobs)
        self._other_names(book, names)
        self._signatures(names)
        return len(lines)

    def _signatures(self, names: frozenset[str]) -> None:
        """What cosign hangs on something by a tag that spells its digest."""
        for name in sorted(names):
            signed = _SIGNATURE.match(name)
            with suppress(NotFound):  # of something that stays behind
                if signed:
                    self.target.resolve(f"sha256:{signed[1]}")
                    self.shipment.one(self.source.resolve(name), name)

    def _other_names(self, book: Book, names: frozenset[str]) -> None:
        """Stages, and ``latest``, where they name what is in the file; ``names`` are there.

        No others are asked for: where a mirror speaks, nobody would say that they are not.
        """
        here = {root.digest: root for root in self.roots}
        stages = book.state().stages.items()
        wanted = {name for name, stage in stages if stage.value in here} | {LATEST}
        for name in sorted(wanted & names):
            try:
                root = self.source.resolve(name)
            except NotFound:
                continue  # the ledger says so, its tag does not: whoever reads it will be told
            if root.digest in here:
                self._name(root, name)

    def _name(self, root: Descriptor, tag: str) -> None:
        self.target.push(root, BytesContent(read(self.source, root)), tag)

    def _own_tag(self, root: Descriptor) -> str | None:
        """The version's own tag, where it names it."""
        manifest = parse(read(self.source, root), root.media_type)
        version = stated_version(manifest.annotations)
        if version is None:
            return None
        try:
            there = self.source.resolve(version.tag)
        except NotFound:
            return None
        return version.tag if there.digest == root.digest else None
