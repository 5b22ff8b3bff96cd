from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.cli import output

_BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(alphabet=st.characters()))
def test_escaped_text_cannot_move_the_cursor_nor_change_direction(text: str) -> None:
    escaped = output.escape(text)

    categories = {unicodedata.category(letter) for letter in escaped}
    directions = {unicodedata.bidirectional(letter) for letter in escaped}
    assert not categories & {"Cc", "Zl", "Zp", "Cs"}
    assert not directions & _BIDIRECTIONAL
    assert not set(escaped) & set("\u200e\u200f\u061c")


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs", "M"])))
def test_ordinary_text_of_any_language_is_left_as_it_is(text: str) -> None:
    assert output.escape(text) == text


def test_an_escape_says_what_was_there() -> None:
    text = "\x1b[31m\u202egnp.exe\n\x9b\udcff"

    assert output.escape(text) == "\\x1b[31m\\u202egnp.exe\\n\\x9b\\udcff"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (99_940_000, "99.9 MB"),
        (99_960_000, "100 MB"),
        (999_600_000, "1.0 GB"),
        (8_000_000_000, "8.0 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert output.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (4800, "1 h 20 min")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert output.duration(seconds) == text


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("2026-11-21T10:22:33Z", "2026-11-21 10:22"),
        ("2026-11-21T10:22:33.123Z", "2026-11-21 10:22"),
        ("last tuesday", "last tuesday"),
        (None, ""),
    ],
)
def test_dates_are_short_and_what_is_no_date_stays(given_text: str | None, text: str) -> None:
    assert output.date(given_text) == text


def test_counts_agree_with_their_noun() -> None:
    assert output.count(1, "file") == "1 file"
    assert output.count(2000, "entry", "entries") == "2,000 entries"


def test_digests_are_cut_for_people_wherever_they_stand_in_a_text() -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    long = "sha512:" + "fedcba9876543210" * 8

    assert output.short(f"it was {digest}, now {long}") == "it was 0123456789ab, now fedcba987654"
    assert output.short("sha256:0123 is none, nor is prod") == "sha256:0123 is none, nor is prod"
