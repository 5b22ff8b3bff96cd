"""Several writers at one ledger who die between any two calls, over a registry that misbehaves.

Some have a policy that protects prod, one has none and leaves protected stages alone, one has none
and does as it likes. Whatever they do, in whatever order: what was acknowledged is there, or its
loss is said; a dispute is said; a stage's tag that strayed is said; a protected stage never shows
what its policy refuses; a repair goes on where anything stopped, and is done once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from contract.samples import push_model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger.histories import Model
from ledger.places import Layout, Memory, Place
from ledger.test_fold import demand_expected
from parts.laws import often
from parts.turns import Turns, one_by_one

from lading.errors import LadingError
from lading.ledger.audit import Finding, audit
from lading.ledger.book import Book, event_tags
from lading.ledger.fold import State
from lading.ledger.index import LEDGER_TYPE, build
from lading.ledger.line import Line
from lading.ledger.read import read_book
from lading.ledger.remembered import Remembered
from lading.ledger.repair import repair
from lading.ledger.write import named, record, settle
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import Draft, Kind, Recorded
from lading.spec.manifest import Index
from lading.spec.tags import LEDGER, event_of, is_segment
from lading.transfer import read

STAGES = ("dev", "prod")
Deed = tuple[Kind, str, int, bool]
WHO = st.integers(0, 3)
DEEDS: st.SearchStrategy[Deed] = st.tuples(
    st.sampled_from(
        ("assigned", "assigned", "assigned", "cleared", "noted", "deprecated", "registered")
    ),
    st.sampled_from(STAGES),
    st.integers(0, 3),
    st.sampled_from((False, False, True)),
)
# Of the calls that a writer makes: all, or so many before somebody else's turn.
CALLS = st.none() | st.integers(0, 14)
# What follows from the index alone, or from what lies under tags: a repair leaves none of it.
MENDED = {
    *("unlisted", "untagged", "index", "hint", "border", "checkpoint", "segment", "drift"),
    "strange",
}


class Writer(Turns):
    """Somebody who writes, with what they believe and what they remember."""

    def __init__(self, place: Place, name: str, fold: Callable[[Book], State]) -> None:
        super().__init__(place.store)
        self.name = name
        self.fold = fold
        self.remembered: Remembered | None = None

    @property
    def has_policy(self) -> bool:
        return self.name.startswith("policy")

    @property
    def leaves(self) -> frozenset[str]:
        return frozenset({"prod"} if self.name == "plain" else ())


class Ledger(RuleBasedStateMachine):
    """One repository and everybody around it."""

    def open_place(self) -> Place:
        return Memory()

    def __init__(self) -> None:
        super().__init__()
        self.place = self.open_place()
        self.patch = pytest.MonkeyPatch()
        counter = itertools.count()
        nonces = SimpleNamespace(token_hex=lambda _size: f"{next(counter):032x}")
        clock = SimpleNamespace(sleep=lambda _seconds: None, monotonic=lambda: 0.0)
        self.patch.setattr("lading.ledger.write.secrets", nonces)
        self.patch.setattr("lading.ledger.write.now", lambda: "2026-03-01T12:00:00Z")
        for room in ("write", "put_away", "audit"):
            self.patch.setattr(f"lading.ledger.{room}.time", clock)
        for room in ("read", "audit"):
            self.patch.setattr(f"lading.ledger.{room}.run", one_by_one)
        self.versions = [
            push_model(self.place.store, f"{number}", f"1.{number}.0").digest for number in range(4)
        ]
        self.good = frozenset(self.versions[:2])
        self.writers = [
            Writer(self.place, "policy one", self.judged),
            Writer(self.place, "policy two", self.judged),
            Writer(self.place, "plain", lambda book: book.state()),
            Writer(self.place, "rogue", lambda book: book.state()),
        ]
        self.acknowledged: dict[Digest, Recorded] = {}
        # Whose loss somebody was told of.
        self.reported: set[Digest] = set()
        self.saved: object | None = None
        self.damaged = False

    # --- the policy: only good versions may be in prod ---

    def refused(self, lines: list[Line]) -> set[Digest]:
        return {
            line.digest
            for line in lines
            if line.kind == "assigned" and line.stage == "prod" and line.subject not in self.good
        }

    def judged(self, book: Book) -> State:
        return book.state(protected={"prod"}, refused=self.refused(list(book.lines.values())))

    # --- what writers do ---

    @initialize(segment=st.sampled_from((2, 5, 2000)))
    def _begin(self, segment: int) -> None:
        self.patch.setattr("lading.ledger.write.SEGMENT", segment)

    @rule(who=WHO, deed=DEEDS, calls=CALLS)
    def begin(self, who: int, deed: Deed, calls: int | None) -> None:
        writer = self.writers[who]
        if not writer.busy:
            draft = self._draft(writer, deed)
            writer.begin(lambda: self._write(writer, draft))
            self._go(writer, calls)

    @rule(deeds=st.lists(st.tuples(WHO, DEEDS), min_size=2, max_size=6))
    def work_in_peace(self, deeds: list[tuple[int, Deed]]) -> None:
        for who, deed in deeds:
            self.begin(who, deed, None)

    def _draft(self, writer: Writer, deed: Deed) -> Draft:
        kind, stage, version, shared = deed
        moves = kind in ("assigned", "cleared")
        guarded = writer.has_policy and moves and stage == "prod"
        return Draft(
            kind=kind,
            repository="ml/fraud",
            digest=self.versions[version % 2 if guarded else version],
            actor=writer.name,
            stage=stage if moves else None,
            shared=shared and moves,
            protected=guarded,
        )

    def _write(self, writer: Writer, draft: Draft) -> None:
        book = read_book(writer)
        self._recall(writer, book)
        recorded = record(writer, book, draft, fold=writer.fold)
        self.acknowledged[recorded.digest] = recorded
        writer.remembered = Remembered(recorded.event.seq, (recorded.digest,))
        settled = settle(writer, book, fold=writer.fold, wrote=[recorded], leave=writer.leaves)
        writer.remembered = Remembered.of(settled.state)

    def _recall(self, writer: Writer, book: Book) -> None:
        """Somebody who finds less than they saw before says so."""
        if writer.remembered and writer.remembered.rolled_back(book):
            # Behind a border nothing is read, and the tags must do.
            there = {*book.lines, *(event_tags(book.names) if book.border else ())}
            self.reported |= {d for d in self.acknowledged if d.hex[:16] not in there}

    @rule(who=st.integers(0, 2), calls=CALLS)
    def begin_repair(self, who: int, calls: int | None) -> None:
        writer = self.writers[who]
        if not writer.busy:
            writer.begin(lambda: self._repair(writer))
            self._go(writer, calls)

    def _repair(self, writer: Writer) -> None:
        book = read_book(writer, whole=True)
        self._recall(writer, book)
        repair(writer, book, writer.fold, leave=writer.leaves)

    @rule(who=WHO, calls=st.integers(1, 6))
    def go_on(self, who: int, calls: int) -> None:
        self._go(self.writers[who], calls)

    @rule(who=WHO)
    def finish(self, who: int) -> None:
        self._go(self.writers[who], None)

    @rule(who=WHO)
    def die(self, who: int) -> None:
        if self.writers[who].busy:
            self.writers[who].die()

    def _go(self, writer: Writer, calls: int | None) -> None:
        try:
            writer.go(calls)
        except LadingError:
            # Nothing is refused to anybody while nobody takes content away.
            assert self.damaged

    # --- what happens to registries ---

    @rule(number=st.integers(0, 30))
    def lose_a_tag(self, number: int) -> None:
        own = {LEDGER, *STAGES}
        names = sorted(
            name
            for name in self.place.store.names()
            if name in own or event_of(name) or is_segment(name)
        )
        if names:
            self.damaged = True
            self.place.store.untag(names[number % len(names)])

    @rule(stage=st.sampled_from(STAGES), version=st.integers(0, 3))
    def move_a_stage_by_hand(self, stage: str, version: int) -> None:
        store = self.place.store
        root = store.resolve(self.versions[version])
        store.push(root, BytesContent(read(store, root)), stage)

    @rule(
        number=st.integers(0, 30),
        lie=st.sampled_from(("forgotten", "subject", "seq", "parents", "checkpoint", "garbage")),
    )
    def forge_the_index(self, number: int, lie: str) -> None:
        store = self.place.store
        book = read_book(store)
        if book.listed is None:
            return
        self.damaged = True
        lines, state = list(book.listed.lines), book.state()
        at = number % len(lines) if lines else 0
        if lie == "forgotten":
            del lines[at : at + 3]
        elif lie == "checkpoint":
            state = replace(state, stages={})
        elif lines and lie != "garbage":
            line = lines[at]
            lies = {
                "subject": replace(line, subject=self.versions[number % 4]),
                "seq": replace(line, seq=line.seq + 1),
                "parents": replace(line, parents=()),
            }
            lines[at] = lies[lie]
        index = build(lines, state, book.listed.border, book.listed.segments)
        if lie == "garbage":
            index = Index.build((), artifact_type=LEDGER_TYPE)
        store.push(index.descriptor, BytesContent(index.raw), LEDGER)

    @rule()
    def save(self) -> None:
        self.saved = self.place.save()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def set_back(self) -> None:
        self.damaged = True
        self.place.set_back(self.saved)

    @precondition(lambda self: self.damaged)
    @rule()
    def collect_garbage(self) -> None:
        self.place.collect_garbage()

    # --- what must hold at any moment ---

    @rule()
    def look(self) -> None:
        store = self.place.store
        book = read_book(store, whole=True)
        state = self.judged(book)
        findings = audit(store, book, state)
        lines = list(book.lines.values())
        demand_expected(state, Model(lines, self.refused(lines)), {"prod"})
        assert {member.digest for member in state.stage("prod").members} <= self.good
        assert {f.what.split()[0] for f in findings if f.kind == "fork"} == {
            stage.name for stage in state.forks
        }
        self._demand_acknowledged(book, state, findings)
        self._demand_drift_is_said(state, findings)
        self._demand_light(book, state, findings)

    def _demand_acknowledged(self, book: Book, state: State, findings: tuple[Finding, ...]) -> None:
        told = [writer.remembered.rolled_back(book) for writer in self.writers if writer.remembered]
        said = " ".join(f.what for f in findings if f.kind in ("lost", "gap", "seq"))
        # The youngest first: where a child's loss is said, so is that of all that came before it.
        for digest, recorded in sorted(
            self.acknowledged.items(), key=lambda item: item[1].order, reverse=True
        ):
            if digest.hex[:16] in book.lines:
                assert book.records[digest.hex[:16]] == recorded
                continue
            assert self.damaged
            is_said = digest in self.reported or digest.hex[:16] in said or any(told)
            assert is_said, f"nobody says that {digest} is gone"
            self.reported |= set(recorded.event.parents)

    def _demand_drift_is_said(self, state: State, findings: tuple[Finding, ...]) -> None:
        drifted = {f.what.split()[1] for f in findings if f.kind == "drift"}
        assert drifted == {
            name
            for name, stage in state.stages.items()
            if named(self.place.store, name) != stage.value
        }

    def _demand_light(self, book: Book, state: State, findings: tuple[Finding, ...]) -> None:
        light = read_book(self.place.store)
        if {f.kind for f in findings} & {"index", "hint", "border", "lost", "gap"}:
            return
        if set(book.unlisted) & set(book.untagged):
            return  # only those who read everything find what nothing but its children names
        assert light.lines.items() <= book.lines.items()
        seen = self.judged(light)
        assert (seen.stages, seen.seq, seen.parents) == (state.stages, state.seq, state.parents)
        assert (seen.count, seen.deprecated) == (state.count, state.deprecated)

    # --- the end: everybody is gone, and one repair is enough ---

    def teardown(self) -> None:
        try:
            for writer in self.writers:
                if writer.busy:
                    writer.die()
            self.look()
            self._repair_is_done_once()
            self.look()
        finally:
            self.patch.undo()
            self.place.close()

    def _repair_is_done_once(self) -> None:
        mender = Writer(self.place, "policy mender", self.judged)

        first = repair(mender, read_book(mender), self.judged)

        assert not first.settled.book.untagged
        book = read_book(self.place.store, whole=True)
        state = self.judged(book)
        assert not {f.kind for f in audit(self.place.store, book, state)} & MENDED
        light = read_book(self.place.store)
        assert self.judged(light).stages == state.stages
        mender.writes = 0
        second = repair(mender, read_book(mender, whole=True), self.judged)
        assert (mender.writes, second.actions) == (0, ())


class LayoutLedger(Ledger):
    """The same in a folder."""

    def open_place(self) -> Place:
        return Layout()


def _run(machine: type[Ledger], usual: int, long: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=long if often(1) > 1 else usual,
            stateful_step_count=40,
            suppress_health_check=checks,
            deadline=None,
        ),
    )


def test_a_ledger_in_memory_survives_its_writers_and_its_registry() -> None:
    _run(Ledger, 80, long=2000)


def test_a_ledger_in_a_layout_survives_its_writers_and_its_disk() -> None:
    _run(LayoutLedger, 15, long=150)
