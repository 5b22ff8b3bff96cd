"""What a policy has to say on a version for a stage: its facts fetched, the decision asked for.

The decision itself is pure and :mod:`lading.policy`'s; here is what it must know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.ledger.fold import State, fold
from lading.ledger.line import mark
from lading.operations.policy import schema_compatible
from lading.spec.digest import Digest
from lading.spec.event import Recorded, moment
from lading.spec.evidence import Evidence
from lading.spec.plain import Fields

if TYPE_CHECKING:
    from lading.cache.cache import Cache
    from lading.ledger.book import Book
    from lading.policy.case import Decision
    from lading.policy.rules import StageRules
    from lading.stores.layout import LayoutStore
    from lading.stores.remote.registry import RemoteStore

# More than gates look at; an event has its limits.
_MOST_EVIDENCE: Final = 200


@dataclass(slots=True)
class Judge:
    """Asks the policy about versions of one repository; what was fetched once is kept."""

    store: RemoteStore | LayoutStore
    shelf: Cache
    rules: Mapping[str, StageRules]
    policy: Digest | None
    _documents: dict[Digest, Fields] = field(default_factory=dict)
    _evidence: dict[Digest, tuple[Evidence, ...]] = field(default_factory=dict)
    _verdicts: dict[Digest, bool] = field(default_factory=dict)

    def fold(self, book: Book, protected: Collection[str]) -> State:
        """What follows from a whole book, without the moves that the policy refuses.

        Only moves that decide what a protected stage names are judged.
        """
        refused: set[Digest] = set()
        while True:
            state = book.state(protected=protected, refused=refused)
            deciding = {digest for name in protected for digest in _deciding(state, name)}
            bad = {digest for digest in deciding if not self.counts(book, digest)}
            if not bad:
                return state
            refused |= bad

    def counts(self, book: Book, move: Digest) -> bool:
        """Whether a move of a protected stage may count.

        A writer whose policy is on record asked it. Who had none is judged now, by what was known
        when the event was written; but not who moved it before anybody had a policy here.
        """
        if move not in self._verdicts:
            recorded = book.records.get(mark(move))
            self._verdicts[move] = (
                recorded is None
                or recorded.event.policy is not None
                or before_any_policy(book, recorded)
                or not self.failed(book, move)
            )
        return self._verdicts[move]

    def failed(self, book: Book, move: Digest) -> tuple[str, ...]:
        """The rules that did not hold when a move was written; none where it may count."""
        recorded = book.records[mark(move)]
        event = recorded.event
        rules = self.rules.get(event.stage or "")
        if rules is None:
            return ()
        if event.kind == "cleared":
            return ("assigners: cannot be met yet: unsigned",) if rules.assigners else ()
        known = _known_to(book, recorded)
        lines = [book.lines[mark(k.digest)] for k in known if mark(k.digest) in book.lines]
        before = fold(lines, protected=frozenset(self.rules))
        try:
            decision = self.decide(
                before,
                rules.stage,
                event.digest,
                version=event.version,
                known=known,
                actor=event.actor,
                now=event.at,
            )
        except (NotFound, InvalidInput, IntegrityError, Unsupported) as error:
            # Anybody may name anything in an event; that must not stop who reads the others.
            return (f"it cannot be judged: {error}",)
        if self.returns(book, known, event.digest, rules.stage):
            return ()
        return tuple(f"{rule.name}: {rule.why}" for rule in decision.failed)

    def decide(
        self,
        state: State,
        stage: str,
        digest: Digest,
        *,
        version: str | None,
        known: Iterable[Recorded],
        actor: str,
        now: datetime | None = None,
    ) -> Decision:
        """What the policy says of a version for a stage, by events that are known.

        Raises:
            LadingError: something that must be known cannot be read.
        """
        from lading.operations.carried import events_in
        from lading.policy.case import Case
        from lading.policy.decide import decide

        now = now or datetime.now(UTC)
        evidence = tuple(e for e in self.evidence(digest) if not _later(e, now))
        events = (*events_in(self.store, evidence, digest), *known)
        incumbent = state.stage(stage).value
        case = Case(
            digest=digest,
            version=version,
            document=self.document(digest),
            incumbent=self._incumbent(incumbent) if incumbent else None,
            events=events,
            evidence=evidence,
            stages=frozenset(
                recorded.event.stage
                for recorded in events
                if recorded.event.kind == "assigned"
                and recorded.event.digest == digest
                and recorded.event.stage
            ),
            now=now,
            actor=actor,
            compatible=schema_compatible,
        )
        return decide(self.rules[stage], case)

    def returns(self, book: Book, known: Iterable[Recorded], digest: Digest, stage: str) -> bool:
        """Whether a version was in a stage before, and nobody has spoken against it since.

        What was let in once may come back.
        """
        was_in, against = False, set[str]()
        for recorded in known:
            event = recorded.event
            if event.digest != digest:
                continue
            if event.kind == "deprecated":
                return False
            if event.stage != stage:
                continue
            if event.kind == "assigned":
                was_in = was_in or self.counts(book, recorded.digest)
            elif event.kind == "rejected":
                against.add(event.actor)
            elif event.kind == "approved":
                against.discard(event.actor)
        return was_in and not against

    def _incumbent(self, digest: Digest) -> Fields:
        """What the stage names now; where that is gone, nothing is known of it."""
        try:
            return self.document(digest)
        except NotFound:
            return {}

    def document(self, digest: Digest) -> Fields:
        """The document of a version; an empty one where it is no version of Lading's."""
        from lading.operations.documents import document_of

        if digest not in self._documents:
            root = self.store.resolve(digest)
            self._documents[digest] = document_of(self.store, root, self.shelf)
        return self._documents[digest]

    def evidence(self, digest: Digest) -> tuple[Evidence, ...]:
        """What hangs on a version."""
        from lading.operations.evidence import gather

        if digest not in self._evidence:
            found = gather(self.store, self.store.resolve(digest), keep=self.shelf)
            if found.unread:
                raise Unsupported(
                    f"the evidence of {digest} cannot be judged",
                    cause=f"there is so much that {found.unread} pieces were not looked at",
                    hint="lading evidence REF shows it; remove what is not needed",
                )
            self._evidence[digest] = found.evidence
        return self._evidence[digest]

    def counted(self, digest: Digest) -> tuple[Digest, ...]:
        """The evidence that a decision on this version looked at."""
        return tuple(e.digest for e in self._evidence.get(digest, ()))[:_MOST_EVIDENCE]


