"""One push into one store: what is there, what moves, what it is called in the end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from lading.errors import Conflict, InvalidInput, NotFound
from lading.operations.publishing.required import demand
from lading.ports import Absorber, Keeper
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.encoding import decode_object
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.plain import Fields, tables
from lading.spec.reference import Reference
from lading.spec.tags import LATEST
from lading.spec.version import Version, highest_release
from lading.transfer import Meter, OnProgress, Tally, copy, read, survey
from lading.transfer.absorb import Cargo, absorb

if TYPE_CHECKING:
    from lading.operations.publishing.described import Described
    from lading.operations.stores import AnyStore
    from lading.packing.plan import Plan
    from lading.packing.version import PackedVersion
    from lading.spec.digest import Digest

# Anybody may register a number, any number of times; who did first comes first.
_MOST_COMPARED: Final = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a push."""

    packed: PackedVersion
    tally: Tally
    status: Literal["created", "unchanged", "planned"]
    latest: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Publication:
    """One push into one store: what is there, what moves, what it is called in the end."""

    store: AnyStore
    place: Reference
    version: Version
    names: frozenset[str]
    jobs: int
    on_progress: OnProgress | None
    required: frozenset[str]

    def existing(self) -> Descriptor | None:
        """What the version's tag names already."""
        return self._resolved(self.version.tag) if self.version.tag in self.names else None

    def compared(self, cargo: Described, existing: Descriptor) -> Outcome:
        """The version that exists, if this is its content.

        Raises:
            Conflict: it is not.
        """
        packed = self._same(cargo, existing)
        if isinstance(self.store, Keeper):
            # A push that was killed at its very end may have left children without keep tags.
            self.store.keep(packed.manifests, self.names)
        latest = self._follow_latest()
        statuses = Tally()
        for layer in packed.layers:
            statuses.note(layer, "present")
        return Outcome(packed, statuses, "unchanged", latest, cargo.notes)

    def again(self, cargo: Described, former: Iterable[Digest]) -> PackedVersion | None:
        """What this number stood for before its tag went, if this is that very content.

        None where nothing is left to compare it with.

        Raises:
            Conflict: it is other content.
        """
        other: Conflict | None = None
        for digest in islice(former, _MOST_COMPARED):
            try:
                packed = self._same(cargo, self.store.resolve(digest))
            except Conflict as conflict:
                other = conflict
            except NotFound:
                continue
            else:
                if packed.root.digest == digest:
                    return packed
        if other:
            raise other
        return None

    def foreseen(self, given: Described, again: PackedVersion | None = None) -> Outcome:
        """What a push would do."""
        cargo = given if again else self._completed(given)
        packed = again or self._sealed(cargo)
        tally = Tally()
        for layer in packed.layers:
            if self.names and self.store.exists(layer):
                tally.note(layer, "present")
        highest = highest_release([*self.names, self.version.tag])
        latest = highest == self.version
        return Outcome(packed, tally, "planned", latest, cargo.notes)

    def published(self, given: Described) -> Outcome:
        """Move everything, name it, and make sure that nobody else was faster."""
        cargo = self._completed(given)
        meter = Meter(self.on_progress, sum(layer.view.size for layer in cargo.plan.layers))
        plan, absorbed = self._absorbed(cargo.plan, meter)
        cargo = replace(cargo, plan=plan)
        packed = self._sealed(cargo)
        return self._named(given, packed, meter, notes=cargo.notes, absorbed=absorbed)

    def restored(self, cargo: Described, packed: PackedVersion) -> Outcome:
        """Give what was removed its tag back; of its content only what is gone moves."""
        meter = Meter(self.on_progress, 0)
        again = f"{self.version} is there again: it was registered with this content before"
        return self._named(cargo, packed, meter, notes=(*cargo.notes, again))

    def _named(
        self,
        given: Described,
        packed: PackedVersion,
        meter: Meter,
        *,
        notes: tuple[str, ...],
        absorbed: tuple[Descriptor, ...] = (),
    ) -> Outcome:
        """Move what is missing and put the tag, if nobody else was faster."""
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
            return self._overtaken(given, packed, there)
        return Outcome(packed, tally, "created", latest, notes)

    def _same(self, cargo: Described, existing: Descriptor) -> PackedVersion:
        """The folder as the version that exists.

        Raises:
            Conflict: its content is another.
        """
        from lading.packing.artifact import recognise
        from lading.packing.version import reseal

        try:
            artifact = recognise(self.store, existing, str(self.place))
        except InvalidInput as other:
            raise self._taken(existing.digest, None, other.cause) from other
        if artifact.document is None:
            raise self._taken(existing.digest, None, "it was not pushed by Lading")
        plan = cargo.plan.hashed()
        known = read(self.store, artifact.document, limit=DOCUMENT_LIMIT)
        packed = reseal(plan, cargo.statement, known, layers=artifact.manifest.layers)
        if packed.model.digest != artifact.model.digest:
            differing = _differing(packed.document, known)
            raise self._taken(existing.digest, packed.root.digest, differing)
        demand(decode_object(packed.document, "the document"), self.required)
        return packed

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

    def _sealed(self, cargo: Described) -> PackedVersion:
        from lading.packing.version import seal

        return seal(cargo.plan, cargo.statement, created=_now())

    def _completed(self, given: Described) -> Described:
        """Everything found out; refused before a byte moves, where something required is not."""
        cargo = given.completed()
        demand(cargo.statement.document(_now()), self.required)
        return cargo

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

    def _overtaken(self, cargo: Described, packed: PackedVersion, there: Descriptor) -> Outcome:
        """Somebody else was faster: no harm where it was with the same content."""
        try:
            return self.compared(cargo, there)
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


def _differing(ours: bytes, theirs: bytes) -> str | None:
    """Which fields of two documents differ, and which files."""
    here, there = decode_object(ours, "the document"), decode_object(theirs, "the document")
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    files = [name for name in names if name == "files"]
    fields = [name for name in names if name != "files"]
    if files:
        fields.append(_differing_files(tables(here.get("files")), tables(there.get("files"))))
    return "it differs in " + ", ".join(fields) if fields else None


def _differing_files(ours: list[Fields], theirs: list[Fields]) -> str:
    here = {str(entry.get("path")): entry for entry in ours}
    there = {str(entry.get("path")): entry for entry in theirs}
    paths = sorted(path for path in {**here, **there} if here.get(path) != there.get(path))
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"files ({', '.join(paths[:3])}{more})"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
