"""Write versions, with all that belongs to them, into one file that needs no network to be read."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, NotFound
from lading.ledger.book import is_ledger
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.bundling.documents import put_documents
from lading.operations.copying.ledger import copy_events
from lading.operations.copying.shipment import Shipment
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.numbers import Numbers
from lading.operations.lifecycle.stages import checked
from lading.spec.content import BytesContent
from lading.spec.manifest import parse
from lading.spec.own_version import stated_version
from lading.spec.reference import Reference, is_repository
from lading.spec.tags import LATEST, LEDGER, is_segment
from lading.stores.bundle import BundleStore, NewArchive, NewBundleStore, new_archive
from lading.transfer import OnProgress, read
from lading.transfer import copy as transfer_copy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lading.ledger.book import Book
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor

# Lists of referrers are called so, too, but for what follows the digest.
_SIGNATURE: Final = re.compile(r"sha256-([0-9a-f]{64})\.", re.ASCII)


@dataclass(frozen=True, slots=True)
class BundledName:
    """Something that the file has a name for."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class BundleResult:
    """What was written; ``size`` is that of the file, in bytes."""

    file: str
    size: int
    names: tuple[BundledName, ...]
    events: int
    notes: tuple[str, ...] = ()


def bundle(
    references: Iterable[str | Reference],
    file: str | Path,
    *,
    images: bool = True,
    documents: Iterable[str | Path] = (),
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> BundleResult:
    """Write a file with these versions, their evidence, images and history, and nothing else.

    It is an OCI image layout in a tar: other tools read it as ``oci-archive``. ``images`` are those
    that serve the versions, on every platform; ``documents`` are folders that a deployment wrote.
    The file gets its name when it is whole.

    Raises:
        InvalidInput: two references have one name in the file, or one can have none.
        NotFound: there is no such version.
        Conflict: there is a file of that name.
        IntegrityError: content is not what its digest says, or a stage not what the ledger says.
        LocalFailure: the disk is full, or refuses.
    """
    settings = stores.settled(settings)
    path = Path(file)
    wanted = _by_repository([_placed(each, settings) for each in references])
    folders = [Path(each) for each in documents]
    if not wanted and not folders:
        raise InvalidInput("nothing is to be bundled", hint="name a version: lading bundle REF")
    events, notes = 0, []
    with new_archive(path, fsync=settings.fsync) as archive:
        for places in wanted.values():
            packing = _opened(
                places[0], archive, settings, jobs=jobs, images=images, on_progress=on_progress
            )
            for place in places:
                packing.version(place)
            events += packing.history()
            notes += packing.notes
        for folder in folders:
            put_documents(archive, folder)
    names = [
        BundledName(f"{repository}:{tag}", descriptor.digest)
        for repository, found in sorted(archive.repositories.items())
        for tag, descriptor in sorted(found.tags.items())
        if not is_ledger(tag)
    ]
    return BundleResult(str(path), path.stat().st_size, tuple(names), events, tuple(notes))


def _placed(reference: str | Reference, settings: Settings) -> Reference:
    """Where it is; out of another bundle it keeps its repository's name."""
    place = stores.locate(reference, settings)
    if place.layout is None:
        return place
    source = stores.open_store(place, settings)
    named = isinstance(source, BundleStore) and source.repository
    return replace(place, repository=named) if named else place


def _by_repository(places: list[Reference]) -> dict[str, list[Reference]]:
    """The references, one repository after another.

    Raises:
        InvalidInput: two places have repositories of one name, or one has a name that is none.
    """
    found: dict[str, list[Reference]] = {}
    for place in places:
        if not is_repository(place.repository):
            raise InvalidInput(
                f"{place.base} has no name that a registry would take",
                cause=f"{place.repository[:200]!r} is not a repository name",
                hint=f"lading copy {place} NAME:VERSION gives it one on this machine",
            )
        others = found.setdefault(place.repository, [])
        if others and others[0].base != place.base:
            raise InvalidInput(
                f"{others[0].base} and {place.base} would be one repository",
                cause=f"in the file both are {place.repository}",
                hint="write a file for each",
            )
        others.append(place)
    return found


def _opened(
    place: Reference,
    archive: NewArchive,
    settings: Settings,
    *,
    jobs: int | None,
    images: bool,
    on_progress: OnProgress | None,
) -> _Packing:
    target = NewBundleStore(archive, place.repository)
    own = Reference(place.repository, layout=f"{archive}/{place.repository}")
    logbook = open_logbook(own, settings, store=target)
    source = stores.open_store(place, settings)
    shipment = Shipment(
        source, target, own, Numbers(logbook), jobs or settings.jobs, True, on_progress, images
    )
    return _Packing(source, target, shipment, logbook, settings)


@dataclass(slots=True)
class _Packing:
    """One repository on its way into the file."""

    source: AnyStore
    target: NewBundleStore
    shipment: Shipment
    logbook: Logbook
    settings: Settings
    notes: list[str] = field(default_factory=list)
    roots: list[Descriptor] = field(default_factory=list)

    def version(self, place: Reference) -> None:
        """What a reference names, with its evidence and its images, under its names."""
        place = stores.with_name(place)
        root = checked(self.source, place, stores.resolve(self.source, place), self.settings)
        known = len(self.shipment.missing)
        own = self._own_tag(root)
        self.shipment.one(root, own)
        if place.tag and not place.digest and place.tag not in (own, LATEST):
            self._name(root, place.tag)
        self.roots.append(root)
        self.notes += [
            f"the {image.target} image {image.digest}, which evidence of {place} names, is not in"
            f" {place.base}: bundle it by its own reference"
            for image in self.shipment.missing[known:]
        ]

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
        self._other_names(book)
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

    def _other_names(self, book: Book) -> None:
        """Stages, and ``latest``, where they name what is in the file."""
        here = {root.digest: root for root in self.roots}
        stages = book.state().stages.items()
        wanted = {name for name, stage in stages if stage.value in here} | {LATEST}
        for name in sorted(wanted):
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
