"""Which version is deployed: what a stage names, or one by its own name; and whether it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.operations import stores
from lading.operations.deploying.allowed import allowed, told, unasked
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.lifecycle.stages import Read, agreed, is_stage
from lading.operations.lifecycle.subject import Subject, subject, subject_at
from lading.operations.missing import demand_begun_after
from lading.spec.digest import Digest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings


class Version(NamedTuple):
    """A version, the stage and the event that name it, and what should be known of it."""

    what: Subject
    stage: str | None
    event: Digest | None
    notes: tuple[str, ...]


def located(reference: str | Reference, stage: str | None, settings: Settings) -> Reference:
    """Where a version is, under its own name or a stage's.

    Raises:
        InvalidInput: a stage and a version are named at once, or there is no such stage.
        Unsupported: it is on this machine only.
    """
    place = stores.locate(reference, settings)
    if not place.host:
        raise Unsupported(
            f"{place.base} is on this machine, where no cluster can pull from",
            hint=f"lading copy {place} HOST/{place.repository}, and deploy it from there",
        )
    if stage is None:
        return stores.with_name(place)
    if place.name:
        raise InvalidInput(
            "a version and a stage are named at once",
            cause=f"{place}, and --stage {stage}",
            hint=f"{place.base} --stage {stage}",
        )
    load_policy(settings).rules(place.repository, stage, called=place.base)
    return place.with_tag(stage)


def version(
    store: AnyStore, place: Reference, settings: Settings, *, follows: str | None = None
) -> Version:
    """The version of a place, as it is now; ``follows`` is the stage that it is to stand for.

    Raises:
        NotFound: the stage is empty, or there is no such version, or no such repository.
        IntegrityError: the stage's tag is not what the ledger says.
        PolicyRefused: the stage is protected, and may not have it.
    """
    try:
        if place.digest is None and is_stage(place, settings):
            return _in_stage(store, place, settings)
        return _by_name(store, place, settings, follows)
    except NotFound:
        demand_begun_after(store, place, settings)
        raise


def _in_stage(store: AnyStore, place: Reference, settings: Settings) -> Version:
    """What a stage names: tag, event and policy in one look, in which they agree.

    Raises:
        NotFound: the stage is empty.
        PolicyRefused: it is protected, and may not have what it names any more.
    """
    stage = place.tag or ""
    try:
        now = agreed(store, place, stores.resolve(store, place), settings)
    except NotFound as error:
        raise _empty(place, error.what) from error
    members = now.stage.members if now.stage else ()
    if not members and not settings.unchecked:
        raise _empty(place, "no event ever moved it")
    what = subject_at(store, place, now.root)
    event = members[-1].event if members else None
    if now.read is None:
        return Version(what, stage, event, tuple(unasked(now.listed, stage)))
    asked = allowed(now.read, stage, what, shown=_shown(what))
    return Version(what, stage, event, (*now.read.logbook.notes, *asked.notes))


def _empty(place: Reference, cause: str) -> NotFound:
    return NotFound(
        f"{place.base} has nothing in {place.tag}",
        cause=cause,
        hint=f"lading promote {place.base}:VERSION {place.tag}",
    )


def _by_name(store: AnyStore, place: Reference, settings: Settings, follows: str | None) -> Version:
    """A version by its own name; the stage that it is to stand for has to allow it.

    Raises:
        PolicyRefused: that stage is protected, and may not have it.
    """
    what = subject(store, place, settings)
    logbook = open_logbook(place, settings, store=store)
    if follows not in logbook.protected:
        return Version(what, None, None, tuple(told(store, what)))
    read = Read(logbook, *logbook.read(whole=True))
    asked = allowed(read, follows, what, shown=_shown(what))
    return Version(what, None, None, (*logbook.notes, *asked.notes))


def _shown(what: Subject) -> str:
    return f"{what.place}@{what.digest}"
