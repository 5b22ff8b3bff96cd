"""Throw away versions that nobody needs, and what is left over; by plan first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.garbage.delete import Deletion, Status
from lading.operations.garbage.facts import Facts
from lading.operations.garbage.look import Look
from lading.operations.garbage.parents import Parents
from lading.operations.garbage.plan import Plan, Wish, judged, plan
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.missing import demand_begun
from lading.spec.duration import seconds_of
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings

GRACE: Final = "1h"
DEPLOYED_WITHIN: Final = "90d"
# Why a version stays that nothing else holds.
UNASKED: Final = "nothing holds it, and nobody asks for it to go"
# Why one stays that is not what somebody asked for.
UNMEANT: Final = "not all of this is so"


@dataclass(frozen=True, slots=True)
class CollectedVersion:
    """A version that was considered, and why it goes or stays; ``frees`` is bytes.

    Where nothing was said of versions, or nothing that is so of any, each is here with all that
    would hold it.
    """

    version: str
    digest: str
    pushed: str | None
    status: Status
    because: tuple[str, ...]
    frees: int


@dataclass(frozen=True, slots=True)
class CollectedLeftover:
    """Something that belongs to nothing any more; it has a ``tag``, or only a digest."""

    kind: str
    tag: str | None
    digest: str
    status: Status
    because: tuple[str, ...]
    frees: int


@dataclass(frozen=True, slots=True)
class GcResult:
    """What would go and what would stay, or did; ``frees`` is bytes, as far as can be told.

    What other repositories of a registry share is freed when they let go of it, too.
    """

    reference: str
    deleted: bool
    versions: tuple[CollectedVersion, ...]
    leftovers: tuple[CollectedLeftover, ...]
    frees: int
    notes: tuple[str, ...]


def gc(
    model: str | Reference,
    *,
    keep_last: int | None = None,
    older_than: str | None = None,
    prereleases: bool = False,
    deprecated: bool = False,
    also: Iterable[str | Reference] = (),
    deployed_within: str = DEPLOYED_WITHIN,
    grace: str = GRACE,
    delete: bool = False,
    settings: Settings | None = None,
) -> GcResult:
    """Plan what may go; with ``delete``, remove it.

    Considered are versions that are ``older_than`` a stretch of time, ``prereleases``,
    ``deprecated``, but for the ``keep_last`` highest of them: all that is said must hold. Leftovers
    always are; where nothing is said of versions they are all that is meant, and every version is
    told with what would hold it. Never removed is what a stage or another tag names, what a
    protected stage ever named, what a version that stays was made from (here, in ``also`` and in
    the repositories of the settings), what somebody asked for, what was deployed (last to its
    place, or ``deployed_within``), the highest release, and what is younger than ``grace``. Events
    are never removed. Interrupted, it is run again. Where no version is meant at all, every one is
    told, too.

    Raises:
        InvalidInput: a version is named, or a number or a stretch of time is none.
        NotFound: there is no such model.
        Unsupported: this registry can delete nothing.
    """
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(f"gc takes a model, not {place}", hint=f"lading remove {place}")
    wish = _wish(keep_last, older_than, prereleases=prereleases, deprecated=deprecated)
    logbook = open_logbook(place, settings)
    others = _others(logbook, also, settings)
    look = Look(logbook, _stretch(grace), _stretch(deployed_within), Parents(logbook, others))
    facts = look.facts(leftovers=True)
    demand_begun(logbook.store, place, settings, facts.tags)
    made = plan(facts, wish)
    deletion = Deletion(look, facts, made)
    if delete:
        deletion.run()
    return GcResult(
        reference=place.base,
        deleted=delete,
        versions=tuple(
            _versions(made, wish, deletion) if made.versions else _untouched(facts, wish)
        ),
        leftovers=tuple(_leftovers(made, deletion)),
        frees=deletion.frees,
        notes=tuple(dict.fromkeys((*logbook.notes, *deletion.notes))),
    )


def _wish(
    keep_last: int | None, older_than: str | None, *, prereleases: bool, deprecated: bool
) -> Wish:
    if keep_last is not None and keep_last < 0:
        raise InvalidInput(f"{keep_last} versions cannot be kept", hint="--keep-last 5")
    return Wish(
        keep_last=keep_last,
        older_than=_stretch(older_than) if older_than else None,
        prereleases=prereleases,
        deprecated=deprecated,
    )


def _stretch(text: str) -> timedelta:
    return timedelta(seconds=0 if text == "0s" else seconds_of(text))


def _others(
    logbook: Logbook, also: Iterable[str | Reference], settings: Settings
) -> tuple[Reference, ...]:
    """The other repositories whose versions may have been made from one of this."""
    named = [stores.locate(each, settings) for each in (*also, *sorted(settings.repositories))]
    if strange := next((place for place in named if place.name), None):
        raise InvalidInput(f"{strange} is no repository", hint=f"write {strange.base}")
    unique = {place.base: place for place in named if place.base != logbook.place.base}
    return tuple(unique.values())


def _untouched(facts: Facts, wish: Wish) -> Iterator[CollectedVersion]:
    """All versions, none of which anybody wants to be rid of."""
    unmeant = () if wish.is_empty else (f"{UNMEANT}: {wish}",)
    for verdict in judged(facts, facts.versions):
        yield CollectedVersion(
            version=str(verdict.version.version),
            digest=verdict.version.digest,
            pushed=_stamp(verdict.version.pushed),
            status="stays",
            because=(*unmeant, *verdict.stays) or (UNASKED,),
            frees=0,
        )


def _stamp(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _versions(made: Plan, wish: Wish, deletion: Deletion) -> Iterator[CollectedVersion]:
    for verdict in made.versions:
        version = verdict.version
        status, why = deletion.of_version(verdict)
        yield CollectedVersion(
            version=str(version.version),
            digest=version.digest,
            pushed=_stamp(version.pushed),
            status=status,
            because=why or (str(wish),),
            frees=verdict.frees if status in ("goes", "removed") else 0,
        )


def _leftovers(made: Plan, deletion: Deletion) -> Iterator[CollectedLeftover]:
    for leftover in made.leftovers:
        status, why = deletion.of_leftover(leftover)
        yield CollectedLeftover(
            kind=leftover.kind,
            tag=leftover.tag,
            digest=leftover.digest,
            status=status,
            because=why or ("it belongs to nothing that is there",),
            frees=leftover.frees if status in ("goes", "removed") else 0,
        )
