"""Asking together: which go together, that each gets its own answer, and how many at once."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lading.serving.batching import QUICK_SECONDS, TARGET_SECONDS, Haste, Pace, profits, together
from lading.serving.live import cut
from lading.serving.protocol.given import Given, merged, part
from lading.signatures.npy import Array

ROWS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def array(rows: int, start: int = 0) -> Array:
    numbers = range(start, start + 2 * rows)
    return Array("float64", (rows, 2), memoryview(struct.pack(f"<{2 * rows}d", *numbers)))


def table(rows: int, start: int = 0) -> Any:
    return {"columns": ["a", "b"], "data": [[at, str(at)] for at in range(start, start + rows)]}


@given(ROWS)
def test_arrays_are_one_after_the_other(rows: list[int]) -> None:
    several = [Given(array(n, 100 * at), "tensor", n) for at, n in enumerate(rows)]

    whole = merged(several)

    assert whole.rows == sum(rows)
    assert whole.value.tolist() == [row for each in several for row in each.value.tolist()]


@given(ROWS)
def test_tables_and_named_arrays_are_one_after_the_other(rows: list[int]) -> None:
    tables = [Given(table(n, 100 * at), "table", n) for at, n in enumerate(rows)]
    named = [Given({"x": array(n, at), "y": array(n)}, "tensors", n) for at, n in enumerate(rows)]

    assert merged(tables).value["data"] == [row for each in tables for row in each.value["data"]]
    assert merged(named).value["x"].shape == (sum(rows), 2)


@given(st.integers(2, 8), st.data())
def test_parts_put_together_are_the_whole(rows: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, rows - 1))
    for whole in (
        Given(array(rows), "tensor", rows),
        Given(table(rows), "table", rows),
        Given({"x": array(rows)}, "tensors", rows),
    ):
        again = merged([part(whole, 0, at), part(whole, at, rows)])

        assert again == whole


@given(ROWS)
def test_everybody_gets_the_answer_to_their_own_rows(rows: list[int]) -> None:
    total = sum(rows)
    numbers = np.arange(total)

    found = cut({"x": numbers, "y": [[at] for at in range(total)]}, rows)

    assert found is not None
    assert [len(each["x"]) for each in found] == rows
    assert np.concatenate([each["x"] for each in found]).tolist() == list(range(total))
    assert cut(np.arange(total + 1), rows) is None
    assert cut([np.arange(total)] * total, rows) is None
    assert cut(3.5, rows) is None


@given(
    st.lists(st.sampled_from([None, "a", "b"]), max_size=10),
    st.integers(1, 20),
    st.data(),
)
def test_a_batch_is_never_empty_nor_mixed_nor_larger_than_it_may_be(
    kinds: list[str | None], limit: int, data: st.DataObject
) -> None:
    rows = [data.draw(st.integers(1, 8)) for _ in kinds]

    count = together(kinds, rows, limit)

    assert 1 <= count <= max(1, len(kinds))
    if count > 1:
        assert set(kinds[:count]) == {kinds[0]} != {None}
        assert sum(rows[:count]) <= limit


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1))))
def test_the_pace_stays_within_its_bounds(seen: list[tuple[int, float]]) -> None:
    pace = Pace(most=100)

    for rows, seconds in seen:
        pace = pace.after(rows, seconds)

        assert 1 <= pace.limit <= 100


def test_the_pace_grows_while_answers_are_quick_and_falls_when_they_are_not() -> None:
    pace = Pace(most=10_000)

    grown = pace.after(32, 0.001).after(40, 0.001)
    fallen = pace.after(32, 2 * TARGET_SECONDS)

    assert grown.limit > pace.limit > fallen.limit
    assert pace.after(1, 0.001) == pace


def test_only_numbers_are_asked_where_requests_are_read_and_only_after_many_quick_answers() -> None:
    numbers, text = Given(array(1), "tensor", 1), Given(table(1), "table", 1)
    haste = Haste()
    for _ in range(50):
        haste = haste.after(0.0001)

    assert haste.is_quick([numbers])
    assert not haste.is_quick([text])
    assert not haste.is_quick([numbers, text])
    assert not haste.is_quick([Given(array(500), "tensor", 500)])
    assert not haste.is_quick([Given(array(1), "tensor", None)])
    assert not haste.after(1.0).is_quick([numbers])
    assert not Haste().is_quick([numbers])


def test_asking_together_must_be_worth_it() -> None:
    assert profits(alone=1.0, together=2.0, times=8)
    assert not profits(alone=1.0, together=7.0, times=8)


def test_one_interruption_is_forgiven_and_a_slow_model_is_not() -> None:
    numbers = Given(array(1), "tensor", 1)
    haste = Haste()
    for _ in range(50):
        haste = haste.after(0.0001)

    once = haste.after(1.5 * QUICK_SECONDS)
    often = haste
    for _ in range(20):
        often = often.after(0.0001).after(0.0001).after(1.5 * QUICK_SECONDS)

    assert once.is_quick([numbers])
    assert not often.is_quick([numbers])
    assert not haste.after(5 * QUICK_SECONDS).is_quick([numbers])


@given(st.lists(st.floats(0, 1)))
def test_haste_is_never_endless_nor_in_debt(seen: list[float]) -> None:
    haste = Haste()

    for seconds in seen:
        haste = haste.after(seconds)

        assert 0 <= haste.quick <= 40
