"""Which version is deployed: what a stage names, or one by its own name; and whether it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lading.errors import InvalidInput, LadingError, NotFound, Unavailable, Unsupported
from lading.operations import stores
from lading.operations.deploying.allowed import allowed, told, unasked
from lading.operations.deploying.meant import demand_no_folder, instead_of_deploy
from lading.operations.deploying.unfilled import unfilled
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
        InvalidInput: a stage and a version are named at once, or there is no such stage; or a
            folder is named.
        Unsupported: it is on this machine only.
    """
    demand_no_folder(reference, settings, instead_of_deploy)
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
        Unavailable: the registry does not answer, and no mirror has the stage.
    """
    stage = place.tag or ""
    try:
        now = agreed(store, place, stores.resolve(store, place), settings)
    except NotFound as error:
        raise _empty(store, place, error.what) from error
    except Unavailable as error:
        _say_what_a_mirror_lacks(store, place, error)
        raise
    members = now.stage.members if now.stage else ()
    if not members and not settings.unchecked:
        raise _empty(store, place, "no event names a version")
    what = subject_at(store, place, now.root)
    event = members[-1].event if members else None
    if now.read is None:
        return Version(what, stage, event, tuple(unasked(now.listed, stage, what)))
    asked = allowed(now.read, stage, what, shown=_shown(what))
    return Version(what, stage, event, (*now.read.logbook.notes, *asked.notes))


def _empty(store: AnyStore, place: Reference, cause: str) -> NotFound:
    said = unfilled(store, place, place.tag or "")
    return NotFound(
        f"{place.base} has nothing in {place.tag}", cause=said.note or cause, hint=said.fills
    )


def _say_what_a_mirror_lacks(store: AnyStore, place: Reference, error: Unavailable) -> None:
    """Of a registry that does not answer: that its mirror has no such stage, and what brings it.

    That a tag is not there no mirror is believed, since the registry may have it.
    """
    try:
        is_there = place.tag in set(store.names())
    except LadingError:
        return  # then no mirror answers either
    said = unfilled(store, place, place.tag or "")
    if is_there or said.note is None:
        return
    raise Unavailable(
        f"what {place.tag} of {place.base} names is not known", cause=said.note, hint=said.fills
    ) from error


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
