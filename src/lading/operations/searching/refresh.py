"""Bring what the catalogue knows of repositories up to date, asking only for what changed.

One request for each repository where nothing did: its tags. Versions never move, and everything
else that a search shows of a repository follows from its events, each of which has a tag of its
own. So the same tags are the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from lading.catalogue.state import (
    KnownRepository,
    Names,
    ReadVersion,
    RepositoryState,
    StagesKnown,
)
from lading.errors import LadingError, NotFound, Unavailable
from lading.operations.lifecycle.policy_file import policy_mark
from lading.operations.searching.changed import Change, Wanted
from lading.operations.searching.hosts import Hosts
from lading.operations.searching.searched import full_name

if TYPE_CHECKING:
    from lading.catalogue.catalogue import Catalogue
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference


# What is read between two commits: an interrupted search goes on where it was.
_BATCH: Final = 256
_EVERYTHING_NEW: Final[frozenset[str]] = frozenset()

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Looked:
    """A repository as it is now; or was, where it could not be asked."""

    place: Reference
    repository: KnownRepository
    stale: bool = False
    # How many versions there are that were not wanted, and not read.
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Every repository of which something is known, and what a person should know of the rest."""

    repositories: tuple[Looked, ...]
    notes: tuple[str, ...]


def refresh(
    catalogue: Catalogue,
    places: Iterable[Reference],
    settings: Settings,
    *,
    anew: bool = False,
    wanted: Wanted | None = None,
) -> Refreshed:
    """Look at some repositories; ``anew`` believes nothing that was known of them.

    Versions that are not ``wanted`` are not read where they are not known already. A repository
    that cannot be read is what it was when it last could, with a note.

    Raises:
        LadingError: the policy is wrong; or the first reason, where no repository can be read and
            nothing is known of any.
    """
    work = _Refresh(catalogue, tuple(places), settings, anew, wanted)
    with ThreadPoolExecutor(settings.jobs, thread_name_prefix="lading") as pool:
        try:
            return work.run(pool)
        finally:
            pool.shutdown(cancel_futures=True)
            work.close()


