"""One event: what happened last to a version or a stage, and how pipelines are told."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.lifecycle.own_version import warn_of_other_version
from lading.operations.lifecycle.registration import registered_by
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.reference import Reference
from lading.spec.tags import LATEST, event_of
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.ledger.fold import State
    from lading.operations.lifecycle.logbook import Logbook
    from lading.ports import Store
    from lading.settings import Settings

_log = logging.getLogger(__name__)

# What a pipeline is told by ``--github-output``, in this order.
OUTPUTS = ("kind", "version", "stage", "digest", "reference", "event")
_VARIABLES = ("kind", "repository", "version", "stage", "digest", "seq", "event", "reference")


@dataclass(frozen=True, slots=True)
class EventResult:
    """An event, as ``event show`` answers it, ``watch`` prints it and webhooks carry it.

    It is known by ``repository``, ``seq`` and ``event`` together.
    """

    # Where it was read, and the version that it is about, by digest: to be pulled as it is.
    repository: str
    reference: str
    kind: str
    version: str | None
    stage: str | None
    digest: str
    model: str | None
    # What the stage named before.
    previous: str | None
    seq: int
    # The digest of the event itself, and of those it was written after.
    event: str
    parents: tuple[str, ...]
    # Claimed, unless there is a signer.
    actor: str
    signer: str | None
    time: str
    reason: str | None
    expires: str | None
    shared: bool
    protected: bool
    policy: str | None
    evidence: tuple[str, ...]
    where: str | None
    metrics: dict[str, float]
    window: tuple[str, ...] | None

    def variables(self) -> dict[str, str]:
        """What programs are told by their environment; text on one line, nothing as nothing."""
        return {name: _one_line(getattr(self, name)) for name in _VARIABLES}

    def outputs(self) -> dict[str, str]:
        """What pipelines are told."""
        return {name: _one_line(getattr(self, name)) for name in OUTPUTS}


def described(place: Reference, recorded: Recorded) -> EventResult:
    """An event that was read in a place."""
    event = recorded.event
    return EventResult(
        repository=place.base,
        reference=f"{place.base}@{event.digest}",
        kind=event.kind,
        version=event.version,
        stage=event.stage,
        digest=event.digest,
        model=event.model,
        previous=event.previous,
        seq=event.seq,
        event=recorded.digest,
        parents=event.parents,
        actor=event.actor,
        signer=recorded.signer,
        time=event.time,
        reason=event.reason,
        expires=event.expires,
        shared=event.shared,
        protected=event.protected,
        policy=event.policy,
        evidence=event.evidence,
        where=event.where,
        metrics=dict(event.metrics),
        window=event.window,
    )


def event_show(reference: str | Reference, *, settings: Settings | None = None) -> EventResult:
    """The newest event about a version; the move that made a stage what it is; or that very event.

    A stage is asked for moves alone: what was only requested for it must not be deployed.

    Raises:
        InvalidInput: the reference names nothing in particular.
        NotFound: there is nothing of that name, or nothing happened to it.
        IntegrityError: the event is not what its name says.
    """
    from lading.operations.lifecycle.logbook import open_logbook

    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    if not place.name:
        raise InvalidInput(
            f"which event of {place.base}?",
            hint=f"{place.base}:prod, {place.base}:1.2.0, or {place.base}@DIGEST",
        )
    logbook = open_logbook(place, settings)
    store = logbook.store
    if place.digest is None and event_of(str(place.tag)):
        return described(place, read_event(store, str(place.tag)))
    if place.digest is not None and (found := _as_event(store, place.digest)):
        return described(place, found)
    digest = _newest(logbook, place)
    return described(place, read_event(store, digest))


def read_event(store: Store, name: str) -> Recorded:
    """An event by its tag or digest, verified.

    Raises:
        NotFound: there is none of that name.
        InvalidInput: it is no event.
        IntegrityError: it is not what its name says.
    """
    from lading.ledger.artifact import demand_own_tag, unseal
    from lading.transfer import read

    descriptor = store.resolve(name)
    recorded = unseal(store, descriptor, read(store, descriptor))
    if event_of(name):
        demand_own_tag(recorded, name)
    return recorded


def _as_event(store: Store, digest: Digest) -> Recorded | None:
    """The event that a digest names; None where it names something else."""
    try:
        return read_event(store, digest)
    except InvalidInput:
        return None


def _newest(logbook: Logbook, place: Reference) -> Digest:
    """The digest of the event that tells what a version or a stage is now."""
    stage = _stage_name(place)
    book, state = logbook.read(whole=stage in logbook.protected)
    for note in logbook.notes:
        _log.warning("%s", note)
    if stage and (moved := _moved(logbook.store, state, stage)):
        return moved
    root = stores.resolve(logbook.store, place)
    warn_of_other_version(logbook.store, place, root)
    digest = root.digest
    while True:
        about = [line for line in book.lines.values() if line.subject == digest]
        if about:
            return max(about, key=lambda line: line.order).digest
        if book.whole:
            raise NotFound(
                f"nothing is recorded about {place}",
                cause="it was copied, pushed by another tool, or before there was a ledger",
                hint=registered_by(logbook.store, place),
            )
        book, _ = logbook.read(whole=True, names=book.names)


def _stage_name(place: Reference) -> str | None:
    tag = place.tag
    named = place.digest is None and tag not in (None, LATEST)
    return tag if named and Version.from_tag(str(tag)) is None else None


def _moved(store: Store, state: State, name: str) -> Digest | None:
    stage = state.stage(name)
    try:
        shown: Digest | None = store.resolve(name).digest
    except NotFound:
        shown = None
    if stage.moved and shown != stage.value:
        _log.warning(
            "DRIFT: the tag %s names %s, the ledger says %s; lading ledger repair",
            *(name, shown or "nothing", stage.value or "nothing"),
        )
    return stage.members[-1].event if stage.members else stage.moved


def _one_line(value: object) -> str:
    """Text that no line break, NUL or half of a character can get out of."""
    if value is None:
        return ""
    return "".join(char if char.isprintable() else "?" for char in str(value))
