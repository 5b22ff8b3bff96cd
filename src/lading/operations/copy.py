"""Copy a version, or a whole repository, between any two places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lading.errors import Conflict, InvalidInput
from lading.operations import stores
from lading.operations.copying.shipment import CopiedTag, Shipment, each_once
from lading.operations.lifecycle.stages import checked, is_stage
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import parse
from lading.spec.own_version import other_version, stated_version
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.transfer import OnProgress, read

if TYPE_CHECKING:
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class CopiedStage:
    """A stage of the destination that names another version now: its ledger says so."""

    stage: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What was copied; the sizes are bytes.

    With a whole repository come ``events``: so many of its ledger were not known there before.
    """

    source: str
    destination: str
    copied: tuple[CopiedTag, ...]
    sent: int
    mounted: int
    present: int
    events: int = 0
    stages: tuple[CopiedStage, ...] = ()
    notes: tuple[str, ...] = ()


def copy(
    source: str | Reference,
    destination: str | Reference,
    *,
    referrers: bool = False,
    all_versions: bool = False,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> CopyResult:
    """Copy; the digest never changes.

    With ``referrers`` its evidence comes along; with ``all_versions`` everything of the
    repository does, its ledger included: where the destination has one of its own, both are one
    afterwards, and stages name what follows from that.

    Raises:
        NotFound: the source is not there.
        IntegrityError: a stage is named whose tag is not what the ledger says, or a version, here
            or among all, whose tag names another version.
        InvalidInput: the destination's tag is the number of another version.
        Conflict: the destination's version exists with other content, or did and was removed; a
            stage is named that is protected, or that its ledger says names another version; or
            both ledgers dispute what a protected stage names.
    """
    settings = stores.settled(settings)
    from_place = stores.locate(source, settings)
    to_place = stores.locate(destination, settings)
    if all_versions and (from_place.name or to_place.name):
        raise InvalidInput("--all copies a repository: leave out tags and digests")
    if to_place.digest:
        raise InvalidInput("a copy cannot name the destination's digest", hint="name a tag")
    from_store = stores.open_store(from_place, settings)
    to_store = stores.open_store(to_place, settings, create=True)
    from lading.operations.lifecycle.logbook import open_logbook
    from lading.operations.lifecycle.numbers import Numbers

    logbook = open_logbook(to_place, settings, store=to_store)
    shipment = Shipment(
        from_store,
        to_store,
        to_place,
        Numbers(logbook),
        jobs or settings.jobs,
        referrers or all_versions,
        on_progress,
    )
    if all_versions:
        from lading.operations.copying.whole_repository import copy_all

        came = copy_all(shipment, from_store, from_place, settings)
        events, moved, notes = came.events, came.moved, came.notes
    else:
        events, moved = 0, ()
        root = stores.resolve(from_store, from_place)
        root = checked(from_store, from_place, root, settings)
        tag = to_place.tag or from_place.tag or _own_tag(from_store, from_place, root)
        if not settings.unchecked:
            _refuse_other_number(from_store, from_place, root, tag)
        _refuse_stage(from_place, logbook, replace(to_place, tag=tag), root)
        shipment.one(root, tag)
        notes = tuple(logbook.notes)
    return CopyResult(
        source=str(from_place),
        destination=str(to_place),
        copied=each_once(shipment.copied),
        sent=shipment.tally.bytes("sent"),
        mounted=shipment.tally.bytes("mounted"),
        present=shipment.tally.bytes("present"),
        events=events,
        stages=tuple(CopiedStage(move.stage, move.before, move.after) for move in moved),
        notes=notes,
    )


def _refuse_other_number(
    store: AnyStore, place: Reference, root: Descriptor, tag: str | None
) -> None:
    """A version says which it is: nobody could pull it under the number of another one."""
    if not root.is_index or Version.from_tag(tag or "") is None:
        return
    if said := other_version(tag, parse(read(store, root), root.media_type).annotations):
        raise InvalidInput(
            f"{place} is version {said}, and cannot be called {tag}",
            hint=f"copy it as {said.tag}, or under a name that is no version",
        )


def _refuse_stage(source: Reference, logbook: Logbook, own: Reference, root: Descriptor) -> None:
    """A stage that is protected, or has a history, moves by an event that says who moved it."""
    if not is_stage(own, logbook.settings):
        return
    book, state = logbook.read_for(own.tag or "")
    name = own.tag or ""
    stage = state.stage(name)
    moves_by_events = name in logbook.protected or not (book.is_empty or stage.moved is None)
    if not moves_by_events or stage.value == root.digest:
        return
    raise Conflict(
        f"{own.tag} is a stage of {own.base}, and stages move by promotion",
        cause=f"its ledger says that it names {stage.value or 'nothing'}",
        hint=f"lading promote {source} {own.base} --stage {own.tag}",
    )


def _own_tag(store: AnyStore, place: Reference, root: Descriptor) -> str | None:
    """The version's own tag, where only the model was named; none for what was named by digest."""
    if place.digest:
        return None
    version = stated_version(parse(read(store, root), root.media_type).annotations)
    if version is None:
        raise InvalidInput(
            f"under which name is {place.base} to be copied?",
            cause="it does not say which version it is",
            hint="give the source or the destination a tag",
        )
    return version.tag