class _Refresh:
    """One look at several repositories."""

    def __init__(
        self,
        catalogue: Catalogue,
        places: tuple[Reference, ...],
        settings: Settings,
        anew: bool,
        wanted: Wanted | None,
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._places = {full_name(place, settings): place for place in places}
        self._anew = anew
        self._wanted = wanted
        # Another policy may let other moves count.
        self._rules = policy_mark(settings)
        self._found: dict[str, Looked] = {}
        self._notes: list[str] = []
        self._first_failure: LadingError | None = None
        self._hosts = Hosts(settings)

    def run(self, pool: ThreadPoolExecutor) -> Refreshed:
        """Look at all of them."""
        known = self._catalogue.known(self._places)
        changes: list[Change] = []
        for change in self._changes(pool, known):
            changes.append(change)
            if sum(len(each.unread) for each in changes) >= _BATCH:
                self._read(pool, changes)
                changes = []
        self._read(pool, changes)
        if self._first_failure and not self._found:
            raise self._first_failure
        ordered = tuple(self._found[base] for base in self._places if base in self._found)
        return Refreshed(ordered, tuple(self._notes))

    def close(self) -> None:
        """Let go of the registries."""
        self._hosts.close()

    # Which repositories changed

    def _changes(
        self, pool: ThreadPoolExecutor, known: dict[str, KnownRepository]
    ) -> Iterator[Change]:
        for base, place, outcome in self._named(pool):
            before = known.get(base)
            if isinstance(outcome, LadingError):
                self._fall_back(place, before, outcome)
                continue
            store, names = outcome
            if names.left_out:
                self._note(f"{names.left_out} older versions of {place.base} are not searched")
            if before and not self._anew and before.state.fingerprint == names.fingerprint:
                self._found[base] = Looked(place, before)
                continue
            stages = before.state.stages if before else StagesKnown()
            believed = None if self._anew else before
            yield Change(place, base, store, names, before, believed, stages, self._wanted)

    def _named(
        self, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[str, Reference, tuple[AnyStore, Names] | LadingError]]:
        asked: list[tuple[str, Reference]] = []
        for base, place in self._places.items():
            if place.host and self._settings.offline:
                offline = Unavailable(f"{place.base} was not asked", cause="offline")
                yield base, place, offline
            else:
                asked.append((base, place))
        outcomes = pool.map(lambda each: _tried(partial(self._listed, each[1])), asked)
        for (base, place), outcome in zip(asked, outcomes, strict=True):
            yield base, place, outcome

    def _listed(self, place: Reference) -> tuple[AnyStore, Names]:
        store = self._hosts.open(place)
        with self._hosts.patience(place):
            return store, Names.of(list(store.names()), self._rules)

    def _fall_back(
        self, place: Reference, before: KnownRepository | None, error: LadingError
    ) -> None:
        self._first_failure = self._first_failure or error
        if before is None:
            self._note(f"nothing is known of {place.base}: {error}")
            return
        self._note(f"{place.base} is as it was when it was last asked: {error}")
        self._found[before.base] = Looked(place, before, stale=True)

    # What changed in them

    def _read(self, pool: ThreadPoolExecutor, changes: list[Change]) -> None:
        changes = self._with_ledgers(pool, changes)
        # Taken once: asking for each document would cost more than this.
        any_unread = any(change.unread for change in changes)
        known = self._catalogue.sources() if any_unread and not self._anew else _EVERYTHING_NEW
        wanted = [(change, tag) for change in changes for tag in change.unread]
        read: dict[str, list[ReadVersion | LadingError]] = {change.base: [] for change in changes}
        outcomes = pool.map(lambda each: self._version(each[0], each[1], known), wanted)
        for (change, _), outcome in zip(wanted, outcomes, strict=True):
            read[change.base].append(outcome)
        for change in changes:
            self._keep(change, read[change.base])

    def _with_ledgers(self, pool: ThreadPoolExecutor, changes: list[Change]) -> list[Change]:
        moved = [change for change in changes if change.ledger_changed]
        if any(change.names.events for change in moved):
            from lading.operations.lifecycle.policy_file import load_policy

            load_policy(self._settings)  # what is wrong with it is no trouble of a repository
        outcomes = pool.map(self._ledger, moved)
        read = dict(zip((change.base for change in moved), outcomes, strict=True))
        found = []
        for change in changes:
            stages = read.get(change.base, change.stages)
            if isinstance(stages, LadingError):
                self._note(f"the stages of {change.place.base} are as they were: {stages}")
                found.append(replace(change, incomplete=True))
            else:
                found.append(replace(change, stages=stages))
        return found

    # Where nothing changed, and that is most of the time, neither of these is needed.

    def _ledger(self, change: Change) -> StagesKnown | LadingError:
        from lading.operations.lifecycle.stage_names import stages_of

        names = change.names.every
        return _tried(lambda: stages_of(change.place, change.store, names, self._settings))

    def _version(
        self, change: Change, tag: str, known: Container[str]
    ) -> ReadVersion | LadingError:
        from lading.operations.searching.read_facts import read_facts

        shown = f"{change.place.base}:{tag}"
        return _tried(lambda: read_facts(change.store, tag, shown, known))

    def _keep(self, change: Change, outcomes: list[ReadVersion | LadingError]) -> None:
        read = [outcome for outcome in outcomes if isinstance(outcome, ReadVersion)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, LadingError)]
        # What was removed since the tags were listed is no failure, but the list is old then.
        serious = [error for error in failed if not isinstance(error, NotFound)]
        for error in serious:
            self._note(str(error))
        if serious and self._anew and change.before:
            self._found[change.base] = Looked(change.place, change.before, stale=True)
            return
        whole = not failed and not change.incomplete and not change.passed_over
        ledger = "" if change.incomplete else change.names.ledger
        state = RepositoryState(change.names.fingerprint if whole else "", ledger, change.stages)
        now = self._catalogue.put(change.base, state, change.kept, read)
        if lost := {version.tag for version in read} - {version.tag for version in now.versions}:
            # Another process removed a document that this one believed to be there.
            from lading.operations.searching.read_facts import read_facts

            again = [read_facts(change.store, tag, tag, _EVERYTHING_NEW) for tag in sorted(lost)]
            now = self._catalogue.put(change.base, state, now.versions, again)
        self._found[change.base] = Looked(change.place, now, passed_over=change.passed_over)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def _tried(work: Callable[[], _Found]) -> _Found | LadingError:
    """What some work gives, or why it does not: one failure does not end the others."""
    try:
        return work()
    except LadingError as error:
        return error
