"""What a policy has to say on a version for a stage: its facts fetched, the decision asked for.

The decision itself is pure and :mod:`lading.policy`'s; here is what it must know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.ledger.fold import Stage, State, agreed_before, fold
from lading.ledger.known import known_to, not_after
from lading.ledger.line import mark
from lading.operations.lifecycle.compatibility import schema_compatible
from lading.spec.digest import Digest
from lading.spec.event import Recorded, moment
from lading.spec.evidence import Evidence
from lading.spec.plain import Fields

if TYPE_CHECKING:
    from lading.cache.cache import Cache
    from lading.ledger.book import Book
    from lading.operations.stores import AnyStore
    from lading.policy.case import Compatible, Decision
    from lading.policy.rules import StageRules

UNSIGNED: Final = "cannot be met yet: unsigned"
# More than gates look at; an event has its limits.
_MOST_EVIDENCE: Final = 200


@dataclass(slots=True)
class Judge:
    """Asks the policy about versions of one repository; what was fetched once is kept."""

    store: AnyStore
    shelf: Cache
    rules: Mapping[str, StageRules]
    policy: Digest | None
    former: frozenset[Digest] = frozenset()
    _documents: dict[Digest, Fields] = field(default_factory=dict)
    _evidence: dict[Digest, tuple[Evidence, ...]] = field(default_factory=dict)
    _verdicts: dict[Digest, bool] = field(default_factory=dict)
    _before: frozenset[Digest] | None = None

    def fold(self, book: Book, protected: Collection[str]) -> State:
        """What follows from a whole book, without the moves that the policy refuses."""
        moves = (recorded for recorded in book.records.values() if recorded.event.moves)
        refused = {
            move.digest
            for move in moves
            if move.event.stage in protected and not self.counts(book, move.digest)
        }
        return book.state(protected=protected, refused=refused)

    def counts(self, book: Book, move: Digest) -> bool:
        """Whether a move of a protected stage may count.

        None does where the policy names keys: nobody signs yet. Else who wrote under this policy,
        or a former one that it names, asked it, and who wrote before anybody did could not.
        Every other move is held against the policy as things are now.
        """
        if move not in self._verdicts:
            recorded = book.records.get(mark(move))
            self._verdicts[move] = recorded is None or self._let_in(book, recorded)
        return self._verdicts[move]

    def _let_in(self, book: Book, recorded: Recorded) -> bool:
        rules = self.rules.get(recorded.event.stage or "")
        if rules and (rules.assigners or rules.signers):
            return False
        if self._is_ours(recorded) or recorded.digest in self._unruled(book):
            return True
        return not self.failed(book, recorded.digest)

    def _is_ours(self, recorded: Recorded) -> bool:
        """Whether an event was written under this policy, or a former one that it names."""
        return recorded.event.policy in {self.policy, *self.former} - {None}

    def _unruled(self, book: Book) -> frozenset[Digest]:
        """The moves that were there before any event was written under a policy, whichever."""
        if self._before is None:
            ruled = {r.digest for r in book.records.values() if r.event.policy is not None}
            self._before = agreed_before(book.lines.values(), ruled)
        return self._before

    def failed(self, book: Book, move: Digest, *, then: bool = False) -> tuple[str, ...]:
        """The rules that do not hold for a move; none where it may count.

        By all that is known now; with ``then`` by what its writer knew, at the time it says.
        """
        event = book.records[mark(move)].event
        rules = self.rules.get(event.stage or "")
        if rules is None:
            return ()
        if rules.assigners or event.kind == "cleared":
            if rules.assigners:
                return (f"assigners: {UNSIGNED}",)
            return ("cleared: who did it had no policy, or another one",)
        known = known_to(book, book.records[mark(move)])
        before = self._before_it(book, move, known, then=then)
        try:
            decision = self.decide(
                book,
                before,
                rules.stage,
                event.digest,
                version=event.version,
                # What writers knew is theirs to say; what was said of the version is not.
                known=known if then else [r for r in book.ordered() if r.digest != move],
                actor=event.actor,
                now=event.at if then else None,
                placed=then,
            )
        except (NotFound, InvalidInput, IntegrityError, Unsupported) as error:
            # Anybody may name anything in an event; that must not stop who reads the others.
            return (f"it cannot be judged: {error}",)
        if not decision.opposed and self.returns(book, event.digest, rules.stage, known=known):
            return ()
        return tuple(f"{rule.name}: {rule.why}" for rule in decision.failed)

    def _before_it(
        self, book: Book, move: Digest, known: Collection[Recorded], *, then: bool
    ) -> State:
        """What held when a move was written, without the moves of its stage that do not count.

        Of those that its writer knew, each is judged. That others were left out is no reason to
        believe that there were none: they count where nobody has to judge them, or two moves that
        do not know of each other would wait for each other's judgement.
        """
        stage = book.records[mark(move)].event.stage
        known_to_it = {recorded.digest for recorded in known}
        earlier = known if then else not_after(book, move)
        refused = {
            recorded.digest
            for recorded in earlier
            if recorded.event.moves
            and recorded.event.stage == stage
            and not (
                self.counts(book, recorded.digest)
                if recorded.digest in known_to_it
                else self._is_ours(recorded) or recorded.digest in self._unruled(book)
            )
        }
        lines = (book.lines.get(mark(recorded.digest)) for recorded in earlier)
        return fold(
            [line for line in lines if line is not None],
            protected=frozenset(self.rules),
            refused=refused,
        )

    def decide(
        self,
        book: Book,
        state: State,
        stage: str,
        digest: Digest,
        *,
        version: str | None,
        known: Iterable[Recorded],
        actor: str,
        now: datetime | None = None,
        carried: Iterable[Recorded] = (),
        there: Judge | None = None,
        placed: bool = True,
    ) -> Decision:
        """What the policy says of a version for a stage, by events that are known; ``now`` or then.

        With ``there`` the stage is another repository's, whose judge that is, and ``carried`` what
        will come along. What ``state`` says of the version itself is not believed unless
        ``placed``: a writer chooses of which moves an event knows.

        Raises:
            LadingError: something that must be known cannot be read.
        """
        from lading.operations.lifecycle.carried import events_in
        from lading.policy.case import Case
        from lading.policy.decide import decide

        known = tuple(known)
        evidence = self.evidence(digest)
        if now is not None:
            evidence = tuple(each for each in evidence if not _later(each, now))
        carried = (*events_in(self.store, evidence, digest), *carried)
        incumbent, compatible = (there or self)._compared(state.stage(stage), placed=placed)
        # Only moves of the stage before are asked for: it never comes after this one, so that no
        # two moves ever wait for each other's judgement.
        before = self.rules[stage].after
        assigned = [
            recorded
            for recorded in (*carried, *known)
            if recorded.event.kind == "assigned"
            and (recorded.event.digest, recorded.event.stage) == (digest, before)
        ]
        case = Case(
            digest=digest,
            version=version,
            document=self.document(digest),
            incumbent=incumbent,
            carried=carried,
            events=known,
            evidence=evidence,
            stages=frozenset(
                recorded.event.stage
                for recorded in assigned
                if recorded.event.stage and (there or self)._holds(book, recorded)
            ),
            named_by=_naming(state, digest) if placed else None,
            now=now or datetime.now(UTC),
            actor=actor,
            compatible=compatible,
        )
        return decide(self.rules[stage], case)

    def _holds(self, book: Book, recorded: Recorded) -> bool:
        """Whether a version really was in the stage that an event put it into."""
        rules = self.rules.get(recorded.event.stage or "")
        if rules is None or not rules.protected:
            return True
        if mark(recorded.digest) not in book.records:
            # What happened elsewhere cannot be judged here; that a policy was asked can be seen.
            return self._is_ours(recorded)
        return self.counts(book, recorded.digest)

    def returns(
        self, book: Book, digest: Digest, stage: str, *, known: Iterable[Recorded] | None = None
    ) -> bool:
        """Whether a version was in a stage before, and nobody has spoken against it since.

        What was let in once may come back.
        """
        against = set[str]()
        for recorded in book.ordered():
            event = recorded.event
            if event.digest == digest and event.kind == "deprecated":
                return False
            if event.digest == digest and event.stage == stage:
                if event.kind == "rejected":
                    against.add(event.actor)
                elif event.kind == "approved":
                    against.discard(event.actor)
        return not against and any(
            recorded.event.kind == "assigned"
            and (recorded.event.digest, recorded.event.stage) == (digest, stage)
            and self.counts(book, recorded.digest)
            for recorded in (book.ordered() if known is None else known)
        )

    def _compared(self, stage: Stage, *, placed: bool) -> tuple[Fields | None, Compatible]:
        """The document of what a stage names, for ``schema.compatible``, and how it is compared.

        Where that is in dispute, or gone, nobody can tell: others may still go on with it.
        """
        from lading.policy.case import not_known

        if stage.value is None:
            return ({}, not_known) if stage.kept and not placed else (None, schema_compatible)
        try:
            return self.document(stage.value), schema_compatible
        except NotFound:
            return {}, not_known

    def document(self, digest: Digest) -> Fields:
        """The document of a version; an empty one where it is no version of Lading's."""
        from lading.operations.lifecycle.documents import document_of

        if digest not in self._documents:
            root = self.store.resolve(digest)
            self._documents[digest] = document_of(self.store, root, self.shelf)
        return self._documents[digest]

    def evidence(self, digest: Digest) -> tuple[Evidence, ...]:
        """What hangs on a version."""
        from lading.operations.reading.gathered import gather

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


def _naming(state: State, digest: Digest) -> frozenset[str]:
    """The stages that name a version."""
    return frozenset(
        name
        for name, stage in state.stages.items()
        if any(member.digest == digest for member in stage.members)
    )


def _later(evidence: Evidence, now: datetime) -> bool:
    """Whether evidence says of itself that it came after a moment."""
    try:
        return evidence.created is not None and moment(evidence.created) > now
    except InvalidInput:
        return False
