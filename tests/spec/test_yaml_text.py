"""YAML as people write it, and as attackers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.yaml_text import read_yaml


def test_plain_values_are_read() -> None:
    text = "name: fraud\nmetrics: {auc: 0.93}\nlist: [1, true, null]\n"

    assert read_yaml(text, "it") == {
        "name": "fraud",
        "metrics": {"auc": 0.93},
        "list": [1, True, None],
    }


def test_dates_stay_text() -> None:
    assert read_yaml("created: 2026-01-02", "it") == {"created": "2026-01-02"}


def test_nothing_is_null() -> None:
    assert read_yaml("", "it") is None


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: !!python/object/apply:os.system [ls]",
        "a: !!binary aGk=",
        "[" * 100 + "]" * 100,
        "[" * 100_000,
        "a: [",
        "1: one",
        "{a: 1}: b",
        "a: 1\nb: {c: 1, c: 2}",
        "a: 1\n---\nb: 2",
        "a: .nan",
        "\x00",
        "a" * (1024 * 1024 + 1),
    ],
)
def test_what_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^it "):
        read_yaml(text, "it")


@given(st.text(max_size=200))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    try:
        read_yaml(text, "it")
    except InvalidInput as refusal:
        assert refusal.what
