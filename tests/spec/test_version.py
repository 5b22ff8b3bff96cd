"""Versions: strict semantic versioning, a total order, and their form as tags."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.tags import TAG
from lading.spec.version import FIRST, Bump, Version, highest_release, next_version

numbers = st.integers(0, 10**12)
words = st.from_regex(r"[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,5}", fullmatch=True)
identifiers = st.integers(0, 10**6).map(str) | words
builds = st.from_regex(r"[0-9A-Za-z-]{1,6}", fullmatch=True)
versions = st.builds(
    Version,
    numbers,
    numbers,
    numbers,
    st.lists(identifiers, max_size=4).map(tuple),
    st.lists(builds, max_size=3).map(tuple),
)
close = st.builds(
    Version,
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 1),
    st.lists(st.sampled_from(["0", "1", "10", "a", "B", "a-"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["1", "cu121"]), max_size=1).map(tuple),
)

# As semver.org lists them, lowest first.
ORDERED = [
    "0.0.4",
    "0.1.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0--",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0+build",
    "1.0.1",
    "2.0.0",
    "10.0.0",
]
WRONG = [
    "",
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "01.2.3",
    "1.02.3",
    "1.2.3-",
    "1.2.3-01",
    "1.2.3-a..b",
    "1.2.3+",
    "1.2.3+a+b",
    "1.2.3_a",
    "1.2.3 ",
    "1.2.3\n",
    "-1.2.3",
    "٣.0.0",
    "1.2.3-ä",
    "1." + "9" * 5000 + ".0",
    "1.2.3-" + "a" * 200,
]


@given(versions)
def test_a_version_is_its_text(version: Version) -> None:
    assert Version.parse(str(version)) == version
    assert str(Version.parse(str(version))) == str(version)


@given(versions)
def test_a_version_is_its_tag(version: Version) -> None:
    assert TAG.fullmatch(version.tag)
    assert Version.from_tag(version.tag) == version


@given(st.text("0123456789abv.-+_", max_size=20))
def test_a_tag_that_is_a_version_is_that_versions_tag(tag: str) -> None:
    version = Version.from_tag(tag)

    assert version is None or version.tag == tag


@given(st.text())
def test_any_text_is_a_version_or_refused(text: str) -> None:
    try:
        version = Version.parse(text)
    except InvalidInput as error:
        assert error.hint
    else:
        assert str(version) == text


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text[:20]))
def test_what_only_looks_like_a_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Version.parse(text)

    assert raised.value.hint
    assert Version.from_tag(text) is None or "_" in text


@pytest.mark.parametrize("tag", ["latest", "1.0.0+a", "1.0.0_a_b", "v1.0.0", "1.0.0-" + "a" * 200])
def test_a_tag_that_is_no_version_is_none(tag: str) -> None:
    assert Version.from_tag(tag) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("v1.2.0", "write it without the v: 1.2.0"),
        ("1", "three numbers are needed: 1.0.0"),
        ("1.2", "three numbers are needed: 1.2.0"),
    ],
)
def test_the_hint_says_how_to_mend_it(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Version.parse(text)

    assert raised.value.hint == hint


def test_the_order_is_that_of_semver_org() -> None:
    ordered = [Version.parse(text) for text in ORDERED]

    assert sorted(ordered, reverse=True) == ordered[::-1]
    for low, high in itertools.combinations(ordered, 2):
        assert low < high
        assert not high <= low
        assert low != high


@given(close, close, close)
def test_the_order_is_total(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a <= b) == (not a > b)
    assert (a == b) == (str(a) == str(b))
    if a == b:
        assert hash(a) == hash(b)
    if a < b < c:
        assert a < c


@given(versions, st.sampled_from(get_args(Bump)))
def test_a_bumped_version_is_a_higher_release(version: Version, part: Bump) -> None:
    bumped = version.bumped(part)

    assert bumped > version
    assert bumped.is_release
    assert not bumped.build


@pytest.mark.parametrize(
    ("version", "part", "bumped"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3-rc.1", "patch", "1.2.3"),
        ("1.2.3-rc.1", "minor", "1.3.0"),
        ("1.2.0-rc.1", "minor", "1.2.0"),
        ("1.2.0-rc.1", "major", "2.0.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("1.2.3+cu121", "patch", "1.2.4"),
    ],
)
def test_a_bump_finishes_the_pre_release_that_prepared_it(
    version: str, part: Bump, bumped: str
) -> None:
    assert str(Version.parse(version).bumped(part)) == bumped


@given(st.lists(versions), st.sampled_from(get_args(Bump)))
def test_the_next_version_is_above_every_other(known: list[Version], part: Bump) -> None:
    tags = ["latest", "prod", *(version.tag for version in known)]

    following = next_version(tags, part)

    assert all(following > version for version in known)
    assert following == FIRST or known


@given(st.lists(versions), st.lists(versions), st.sampled_from(get_args(Bump)))
def test_a_bump_passes_over_what_was_given_before(
    known: list[Version], before: list[Version], part: Bump
) -> None:
    tags = [version.tag for version in known]
    first = next_version(tags, part)
    gone = {version.tag for version in (*before, first, first.bumped(part))}

    following = next_version(tags, part, given=gone)

    assert following.tag not in gone
    assert following == first.bumped(part).bumped(part) or before


def test_a_number_that_leaves_none_above_it_is_told_before_it_is_used() -> None:
    longest = "9" * 124 + ".0.0"

    assert next_version([longest], "minor") > Version.parse(longest)
    with pytest.raises(InvalidInput, match="no major version above the highest"):
        next_version([longest], "major")


def test_latest_is_the_highest_release() -> None:
    tags = ["latest", "1.9.0", "1.10.0", "2.0.0-rc.1", "v3.0.0", "keep-000000000000"]

    assert highest_release(tags) == Version.parse("1.10.0")
    assert highest_release(["latest", "1.0.0-rc.1"]) is None
