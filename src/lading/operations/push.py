"""Push a folder or a file as a version."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.errors import Conflict, InvalidInput, NotFound
from lading.operations import stores
from lading.packing.artifact import DOCUMENT_TITLE
from lading.ports import Absorber, Keeper
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.identity import Identity
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.reference import Reference
from lading.spec.tags import LATEST
from lading.spec.version import Bump, Version, highest_release, next_version
from lading.transfer import Meter, OnProgress, Status, Tally, copy, read, survey
from lading.transfer.absorb import Cargo, absorb

if TYPE_CHECKING:
    from lading.packing.plan import Plan, PlannedLayer
    from lading.packing.version import PackedVersion
    from lading.settings import Settings
    from lading.stores.layout import LayoutStore
    from lading.stores.remote.registry import RemoteStore

    AnyStore = RemoteStore | LayoutStore


@dataclass(frozen=True, slots=True)
class PushedLayer:
    """One layer of the version, and what became of it."""

    digest: str
    title: str
    size: int
    files: int
    role: str
    status: Literal["sent", "present", "mounted", "planned"]


@dataclass(frozen=True, slots=True)
class PushResult:
    """The version that is there now, or would be."""

    reference: str
    version: str
    digest: str
    model_digest: str
    status: Literal["created", "unchanged", "planned"]
    size: int
    files: int
    sent: int
    layers: tuple[PushedLayer, ...]
    latest: bool


def push(
    path: str | Path,
    reference: str | Reference,
    *,
    bump: Bump | None = None,
    dry_run: bool = False,
    identity: Identity | None = None,
    follow_links: bool = False,
    file_hashes: bool | None = None,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> PushResult:
    """Make a version of a folder or a file, and give it its tag.

    The same content under a version that exists is no error and moves nothing.

    Raises:
        Conflict: the version exists with other content, or somebody else was faster.
        InvalidInput: the folder or the reference cannot be packed so.
    """
    from lading.packing.memory import DigestMemory
    from lading.packing.plan import plan as make_plan

    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    _check_reference(place, bump)
    plan = make_plan(
        Path(path),
        memory=DigestMemory(settings.cache / "digests.sqlite"),
        follow_links=follow_links,
        file_hashes=settings.file_hashes if file_hashes is None else file_hashes,
    )
    store = stores.open_store(place, settings, create=True)
    names = frozenset(store.names())
    version = _version(place, bump, names)
    who = replace(identity or Identity(), name=place.repository, version=str(version))
    publication = _Publication(
        store, place.with_tag(version.tag), version, names, jobs or settings.jobs, on_progress
    )
    existing = publication.existing()
    if existing is not None:
        return publication.compared(plan.hashed(), who, existing)
    if dry_run:
        return publication.foreseen(plan.hashed(), who)
    return publication.published(plan, who)


def _check_reference(place: Reference, bump: Bump | None) -> None:
    if place.digest:
        raise InvalidInput(
            "a push cannot name a digest", hint=f"lading push PATH {place.base}:VERSION"
        )
    if place.tag and bump:
        raise InvalidInput(
            "--bump chooses the version, but one is written too", cause=f":{place.tag}"
        )
    if not place.tag and not bump:
        raise InvalidInput(
            f"which version of {place.base}?",
            cause="neither a tag nor --bump is given",
            hint=f"lading push PATH {place.base}:1.0.0, or --bump patch (a first one is 0.1.0)",
        )


def _version(place: Reference, bump: Bump | None, names: frozenset[str]) -> Version:
    if place.tag:
        return Version.from_tag(place.tag) or Version.parse(place.tag)
    return next_version(list(names), bump or "patch")


@dataclass(frozen=True, slots=True)
class _Publication:
    """One push into one store: what is there, what moves, what it is called in the end."""

    store: AnyStore
    place: Reference
    version: Version
    names: frozenset[str]
    jobs: int
    on_progress: OnProgress | None

    def existing(self) -> Descriptor | None:
        """What the version's tag names already."""
        return self._resolved(self.version.tag) if self.version.tag in self.names else None

    def compared(self, plan: Plan, identity: Identity, existing: Descriptor) -> PushResult:
        """The version that exists, if this is its content.

        Raises:
            Conflict: it is not.
        """
        from lading.packing.artifact import recognise
        from lading.packing.version import reseal

        try:
            artifact = recognise(self.store, existing, str(self.place))
        except InvalidInput as other:
            raise self._taken(existing.digest, None, other.cause) from other
        if artifact.document is None:
            raise self._taken(existing.digest, None, "it was not pushed by Lading")
        packed = reseal(plan, identity, read(self.store, artifact.document, limit=DOCUMENT_LIMIT))
        if packed.model.digest != artifact.model.digest:
            raise self._taken(existing.digest, packed.root.digest, None)
        if isinstance(self.store, Keeper):
            # A push that was killed at its very end may have left children without keep tags.
            self.store.keep(packed.manifests, self.names)
        latest = self._follow_latest()
        statuses = Tally()
        for layer in packed.layers:
            statuses.note(layer, "present")
        return self._result(plan, packed, statuses, status="unchanged", latest=latest)

    def foreseen(self, plan: Plan, identity: Identity) -> PushResult:
        """What a push would do."""
        packed = self._sealed(plan, identity)
        tally = Tally()
        for layer in packed.layers:
            if self.names and self.store.exists(layer):
                tally.note(layer, "present")
        highest = highest_release([*self.names, self.version.tag])
        return self._result(plan, packed, tally, status="planned", latest=highest == self.version)

    def published(self, plan: Plan, identity: Identity) -> PushResult:
        """Move everything, name it, and make sure that nobody else was faster."""
        meter = Meter(self.on_progress, sum(layer.view.size for layer in plan.layers))
        plan, absorbed = self._absorbed(plan, meter)
        packed = self._sealed(plan.hashed(), identity)
        meter.expect(survey(packed, packed.root).size)
        tally = copy(
            packed,
            self.store,
            packed.root,
            jobs=self.jobs,
            meter=meter,
            already_sent=absorbed,
            leave_root=True,
        )
        latest = False
        began = time.monotonic()
        there = self._resolved(self.version.tag)
        if there is None:
            latest = self._tag(packed, began)
            there = self._resolved(self.version.tag)
        if there is None:
            raise self._taken("nothing", packed.root.digest, "somebody else removed it meanwhile")
        if there.digest != packed.root.digest:
            return self._overtaken(plan, identity, packed, there)
        return self._result(plan, packed, tally, status="created", latest=latest)

    def _absorbed(self, plan: Plan, meter: Meter) -> tuple[Plan, tuple[Descriptor, ...]]:
        """A cold push: what is not hashed yet is hashed while it travels."""
        unknown = [layer for layer in plan.layers if layer.digest is None and layer.single]
        # Where versions exist a HEAD may spare the upload, but that needs the digest first.
        if not unknown or self.names or not isinstance(self.store, Absorber):
            return plan, ()
        cargo = [Cargo(layer.title, layer.view) for layer in unknown]
        found = absorb(
            self.store,
            cargo,
            media_type=mediatypes.MODEL_LAYER,
            jobs=self.jobs,
            meter=meter,
            # Remembered at once: a push that is killed later does not send this layer again.
            on_found=lambda place, layer: plan.with_digest(unknown[place], layer.digest),
        )
        for layer, descriptor in zip(unknown, found, strict=True):
            if descriptor is not None:
                plan = plan.with_digest(layer, descriptor.digest)
        return plan, tuple(descriptor for descriptor in found if descriptor)

    def _sealed(self, plan: Plan, identity: Identity) -> PackedVersion:
        from lading.packing.version import seal

        return seal(plan, identity, created=_now())

    def _tag(self, packed: PackedVersion, began: float) -> bool:
        """Give the version its tag; says whether it is the latest.

        A registry has no transactions. So the tag was looked at just before, and this returns
        when every other push that saw it free at the same moment has had the time to finish.
        """
        self.store.push(packed.root, BytesContent(packed.index.raw), self.version.tag)
        named = time.monotonic()
        latest = self._follow_latest()
        time.sleep(max(0.0, named + 2 * (named - began) - time.monotonic()))
        return latest

    def _overtaken(
        self, plan: Plan, identity: Identity, packed: PackedVersion, there: Descriptor
    ) -> PushResult:
        """Somebody else was faster: no harm where it was with the same content."""
        try:
            return self.compared(plan.hashed(), identity, there)
        except Conflict as other:
            raise self._taken(
                there.digest, packed.root.digest, "somebody else pushed at the same moment"
            ) from other

    def _follow_latest(self) -> bool:
        """Point ``latest`` at the highest release, also when others do the same right now."""
        for _ in range(3):
            names = list(self.store.names())
            highest = highest_release(names)
            if highest is None:
                return False
            wanted = self.store.resolve(highest.tag)
            current = self._resolved(LATEST) if LATEST in names else None
            if current is not None and current.digest == wanted.digest:
                return highest == self.version
            self.store.push(wanted, BytesContent(read(self.store, wanted)), LATEST)
        return highest == self.version

    def _resolved(self, name: str) -> Descriptor | None:
        try:
            return self.store.resolve(name)
        except NotFound:
            return None

    def _taken(self, there: str, ours: str | None, cause: str | None) -> Conflict:
        digests = f"there: {there}" + (f", yours: {ours}" if ours else "")
        return Conflict(
            f"{self.place} exists with other content",
            cause=f"{cause} ({digests})" if cause else digests,
            hint="a version never changes: choose another, or let --bump patch choose it",
        )

    def _result(
        self,
        plan: Plan,
        packed: PackedVersion,
        tally: Tally,
        *,
        status: Literal["created", "unchanged", "planned"],
        latest: bool,
    ) -> PushResult:
        layers = tuple(_layers(plan.layers, packed.layers, tally))
        return PushResult(
            reference=str(self.place),
            version=str(self.version),
            digest=packed.root.digest,
            model_digest=packed.model.digest,
            status=status,
            size=sum(member.size for layer in plan.layers for member in layer.members),
            files=sum(len(layer.members) for layer in plan.layers),
            sent=sum(layer.size for layer in layers if layer.status in ("sent", "planned")),
            layers=layers,
            latest=latest,
        )


def _layers(
    planned: Iterable[PlannedLayer], layers: Iterable[Descriptor], tally: Tally
) -> Iterable[PushedLayer]:
    # The document's layer comes last and was never planned.
    details = [(layer.title, str(layer.role), len(layer.members)) for layer in planned]
    details.append((DOCUMENT_TITLE, "document", 1))
    for layer, (title, role, files) in zip(layers, details, strict=True):
        status: Status | Literal["planned"] = tally.statuses.get(layer.digest, "planned")
        yield PushedLayer(layer.digest, title, layer.size, files, role, status)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
