"""Put what is in a bundle into a registry, or into the local store; digests stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.bundling.documents import asked_elsewhere
from lading.operations.carrying.version import settle_in
from lading.operations.copying.ledger import name_highest
from lading.operations.copying.shipment import CopiedTag, Shipment, each_once
from lading.operations.copying.whole_repository import copy_all, is_plain
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.numbers import Numbers
from lading.operations.lifecycle.own_version import demand_own_version
from lading.spec.manifest import parse
from lading.spec.own_version import stated_version
from lading.spec.reference import Reference
from lading.spec.tags import image_of
from lading.spec.version import Version
from lading.stores.bundle import Archive, BundleStore, open_archive
from lading.transfer import OnProgress, Tally, read

if TYPE_CHECKING:
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class UnbundledName:
    """Something that has a name at the destination; ``unchanged`` where it had it before."""

    reference: str
    digest: str
    unchanged: bool


@dataclass(frozen=True, slots=True)
class UnbundleResult:
    """What was put where; the sizes are bytes."""

    file: str
    destination: str
    names: tuple[UnbundledName, ...]
    sent: int
    mounted: int
    present: int
    # With stages: so many events were not known there before.
    events: int = 0
    notes: tuple[str, ...] = ()


def unbundle(
    file: str | Path,
    destination: str | None = None,
    *,
    stages: bool = False,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> UnbundleResult:
    """Put everything of a bundle below a registry, or a part of one: ``HOST[/PREFIX]``.

    Versions come with their evidence and images, are registered there, and carry what was said of
    them where they were. With ``stages`` the ledger itself comes: where there is one, both are one
    afterwards, and stages name what follows. Run again it goes on where it was, and changes nothing
    that is done. Without a destination: where names without a host live.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no bundle, or does not say which repository its content is of.
        IntegrityError: content in it is not what its digest says; or it is damaged, or refused.
        Conflict: a version exists there with other content, or did and was removed; nothing was
            put anywhere. With stages, also: a protected one would be in dispute.
    """
    settings = stores.settled(settings)
    archive = open_archive(Path(file))
    under = _destination(destination)
    tally = Tally()
    beside: dict[Digest, AnyStore] = {}
    unloading = [
        _opened(
            archive,
            name,
            under,
            settings,
            jobs=jobs,
            on_progress=on_progress,
            tally=tally,
            beside=beside,
        )
        for name in sorted(archive.repositories)
    ]
    for each in unloading:
        each.demand()
    for each in unloading:
        each.all() if stages else each.each()
    return UnbundleResult(
        file=str(file),
        destination=destination or settings.registry or "this machine",
        names=tuple(name for each in unloading for name in each.names()),
        sent=tally.bytes("sent"),
        mounted=tally.bytes("mounted"),
        present=tally.bytes("present"),
        events=sum(each.events for each in unloading),
        notes=tuple(
            dict.fromkeys(
                (
                    *(note for each in unloading for note in each.notes),
                    *_asked(archive, under, settings),
                )
            )
        ),
    )


def _asked(archive: Archive, under: Reference, settings: Settings) -> tuple[str, ...]:
    """What to say of documents that name where things were."""
    within = stores.locate(replace(under, repository=f"{under.repository}/x".lstrip("/")), settings)
    site = within.base.removesuffix("/x") if within.host else None
    return asked_elsewhere(archive, site)


def _destination(text: str | None) -> Reference:
    """A reference of which only the host and what the repository's name begins with are meant.

    Raises:
        InvalidInput: it is neither a host nor the beginning of a name.
    """
    if text is None:
        return Reference("")
    if text.startswith("oci:"):
        raise InvalidInput(
            f"{text[:200]} is a folder",
            cause="a bundle goes into a registry, or into the local store",
            hint="tar -xf FILE -C FOLDER makes the layout that oci:FOLDER reads",
        )
    try:
        parsed = Reference.parse(f"{text.rstrip('/')}/x")
    except InvalidInput as error:
        raise InvalidInput(
            f"not a registry: {text[:200]!r}",
            cause=error.cause,
            hint="write HOST or HOST/PREFIX, for example registry.example.com/mirror",
        ) from error
    return Reference(parsed.repository.removesuffix("x").rstrip("/"), host=parsed.host)


def _opened(
    archive: Archive,
    repository: str,
    under: Reference,
    settings: Settings,
    *,
    jobs: int | None,
    on_progress: OnProgress | None,
    tally: Tally,
    beside: dict[Digest, AnyStore],
) -> _Unloading:
    name = "/".join(filter(None, (under.repository, repository)))
    if not name:
        raise InvalidInput(
            f"{archive} does not say which repository its content is of",
            cause="another tool wrote it, with a tag alone",
            hint=f"lading unbundle {archive} HOST/NAME",
        )
    written = f"{under.host}/{name}" if under.host else name
    place = stores.locate(Reference.parse(written), settings)
    source = BundleStore(archive, repository)
    inside = f"{archive}/{repository}".rstrip("/")
    origin = Reference(repository or name, layout=inside)
    to = open_logbook(place, settings, store=stores.open_store(place, settings, create=True))
    shipment = Shipment(
        source,
        to.store,
        place,
        Numbers(to),
        jobs or settings.jobs,
        True,
        on_progress,
        beside=beside,
        tally=tally,
    )
    return _Unloading(source, origin, shipment, to)


@dataclass(slots=True)
class _Unloading:
    """One repository on its way out of the file."""

    source: BundleStore
    origin: Reference
    shipment: Shipment
    to: Logbook
    events: int = 0
    notes: list[str] = field(default_factory=list)

    def demand(self) -> None:
        """Refuse before anything is put anywhere.

        Raises:
            Conflict: a version exists there with other content.
            IntegrityError: a version's tag names another version.
        """
        for name, root in self._versions().items():
            if not self.to.settings.unchecked:
                demand_own_version(self.source, self.origin.with_tag(name), root)
            self.shipment.refuse_to_move(name, root.digest)

    def all(self) -> None:
        """Everything, the ledger included."""
        if not list(self.source.names()):
            self._untagged()
            return
        came = copy_all(self.shipment, self.source, self.origin, self.to.settings)
        self.events = came.events
        self.notes += came.notes
        self._untagged()

    def each(self) -> None:
        """Versions and other names, with what was said of them; no stage moves."""
        origin = open_logbook(self.origin, self.to.settings, store=self.source)
        book, state = origin.read(whole=True)
        versions = self._versions()
        for name, root in versions.items():
            self.shipment.one(root, name)
            if self._is_model(root):
                settle_in(origin, book, self.to, self.to.place.with_tag(name))
        moved = set(state.stages) | set(self.to.stages) | set(self.to.read()[1].stages)
        done = {copied.tag for copied in self.shipment.copied}
        names = set(self.source.names())
        for name in sorted(filter(is_plain, names - done)):
            root = self.source.resolve(name)
            if name not in moved:
                self._other(name, root)
            elif self._there(name) != root.digest:
                self.notes.append(
                    f"the stage {name} was left as it is: lading promote"
                    f" {self.to.place.with_digest(root.digest)} {name}, or --stages brings"
                    " the ledger"
                )
        self._untagged()
        name_highest(self.to.store, names)
        self.notes += [*origin.notes, *self.to.notes]

    def names(self) -> list[UnbundledName]:
        """What has a name there now."""
        return [
            UnbundledName(_shown(self.to.place, copied), copied.digest, copied.unchanged)
            for copied in each_once(self.shipment.copied)
        ]

    def _versions(self) -> dict[str, Descriptor]:
        names = sorted(name for name in self.source.names() if Version.from_tag(name))
        return {name: self.source.resolve(name) for name in names}

    def _other(self, name: str, root: Descriptor) -> None:
        """A name that may move, and an image's; what it named there before is said."""
        there = self._there(name)
        if there not in (None, root.digest) and image_of(name):
            self.notes.append(f"{name} was left as it is: another image has that name there")
            return
        self.shipment.one(root, name, there=there)
        if there not in (None, root.digest):
            self.notes.append(f"{name} named {there} in {self.to.place.base} before")

    def _untagged(self) -> None:
        """What was bundled by digest; evidence comes with what it is about."""
        known = {copied.digest for copied in self.shipment.copied}
        for root in self.source.untagged():
            if root.digest in known:
                continue
            if parse(read(self.source, root), root.media_type).subject is None:
                self.shipment.one(root, None)

    def _is_model(self, root: Descriptor) -> bool:
        manifest = parse(read(self.source, root), root.media_type)
        return stated_version(manifest.annotations) is not None

    def _there(self, name: str) -> Digest | None:
        try:
            return self.to.store.resolve(name).digest
        except NotFound:
            return None


def _shown(place: Reference, copied: CopiedTag) -> str:
    return str(place.with_tag(copied.tag)) if copied.tag else place.base
