"""Digests: parsed once, a string from then on."""

from __future__ import annotations

import copy
import hashlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.digest import Digest

ALGORITHMS = {"sha256": 64, "sha512": 128}
digests = st.sampled_from(sorted(ALGORITHMS)).flatmap(
    lambda name: st.text("0123456789abcdef", min_size=(n := ALGORITHMS[name]), max_size=n).map(
        lambda digits: f"{name}:{digits}"
    )
)


@given(digests)
def test_a_digest_is_its_text(text: str) -> None:
    digest = Digest(text)

    assert digest == text
    assert str(digest) == text
    assert f"{digest.algorithm}:{digest.hex}" == text
    assert digest.hex.startswith(digest.short)
    assert hash(digest) == hash(text)


@given(digests)
def test_a_digest_stays_one_when_it_is_parsed_copied_or_pickled(text: str) -> None:
    digest = Digest(text)

    assert Digest(digest) is digest
    assert type(copy.deepcopy(digest)) is Digest
    assert pickle.loads(pickle.dumps(digest)) == digest


@given(st.binary())
def test_the_digest_of_bytes_is_what_hashlib_says(raw: bytes) -> None:
    hasher = hashlib.sha256(raw)

    assert Digest.of(raw) == Digest.finish(hasher) == "sha256:" + hasher.hexdigest()
    assert Digest.of(memoryview(raw)) == Digest.of(bytearray(raw)) == Digest.of(raw)


@given(digests)
def test_a_digests_hasher_is_of_its_own_algorithm(text: str) -> None:
    digest = Digest(text)

    assert digest.hasher().hexdigest() == hashlib.new(digest.algorithm).hexdigest()


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Digest(text)


SOME = "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOME,
        f"sha256-{SOME}",
        f"sha256:{SOME}0",
        f"sha256:{SOME[1:]}",
        f"sha512:{SOME}",
        f"SHA256:{SOME}",
        f"sha256:{SOME[1:]}A",
        f"sha256:{SOME[1:]}g",
        f"sha256:{SOME[1:]}٣",
        f"sha256:{SOME}\n",
        f" sha256:{SOME}",
        f"sha384:{SOME}",
        f"sha256:../{SOME[3:]}",
    ],
)
def test_what_only_looks_like_a_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Digest(text)

    assert raised.value.hint