def before_any_policy(book: Book, recorded: Recorded) -> bool:
    """Whether every event that was written under a policy came after this one."""
    after = _after(book, recorded)
    return all(
        other.digest in after for other in book.records.values() if other.event.policy is not None
    )


def _later(evidence: Evidence, now: datetime) -> bool:
    """Whether evidence says of itself that it came after a moment that is judged."""
    try:
        return evidence.created is not None and moment(evidence.created) > now
    except InvalidInput:
        return False


def _deciding(state: State, name: str) -> list[Digest]:
    """The events that decide what a stage names."""
    stage = state.stage(name)
    moved = [stage.moved] if stage.moved else []
    return [*moved, *stage.fork, *(member.event for member in stage.members)]


def _after(book: Book, recorded: Recorded) -> set[Digest]:
    """The events that were written knowing of this one."""
    after = {mark(recorded.digest)}
    for other in book.ordered():
        if not after.isdisjoint(map(mark, other.event.parents)):
            after.add(mark(other.digest))
    return {other.digest for other in book.ordered() if mark(other.digest) in after} - {
        recorded.digest
    }


def _known_to(book: Book, recorded: Recorded) -> tuple[Recorded, ...]:
    """The events that a writer knew, parents before children."""
    found: dict[str, Recorded] = {}
    waiting = list(map(mark, recorded.event.parents))
    while waiting:
        name = waiting.pop()
        if name in book.records and name not in found:
            found[name] = book.records[name]
            waiting += map(mark, found[name].event.parents)
    return tuple(sorted(found.values(), key=lambda known: known.order))
