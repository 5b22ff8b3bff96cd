"""Answers of models: kept, and compared within a tolerance."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.signatures.answers import differences, encode_answer, plain_answer


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (
            np.array([[1.5, math.nan], [math.inf, -math.inf]]),
            [[1.5, "NaN"], ["Infinity", "-Infinity"]],
        ),
        (np.float32(0.5), 0.5),
        (np.array([True, False]), [True, False]),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), {"a": [1, 2], "b": ["x", "y"]}),
        (pd.Series([1, 2], name="y"), [1, 2]),
        (pl.DataFrame({"a": [1, 2]}), {"a": [1, 2]}),
        (pl.Series([1, 2]), [1, 2]),
        (pa.array([1, None]), [1, None]),
        ({"label": "fraud", "score": 0.9}, {"label": "fraud", "score": 0.9}),
        ([(1, "a")], [[1, "a"]]),
        (b"\x00\xff", "AP8="),
        (datetime.date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_what_models_answer_is_kept(answer: object, kept: object) -> None:
    assert json.loads(encode_answer(answer)) == kept


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(InvalidInput, match="type object cannot be kept"):
        encode_answer([object()])


def test_a_list_in_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)

    with pytest.raises(InvalidInput, match="nested too deeply"):
        encode_answer(circle)


def test_small_differences_are_none() -> None:
    assert differences([0.1, {"p": 1.0}], [0.1000000001, {"p": 1.0000001}]) == ()
    assert differences(["NaN", "Infinity"], ["NaN", "Infinity"]) == ()


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        ([0.1, 0.2], [0.1, 0.3], "[1]"),
        ({"p": [[1.0]]}, {"p": [[2.0]]}, "p[0][0]"),
        ([1, 2], [1], ""),
        (["a"], ["b"], "[0]"),
        ([1.0], ["NaN"], "[0]"),
        ({"a": 1}, {"b": 1}, "a"),
        ([None], [0.0], "[0]"),
    ],
)
def test_a_difference_is_named(expected: object, got: object, where: str) -> None:
    assert differences(expected, got)[0].where == where


def test_few_differences_are_enough() -> None:
    assert len(differences([0] * 1000, [1] * 1000)) == 20


_ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=4),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
)


@given(_ANSWERS)
def test_an_answer_that_was_kept_differs_in_nothing(answer: object) -> None:
    kept = json.loads(encode_answer(answer))

    assert differences(kept, plain_answer(answer)) == ()
