"""Letting a stage name a version: asked of the policy, recorded, shown; promote and rollback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lading.errors import Conflict, Rule
from lading.ledger.fold import Stage
from lading.ledger.write import Settled
from lading.operations.lifecycle.decided import decided
from lading.policy.case import Decision
from lading.spec.event import Draft

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject

Status = Literal["assigned", "unchanged", "planned"]


@dataclass(frozen=True, slots=True)
class Assigned:
    """A version in a stage, or as it would be."""

    reference: str
    stage: str
    version: str
    digest: str
    # What the stage named before.
    previous: str | None
    previous_version: str | None
    status: Status
    # What it names after all that others wrote at the same moment.
    current: str | None
    event: str | None
    seq: int | None
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One version for one stage."""

    logbook: Logbook
    what: Subject
    stage: str
    because: str | None
    book: Book
    state: State
    # A version that comes back was let in before.
    returns: bool = False

    def done(self, *, dry_run: bool) -> Assigned:
        """Assign it, unless it is there already.

        Raises:
            PolicyRefused: the stage is protected and a rule does not hold.
            Conflict: somebody else moved the protected stage at the same moment.
        """
        before = self.state.stage(self.stage)
        self._say_that_a_policy_is_missing()
        decision = self._decision()
        if before.value == self.what.digest and not before.fork:
            after = before if dry_run else self._shown(before)
            return self._result("unchanged", before, after, decision)
        self._demand(decision)
        if dry_run:
            return self._result("planned", before, before, decision)
        event, settled = self.logbook.recorded(self.book, self._draft(before))
        after = settled.state.stage(self.stage)
        self._say_drift(before, settled)
        self._demand_undisputed(after)
        self._say_what_was_said(settled)
        return self._result(
            "assigned", before, after, decision, event=event.digest, seq=event.event.seq
        )

    def _shown(self, before: Stage) -> Stage:
        """The tag is looked at all the same: who recorded this may have died before moving it."""
        settled = self.logbook.show(self.book, [self.stage])
        self._say_drift(before, settled)
        return settled.state.stage(self.stage)

    def _say_that_a_policy_is_missing(self) -> None:
        """Whoever stands in another folder than usual would notice nothing."""
        if self.logbook.judge.policy is None and any(
            line.policy and line.stage == self.stage for line in self.book.lines.values()
        ):
            self.logbook.note(
                f"{self.stage} was moved under a policy before, and there is none here:"
                " --policy FILE, or LADING_POLICY"
            )

    def _decision(self) -> Decision:
        from lading.policy.rules import StageRules

        rules = self.logbook.rules(self.stage)
        if rules == StageRules(stage=self.stage, exclusive=rules.exclusive):
            return Decision(self.stage, False, ())  # nothing is asked, so nothing is fetched
        return decided(self.logbook, self.book, self.state, self.stage, self.what)

    def _demand(self, decision: Decision) -> None:
        if decision.holds or (decision.protected and self.returns and not decision.opposed):
            return
        if decision.protected:
            raise decision.refusal(str(self.what.place))
        for rule in decision.failed:
            self.logbook.note(f"{self.stage} asks for {rule.name}: {rule.why}")

    def _draft(self, before: Stage) -> Draft:
        rules = self.logbook.rules(self.stage)
        return Draft(
            kind="assigned",
            repository=self.logbook.place.repository,
            digest=self.what.digest,
            model=self.what.model,
            version=self.what.version,
            actor=self.logbook.actor,
            reason=self.because,
            stage=self.stage,
            previous=before.value,
            shared=not rules.exclusive,
            protected=rules.protected,
            policy=self.logbook.judge.policy,
            evidence=self.logbook.judge.counted(self.what.digest),
        )

    def _demand_undisputed(self, after: Stage) -> None:
        if after.fork and after.kept:
            raise Conflict(
                f"{self.stage} of {self.logbook.place.base} is in dispute",
                cause=f"{len(after.fork)} events moved it without knowing of each other;"
                f" it stays at {after.value or 'nothing'}",
                hint="look at lading status, then promote again: that settles it",
            )
        if after.fork:
            self.logbook.note(
                f"others moved {self.stage} at the same moment; it names {after.value} now"
            )

    def _say_what_was_said(self, settled: Settled) -> None:
        """Words against the version that came in while it was assigned: not known to the rules."""
        for name, recorded in settled.book.records.items():
            event = recorded.event
            if name in self.book.records or event.digest != self.what.digest:
                continue
            if event.kind == "deprecated" or (
                event.kind == "rejected" and event.stage == self.stage
            ):
                self.logbook.note(
                    f"{event.actor} {event.kind} {event.version or event.digest} at the same moment"
                    + (f": {event.reason}" if event.reason else "")
                )

    def _say_drift(self, before: Stage, settled: Settled) -> None:
        """Say what the tag named where no event had let it: that is lost now."""
        # What others recorded meanwhile may have moved it, too.
        expected = {before.value} | {
            line.subject if line.kind == "assigned" else None
            for mark, line in settled.book.lines.items()
            if line.moves and line.stage == self.stage and mark not in self.book.lines
        }
        for moved in settled.moved:
            if moved.stage == self.stage and moved.before not in expected:
                named, said = moved.before or "nothing", before.value or "nothing"
                self.logbook.note(f"DRIFT: the tag {self.stage} named {named}, the ledger {said}")

    def _result(
        self,
        status: Status,
        before: Stage,
        after: Stage,
        decision: Decision,
        *,
        event: str | None = None,
        seq: int | None = None,
    ) -> Assigned:
        return Assigned(
            reference=str(self.what.place),
            stage=self.stage,
            version=self.what.version,
            digest=self.what.digest,
            previous=before.value,
            previous_version=before.members[-1].version if before.members else None,
            status=status,
            current=after.value,
            event=event,
            seq=seq,
            rules=decision.rules,
            notes=tuple(self.logbook.notes),
        )
