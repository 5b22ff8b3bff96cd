"""Hyperparameters: whatever a model says of itself, the document can keep what is kept."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.frameworks import how
from lading.frameworks.params import MOST, plain
from lading.spec.encoding import decode_object, encode

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(id),
    lambda part: st.lists(part) | st.tuples(part) | st.dictionaries(st.text(), part),
    max_leaves=10,
)


class Level(IntEnum):
    HIGH = 1


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), ANYTHING))
def test_what_is_kept_survives_the_document(params: dict[str, object]) -> None:
    kept, left_out = plain(params)

    assert decode_object(encode(kept), "params") == kept
    assert len(kept) + left_out == len(params)


def test_numbers_of_numpy_are_numbers() -> None:
    kept, left_out = plain({"depth": np.int64(3), "rate": np.float32(0.5), "flag": np.bool_(True)})

    assert json.dumps(kept) == '{"depth": 3, "rate": 0.5, "flag": true}'
    assert left_out == 0


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), 2**60, "x" * 2000, list(range(1000)), {"a": 1}, object()),
        *(Level.HIGH, np.array([1, 2]), [object()], "\ud800"),
    ],
)
def test_what_is_no_short_plain_value_is_left_out(value: object) -> None:
    assert plain({"value": value}) == ({}, 1)


def test_there_is_an_end_to_parameters() -> None:
    kept, left_out = plain({str(number): number for number in range(MOST + 7)})

    assert (len(kept), left_out) == (MOST, 7)


@pytest.mark.parametrize("value", [1, None, ["x"], {"x": "y"}, "x" * 1000])
def test_what_a_document_says_is_looked_at_before_it_is_used(value: Any) -> None:
    with pytest.raises(InvalidInput, match="no adapter writes"):
        how.text({"class": value}, "class", "")


def test_an_object_is_asked_for_where_one_must_be() -> None:
    assert how.values({}, "params") == {}
    with pytest.raises(InvalidInput, match="no adapter writes"):
        how.values({"params": [1]}, "params")
