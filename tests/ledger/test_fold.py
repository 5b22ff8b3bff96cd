"""What follows from a set of events, held against a naive model of the design's words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.histories import (
    NOWHERE,
    STAGES,
    VERSIONS,
    Model,
    after,
    chains,
    event_line,
    histories,
    put,
)
from parts.pace import pace

from lading.ledger import book
from lading.ledger.fold import Stage, State, agreed_before, fold, timeline
from lading.ledger.index import border_after
from lading.ledger.line import Line
from lading.spec.digest import Digest
from lading.spec.event import MOST_PARENTS

PROTECTED = st.sets(st.sampled_from(STAGES))


def shown(state: State) -> object:
    """What readers are told, wherever they began."""
    return state.stages, state.seq, state.count, state.parents, state.deprecated, state.marks


def demand_expected(state: State, model: Model, protected: set[str]) -> None:
    expected = model.stages(protected)
    assert state.stages.keys() == expected.keys()
    for name, wanted in expected.items():
        stage = state.stage(name)
        assert tuple(member.digest for member in stage.members) == wanted.members
        assert tuple(member.event for member in stage.members) == wanted.events
        assert frozenset(stage.fork) == wanted.fork
        assert stage.kept == wanted.kept


# --- laws -----------------------------------------------------------------------------------------


@given(histories(), PROTECTED, st.data())
def test_what_follows_is_what_the_design_says(
    lines: tuple[Line, ...], protected: set[str], data: st.DataObject
) -> None:
    digests = [line.digest for line in lines]
    refused = data.draw(st.sets(st.sampled_from(digests))) if digests else set()

    state = fold(lines, protected=protected, refused=refused)

    model = Model(lines, refused)
    demand_expected(state, model, protected)
    assert {line.digest for line in state.heads} == model.heads
    assert state.missing == model.missing


@given(histories(), PROTECTED, st.randoms())
def test_the_order_in_which_events_come_does_not_matter(
    lines: tuple[Line, ...], protected: set[str], chance: Random
) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)

    assert fold(shuffled, protected=protected) == fold(lines, protected=protected)


@given(histories(), PROTECTED, st.data())
def test_with_events_gone_the_rest_still_follows_the_design(
    lines: tuple[Line, ...], protected: set[str], data: st.DataObject
) -> None:
    left = tuple(line for line in lines if data.draw(st.booleans()))

    state = fold(left, protected=protected)

    model = Model(left)
    demand_expected(state, model, protected)
    assert state.missing == model.missing


@given(chains(), PROTECTED)
def test_a_history_without_forks_replays(lines: tuple[Line, ...], protected: set[str]) -> None:
    state = fold(lines, protected=protected)

    assert not state.forks
    demand_expected(state, Model(lines), set())


@given(histories(), PROTECTED, st.data())
def test_every_border_that_may_be_drawn_changes_nothing(
    before: tuple[Line, ...], protected: set[str], data: st.DataObject
) -> None:
    """What lies behind a border is put away; the rest with it says the same as the whole."""
    first = fold(before, protected=protected)
    border = border_after(first)
    if border is None:
        assert first.forks or len(first.heads) != 1
        return
    later: list[Line] = []
    for number in range(data.draw(st.integers(0, 6))):
        known = data.draw(
            st.lists(st.sampled_from([*first.heads, *later]), min_size=1, max_size=3, unique=True)
        )
        later.append(
            after(
                f"later {number}",
                *known,
                kind=data.draw(st.sampled_from(("assigned", "cleared"))),
                stage=data.draw(st.sampled_from(STAGES)),
                subject=data.draw(st.sampled_from(VERSIONS)),
                shared=data.draw(st.booleans()),
            )
        )

    light = fold(later, border=border, protected=protected)

    whole = fold((*before, *later), protected=protected)
    assert shown(light) == shown(whole)
    assert light.missing == frozenset()


@given(histories(), st.integers(0, 1000))
def test_who_writes_next_comes_after_all_and_ends_no_dispute_by_that(
    lines: tuple[Line, ...], number: int
) -> None:
    state = fold(lines)
    note = event_line("next", state.seq + 1, state.parents)

    following = fold((*lines, note))

    assert [line.digest for line in following.heads] == [note.digest]
    assert following.stages == state.stages


@given(histories(), PROTECTED, st.data())
def test_what_a_stage_was_after_each_move_follows_from_the_moves_before(
    lines: tuple[Line, ...], protected: set[str], data: st.DataObject
) -> None:
    digests = [line.digest for line in lines]
    refused = data.draw(st.sets(st.sampled_from(digests))) if digests else set()

    told = list(timeline(lines, protected=protected, refused=refused))

    ordered = sorted(lines, key=lambda line: line.order)
    counted = [line for line in ordered if line.moves and line.digest not in refused]
    assert [move for move, _ in told] == counted
    for move, stage in told:
        until = [line for line in ordered if line.order <= move.order]
        assert stage == fold(until, protected=protected, refused=refused).stage(stage.name)


@given(histories(), st.data())
def test_what_all_of_some_writers_knew_is_what_lies_above_every_one_of_their_events(
    lines: tuple[Line, ...], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(lines), unique=True)) if lines else []

    known = agreed_before(lines, [line.digest for line in chosen])

    model = Model(lines)
    assert known == {
        line.digest
        for line in lines
        if line.moves and all(line in model.above(event) for event in chosen)
    }


# --- forks ----------------------------------------------------------------------------------------

BEGUN = put("first", version=0)
LEFT = put("left", BEGUN, version=1)
RIGHT = put("right", BEGUN, version=2)
BOTH = sorted((LEFT, RIGHT), key=lambda line: line.order)


def test_an_open_stage_takes_the_higher_of_two_moves_and_says_so() -> None:
    stage = fold([BEGUN, LEFT, RIGHT]).stage("prod")

    assert stage.value == BOTH[1].subject
    assert stage.fork == tuple(line.digest for line in BOTH)
    assert not stage.kept


def test_the_longer_branch_is_the_higher_one() -> None:
    longer = put("longer", LEFT, version=3)

    stage = fold([BEGUN, LEFT, RIGHT, longer]).stage("prod")

    assert stage.value == VERSIONS[3]
    assert set(stage.fork) == {RIGHT.digest, longer.digest}


def test_a_protected_stage_keeps_what_it_named() -> None:
    stage = fold([BEGUN, LEFT, RIGHT], protected={"prod"}).stage("prod")

    assert stage.value == VERSIONS[0]
    assert stage.kept
    assert set(stage.fork) == {LEFT.digest, RIGHT.digest}


def test_a_stage_is_protected_where_one_of_the_writers_said_so() -> None:
    said = put("said", BEGUN, version=1, protected=True)

    stage = fold([BEGUN, said, RIGHT]).stage("prod")

    assert (stage.value, stage.kept) == (VERSIONS[0], True)


def test_a_move_that_names_both_ends_the_dispute() -> None:
    merge = put("merge", LEFT, RIGHT, version=2)

    stage = fold([BEGUN, LEFT, RIGHT, merge], protected={"prod"}).stage("prod")

    assert (stage.value, stage.fork, stage.kept) == (VERSIONS[2], (), False)


def test_a_move_that_knew_both_through_others_ends_the_dispute() -> None:
    note = after("note", LEFT, RIGHT)
    merge = put("merge", note, version=3)

    stage = fold([BEGUN, LEFT, RIGHT, note, merge], protected={"prod"}).stage("prod")

    assert (stage.value, stage.fork) == (VERSIONS[3], ())


def test_a_note_that_knew_both_ends_nothing() -> None:
    note = after("note", LEFT, RIGHT)

    stage = fold([BEGUN, LEFT, RIGHT, note], protected={"prod"}).stage("prod")

    assert (stage.value, stage.kept) == (VERSIONS[0], True)


def test_a_dispute_about_a_dispute_keeps_what_was_named_before_the_first() -> None:
    note = after("note", LEFT, RIGHT)
    third, fourth = put("third", note, version=3), put("fourth", note, version=1)

    stage = fold([BEGUN, LEFT, RIGHT, note, third, fourth], protected={"prod"}).stage("prod")

    assert stage.value == VERSIONS[0]
    assert set(stage.fork) == {third.digest, fourth.digest}


def test_two_moves_to_the_same_version_are_no_dispute() -> None:
    again = put("again", BEGUN, version=1)

    stage = fold([BEGUN, LEFT, again], protected={"prod"}).stage("prod")

    assert (stage.value, stage.fork) == (VERSIONS[1], ())


def test_two_who_clear_a_stage_agree() -> None:
    one = after("one", BEGUN, kind="cleared", stage="prod", subject=VERSIONS[0])
    other = after("other", BEGUN, kind="cleared", stage="prod", subject=VERSIONS[1])

    stage = fold([BEGUN, one, other]).stage("prod")

    assert (stage.value, stage.fork) == (None, ())


def test_two_first_moves_are_a_dispute() -> None:
    other = put("other", version=1)

    stage = fold([BEGUN, other], protected={"prod"}).stage("prod")

    assert (stage.value, set(stage.fork)) == (None, {BEGUN.digest, other.digest})


def test_a_dispute_in_one_stage_is_none_in_another() -> None:
    elsewhere = put("elsewhere", BEGUN, stage="dev", version=3)

    state = fold([BEGUN, LEFT, elsewhere])

    assert (state.stage("prod").value, state.stage("dev").value) == (VERSIONS[1], VERSIONS[3])
    assert not state.forks


def test_an_event_that_nobody_has_knew_of_no_move() -> None:
    assert agreed_before([BEGUN, LEFT], [LEFT.digest]) == {BEGUN.digest}
    assert agreed_before([BEGUN, LEFT], []) == {BEGUN.digest, LEFT.digest}
    assert agreed_before([BEGUN, LEFT], [LEFT.digest, NOWHERE]) == frozenset()


# --- shared stages --------------------------------------------------------------------------------


def joins(name: str, *parents: Line, version: int) -> Line:
    return put(name, *parents, version=version, shared=True)


def leaves(name: str, *parents: Line, version: int) -> Line:
    subject = VERSIONS[version]
    return after(name, *parents, kind="cleared", stage="prod", subject=subject, shared=True)


def members(stage: Stage) -> list[object]:
    return [member.digest for member in stage.members]


def test_a_shared_stage_names_several_and_its_tag_the_last() -> None:
    first = joins("first", version=0)
    second = joins("second", first, version=1)

    stage = fold([first, second]).stage("prod")

    assert members(stage) == [VERSIONS[0], VERSIONS[1]]
    assert stage.value == VERSIONS[1]


def test_two_who_join_at_once_do_not_dispute() -> None:
    one, other = joins("one", version=0), joins("other", version=1)

    stage = fold([one, other], protected={"prod"}).stage("prod")

    assert set(members(stage)) == {VERSIONS[0], VERSIONS[1]}
    assert stage.fork == ()


def test_joining_and_leaving_at_once_is_a_dispute_about_that_version_alone() -> None:
    first = joins("first", version=0)
    again, out = joins("again", first, version=0), leaves("out", first, version=0)
    beside = joins("beside", first, version=1)

    stage = fold([first, again, out, beside], protected={"prod"}).stage("prod")

    assert set(stage.fork) == {again.digest, out.digest}
    assert members(stage) == [VERSIONS[0], VERSIONS[1]]


def test_a_later_move_of_another_version_hides_no_dispute() -> None:
    first = joins("first", version=0)
    again, out = joins("again", first, version=0), leaves("out", first, version=0)
    beside = joins("beside", out, version=1)

    stage = fold([first, again, out, beside]).stage("prod")

    assert set(stage.fork) == {again.digest, out.digest}


def test_a_version_that_replaces_all_is_in_dispute_with_one_that_joins() -> None:
    first = joins("first", version=0)
    joining, alone = joins("joining", first, version=1), put("alone", first, version=2)

    stage = fold([first, joining, alone], protected={"prod"}).stage("prod")

    assert set(stage.fork) == {joining.digest, alone.digest}
    assert members(stage) == [VERSIONS[0]]


# --- refused, missing, many -----------------------------------------------------------------------


def test_a_refused_move_moves_nothing_and_disputes_nothing() -> None:
    stage = fold([BEGUN, LEFT, RIGHT], refused={RIGHT.digest}).stage("prod")

    assert (stage.value, stage.fork) == (VERSIONS[1], ())


def test_a_refused_merge_ends_no_dispute() -> None:
    merge = put("merge", LEFT, RIGHT, version=3)

    state = fold([BEGUN, LEFT, RIGHT, merge], protected={"prod"}, refused={merge.digest})

    assert (state.stage("prod").value, state.stage("prod").kept) == (VERSIONS[0], True)


def test_who_comes_after_a_refused_move_knew_what_that_one_knew() -> None:
    refused = put("refused", LEFT, RIGHT, version=3)
    merge = put("merge", refused, version=2)

    stage = fold([BEGUN, LEFT, RIGHT, refused, merge], refused={refused.digest}).stage("prod")

    assert (stage.value, stage.fork) == (VERSIONS[2], ())


def test_a_stage_whose_only_move_is_refused_is_there_and_empty() -> None:
    state = fold([BEGUN], refused={BEGUN.digest})

    assert state.stages == {"prod": Stage("prod")}


def test_what_an_earlier_reader_refused_is_refused_by_who_cannot_judge() -> None:
    marked = put("marked", BEGUN, version=3, refused=True)

    assert fold([BEGUN, marked]).stage("prod").value == VERSIONS[0]
    assert fold([BEGUN, marked], refused=()).stage("prod").value == VERSIONS[3]


def test_a_parent_that_is_gone_is_said() -> None:
    orphan = event_line("orphan", 5, [BEGUN, NOWHERE])

    assert fold([BEGUN, orphan]).missing == {NOWHERE.hex[:16]}


def test_of_very_many_heads_the_highest_are_named_as_parents() -> None:
    heads = [after(number) for number in range(MOST_PARENTS + 30)]
    deeper = after("deeper", heads[0])

    state = fold([*heads, deeper])

    assert len(state.parents) == MOST_PARENTS
    assert state.parents[0] == deeper.digest
    assert len(state.heads) == MOST_PARENTS + 30


def test_ten_thousand_events_fold_in_a_moment() -> None:
    lines: list[Line] = []
    for number in range(10_000):
        lines.append(put(number, *lines[-1:], stage=STAGES[number % 2], version=number % 4))

    limit, began = pace(), time.process_time()
    state = fold(lines)

    assert time.process_time() - began < 1.0 * limit
    assert state.stage("prod").value == lines[-1].subject
    assert state.stage("dev").value == lines[-2].subject
    assert len(list(timeline(lines))) == 10_000
    assert time.process_time() - began < 2.0 * limit


MANY = tuple(Digest.of(f"one of many {number}".encode()) for number in range(1000))


def joins_and_leaves_at_once() -> Iterator[Line]:
    for number, version in enumerate(MANY):
        said: dict[str, Any] = {"stage": "prod", "subject": version, "shared": True}
        yield event_line(("joins", number), 1, kind="assigned", **said)
        yield event_line(("leaves", number), 1, kind="cleared", protected=True, **said)


def half_of_them_alone(*, knowing: bool) -> Iterator[Line]:
    before: list[Line] = []
    for number, version in enumerate((*MANY, *MANY)):
        line = after(
            number,
            *before,
            kind="assigned",
            stage="prod",
            subject=version,
            shared=number % 2 == 0,
            protected=True,
        )
        before = [line] if knowing else []
        yield line


def dispute_after_dispute(*, shared: bool) -> Iterator[Line]:
    before: list[Line] = []
    for number in range(700):
        said: dict[str, Any] = {"stage": "prod", "shared": shared, "protected": True}
        said["subject"] = MANY[number % 7]
        one = after(("puts", number), *before, kind="assigned", **said)
        other = after(("clears", number), *before, kind="cleared", **said)
        before = [after(("knows both", number), one, other)]
        yield from (one, other, *before)


@pytest.mark.parametrize(
    "lines",
    [
        joins_and_leaves_at_once(),
        half_of_them_alone(knowing=True),
        half_of_them_alone(knowing=False),
        dispute_after_dispute(shared=True),
        dispute_after_dispute(shared=False),
    ],
    ids=["at once", "half alone", "half alone, at once", "shared ladder", "ladder"],
)
def test_two_thousand_events_that_somebody_arranged_fold_in_a_moment(
    lines: Iterator[Line],
) -> None:
    arranged = list(lines)
    limit, began = pace(), time.process_time()

    fold(arranged)

    assert len(arranged) >= 2000
    assert time.process_time() - began < 0.5 * limit


def test_a_number_that_was_registered_ten_thousand_times_is_told_in_a_moment() -> None:
    subjects = [Digest.of(f"{number}".encode()) for number in range(10_000)]
    lines = [
        event_line(number, number + 1, kind="registered", subject=subject, version="1.0.0+a")
        for number, subject in enumerate(subjects)
    ]

    limit, began = pace(), time.process_time()
    found = book.given([*lines, *lines])

    assert time.process_time() - began < 1.0 * limit
    assert found == {"1.0.0_a": tuple(subjects)}
