"""Tags: whose they are, and what may be set."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.tags import (
    LATEST,
    TAG,
    TARGETS,
    Target,
    fallback_tag,
    image_of,
    image_tag,
    is_own,
    keep_tag,
    settable,
)
from lading.spec.version import Version

SHA256 = Digest.of(b"some content")
SHA512 = Digest("sha512:" + hashlib.sha512(b"some content").hexdigest())


@given(st.binary())
def test_ladings_own_tags_are_tags_and_known_as_such(raw: bytes) -> None:
    digest = Digest.of(raw)

    for tag in (keep_tag(digest), fallback_tag(digest)):
        assert TAG.fullmatch(tag)
        assert is_own(tag)


def test_the_fallback_tag_is_that_of_the_specification() -> None:
    assert fallback_tag(SHA256) == f"sha256-{SHA256.hex}"
    # Cut, so that it fits into a tag's 128 characters.
    assert fallback_tag(SHA512) == f"sha512-{SHA512.hex[:64]}"
    assert TAG.fullmatch(fallback_tag(SHA512))
    assert is_own(fallback_tag(SHA512))


@pytest.mark.parametrize(
    "tag",
    ["ledger", "ledger-2026", "evt.2026.x", "keep-0123456789ab", "sha256-00ff", "sha256-0.sig"],
)
def test_bookkeeping_is_hidden(tag: str) -> None:
    assert is_own(tag)


@pytest.mark.parametrize(
    "tag", ["1.0.0", "latest", "prod", "keep-me", "ledgers", "sha256", "keep-0123456789abc", "evt"]
)
def test_what_people_name_is_not_hidden(tag: str) -> None:
    assert not is_own(tag)


@pytest.mark.parametrize("tag", ["prod", "dev", "keep-me", "v1", "1.2", "Release_3", "_x"])
def test_a_stage_can_be_set(tag: str) -> None:
    assert settable(tag) == tag


NO_TAGS = ["", "-a", ".a", "a/b", "a:b", "a b", "ä", "a" * 129, "a\n"]
KEPT = ["1.0.0", "1.0.0_cu121", "1.0.0-rc.1", "latest", "keep-0123456789ab", "sha256-00"]
IMAGES = ["serve-1.0.0", "base-1.0.0", "train-x", "ledger", "evt.1"]


@pytest.mark.parametrize("tag", [*NO_TAGS, *KEPT, *IMAGES])
def test_what_is_kept_or_no_tag_cannot_be_set(tag: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        settable(tag)

    assert raised.value.hint


@given(st.text(max_size=130))
def test_any_text_is_settable_or_refused(text: str) -> None:
    try:
        tag = settable(text)
    except InvalidInput:
        return
    assert TAG.fullmatch(tag)
    assert tag != LATEST
    assert not is_own(tag)
    assert Version.from_tag(tag) is None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("text", ["1.2.0", "1.2.0-rc.1", "0.1.0+cu121"])
def test_an_image_s_tag_says_its_version_and_is_none(target: Target, text: str) -> None:
    tag = image_tag(target, Version.parse(text))

    assert TAG.fullmatch(tag)
    assert image_of(tag) == (target, Version.parse(text))
    assert Version.from_tag(tag) is None
    assert not is_own(tag)
    with pytest.raises(InvalidInput):
        settable(tag)


@pytest.mark.parametrize("tag", ["serve", "serve-", "serve-prod", "serve-v1.0.0", "other-1.0.0"])
def test_what_only_looks_like_an_image_s_tag_is_none(tag: str) -> None:
    assert image_of(tag) is None


def test_a_version_too_long_for_an_image_s_tag_is_refused() -> None:
    with pytest.raises(InvalidInput, match="too long"):
        image_tag("serve", Version.parse("1.0.0-" + "a" * 120))
