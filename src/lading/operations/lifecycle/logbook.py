"""A repository's ledger, open, with the rules that hold for its stages.

Every verb that writes or reads events goes through here: what a policy has to say, what this
machine saw before, and who acts are the same for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.errors import LadingError
from lading.ledger.book import Book, Trouble
from lading.ledger.fold import State
from lading.ledger.read import read_book
from lading.ledger.remembered import Remembered
from lading.ledger.write import Settled, record, settle
from lading.operations import stores
from lading.operations.lifecycle.actor import actor
from lading.operations.lifecycle.judging import Judge
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.lifecycle.seen import remember, seen
from lading.spec.event import Draft, Recorded
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lading.cache.cache import Cache
    from lading.operations.stores import AnyStore
    from lading.policy.rules import Policy, StageRules
    from lading.settings import Settings


@dataclass(slots=True)
class Logbook:
    """One repository's ledger; see :func:`open_logbook`."""

    place: Reference
    store: AnyStore
    settings: Settings
    policy: Policy
    shelf: Cache
    judge: Judge
    notes: list[str] = field(default_factory=list)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are declared for this model, in their order."""
        return tuple(self.judge.rules)

    @property
    def protected(self) -> frozenset[str]:
        """The stages that the policy protects."""
        return frozenset(name for name, rules in self.judge.rules.items() if rules.protected)

    def rules(self, stage: str) -> StageRules:
        """What a stage needs.

        Raises:
            InvalidInput: no such stage is declared.
        """
        return self.policy.rules(self.place.repository, stage, called=self.place.base)

    def read(
        self, *, whole: bool = False, names: Collection[str] | None = None
    ) -> tuple[Book, State]:
        """The ledger and what follows from it; ``names`` where the tags are known."""
        book = read_book(
            self.store, whole=whole, names=names, shelf=self.shelf, jobs=self.settings.jobs
        )
        state = self.fold(book)
        self._compare(book, state)
        return book, state

    def read_for(self, stage: str) -> tuple[Book, State]:
        """The ledger, read as carefully as the stage is protected."""
        return self.read(whole=self.rules(stage).protected)

    def fold(self, book: Book) -> State:
        """What follows from a book, by this reader's policy where it can be asked.

        Of a book that is not whole, moves count as whoever listed them found.
        """
        if not (book.whole and self.protected):
            return book.state(protected=self.protected)
        return self.judge.fold(book, self.protected)

    def write(self, book: Book, draft: Draft) -> Recorded:
        """Record an event; from here on it happened."""
        return record(self.store, book, draft, fold=self.fold)

    def show(
        self, book: Book, stages: Iterable[str] = (), *, wrote: Iterable[Recorded] = ()
    ) -> Settled:
        """List what is recorded, what was just written too, and move the stages that it moves."""
        stages = tuple(stages)
        settled = settle(
            self.store,
            book,
            fold=self.fold,
            wrote=wrote,
            stages=stages,
            # Without the whole book nobody can say whether such a move counts.
            leave=frozenset() if book.whole else self.protected,
            shelf=self.shelf,
            # An assignment is to be quick; some other event puts a full part away.
            roll=not stages,
        )
        self._tell(settled.troubles)
        remember(self.place, Remembered.of(settled.state), self.settings)
        return settled

    def recorded(self, book: Book, draft: Draft) -> tuple[Recorded, Settled]:
        """Record an event and show it.

        Raises:
            LadingError: it could not be recorded, or not be shown; says which.
        """
        event = self.write(book, draft)
        moves = draft.kind in ("assigned", "cleared")
        stages = (draft.stage,) if moves and draft.stage else ()
        try:
            return event, self.show(book, stages, wrote=(event,))
        except LadingError as error:
            raise type(error)(
                f"event {event.event.seq} of {self.place.base} is recorded, but not shown",
                cause=str(error),
                hint=f"it happened: lading ledger repair {self.place.base} shows it",
            ) from error

    @property
    def last(self) -> Remembered | None:
        """What this machine saw of the ledger last; of a mirror, which may be behind, nothing."""
        return None if stores.spokesman(self.store) else seen(self.place, self.settings)

    @property
    def actor(self) -> str:
        """Who acts, as claimed."""
        return actor(self.settings)

    def _compare(self, book: Book, state: State) -> None:
        self._tell(book.troubles)
        if stores.spokesman(self.store):
            return  # what a mirror says is none of what was seen of the registry
        last = self.last
        if last and (behind := last.rolled_back(book)):
            self.note(
                f"the ledger of {self.place.base} was set back: {behind};"
                " lading ledger verify says more"
            )
        elif not book.is_empty:
            remember(self.place, Remembered.of(state), self.settings)

    def _tell(self, troubles: Iterable[Trouble]) -> None:
        for trouble in troubles:
            self.note(trouble.what)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


def open_logbook(
    place: Reference,
    settings: Settings,
    *,
    create: bool = False,
    store: AnyStore | None = None,
) -> Logbook:
    """The ledger of the repository that a reference is in, with the policy that holds now.

    Raises:
        NotFound: there is no such repository on this machine, or no such policy.
        InvalidInput: the policy is wrong.
        Unavailable: it is in a registry, and the settings say offline.
    """
    from lading.cache.cache import Cache

    base = Reference(place.repository, host=place.host, layout=place.layout)
    rules = load_policy(settings)
    store = store or stores.open_store(base, settings, create=create)
    shelf = Cache(settings.cache)
    judge = Judge(store, shelf, rules.for_model(base.repository), rules.digest, rules.former)
    return Logbook(base, store, settings, rules, shelf, judge)
