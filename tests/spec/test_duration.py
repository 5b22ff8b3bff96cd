"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.duration import duration, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5400), ("12h", 43200), ("30d", 2592000), ("2w", 1209600)],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "0d", "1.5d", "1y", "1 d", "1d ", "1d\n", "٣d", "1D", "99999999w"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a duration"):
        seconds_of(text)


@given(st.integers(1, 10**7))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    assert seconds_of(duration(seconds)) == seconds
