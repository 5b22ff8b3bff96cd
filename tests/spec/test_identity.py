"""What a person says about a version."""

from __future__ import annotations

from typing import Any

import pytest

from lading.errors import InvalidInput
from lading.spec.identity import Identity


def test_nothing_need_be_said() -> None:
    assert Identity() == Identity(
        name=None, version=None, description=None, authors=(), licenses=(), tags={}
    )


def test_lists_are_taken_and_tags_are_sorted() -> None:
    identity = Identity(authors=["Ada", "Grace"], tags={"b": "1", "a": "2"})

    assert identity.authors == ("Ada", "Grace")
    assert list(identity.tags) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"authors": "Ada"}, "authors is one text"),
        ({"licenses": "MIT"}, "licenses is one text"),
        ({"authors": [5]}, "an author is not text"),
        ({"authors": [" "]}, "an author is empty"),
        ({"tags": ["a"]}, "tags is no mapping"),
        ({"tags": {"a": 1}}, "tag a is not text"),
        ({"tags": {1: "a"}}, "a tag's key is not text"),
        ({"tags": {"": "a"}}, "a tag's key is empty"),
        ({"name": 5}, "name is not text"),
        ({"description": "half \ud800"}, "description is not UTF-8"),
        ({"tags": {"\udcff": "a"}}, "a tag's key is not UTF-8"),
    ],
)
def test_what_cannot_be_written_down_is_refused(values: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        Identity(**values)
