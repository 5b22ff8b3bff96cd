"""Which version content says it is, held against the tag that it lies under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.spec.mediatypes import DOCUMENT, VERSION
from lading.spec.own_version import other_version, stated_version
from lading.spec.version import Version


def saying(version: str) -> dict[str, str]:
    return {VERSION: version, DOCUMENT: "sha256:" + "0" * 64}


@pytest.mark.parametrize(
    ("tag", "said", "found"),
    [
        ("1.0.0", "1.1.0", "1.1.0"),
        ("1.0.0", "1.0.0", None),
        ("1.0.0_cu121", "1.0.0+cu121", None),
        ("1.0.0", "1.0.0+cu121", "1.0.0+cu121"),
        ("1.0.0_cu118", "1.0.0+cu121", "1.0.0+cu121"),
        ("prod", "1.1.0", None),
        ("latest", "1.1.0", None),
        (None, "1.1.0", None),
        ("1.0.0", "the second", None),
    ],
)
def test_only_another_version_under_a_versions_tag_is_wrong(
    tag: str | None, said: str, found: str | None
) -> None:
    other = other_version(tag, saying(said))

    assert (str(other) if other else None) == found


def test_what_other_tools_wrote_is_not_meant() -> None:
    assert other_version("1.0.0", {VERSION: "1.1.0"}) is None
    assert other_version("1.0.0", {}) is None


@given(st.from_regex(r"[0-9]\.[0-9]\.[0-9](-rc\.[0-9])?(\+[a-z]{1,4}[0-9]?)?", fullmatch=True))
def test_every_version_lies_rightly_under_its_own_tag(text: str) -> None:
    version = Version.parse(text)

    assert stated_version(saying(text)) == version
    assert other_version(version.tag, saying(text)) is None
