"""References: what people write, and that it is written back as it was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.reference import Reference, is_host

DIGEST = Digest.of(b"some content")
components = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,2})[a-z0-9]{1,5}){0,2}", fullmatch=True)
repositories = st.lists(components, min_size=1, max_size=4).map("/".join)
labels = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
ports = st.integers(1, 65535)
hosts = st.one_of(
    st.tuples(labels, labels).map(".".join),
    st.tuples(labels, ports).map(lambda pair: f"{pair[0]}:{pair[1]}"),
    st.just("localhost"),
    st.just("[::1]:5000"),
)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.binary().map(Digest.of)
names = st.builds(
    Reference,
    repositories,
    host=st.none() | hosts,
    tag=st.none() | tags,
    digest=st.none() | digests,
)


def reads_as_a_name_without_host(reference: Reference) -> bool:
    first, slash, _ = reference.repository.partition("/")
    return bool(reference.host) or not (slash and (first == "localhost" or "." in first))


@given(names.filter(reads_as_a_name_without_host))
def test_a_reference_is_its_text(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference


@given(st.text())
def test_any_text_is_a_reference_that_reads_back_or_is_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidInput as error:
        assert error.what
    else:
        assert Reference.parse(str(reference)) == reference


@given(st.text("ab.:/@_-A0", max_size=30))
def test_any_text_after_oci_is_a_layout_that_reads_back_or_is_refused(text: str) -> None:
    try:
        reference = Reference.parse(f"oci:{text}")
    except InvalidInput:
        return
    assert reference.layout
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fraud", Reference("fraud")),
        ("ml/fraud:1.2.0", Reference("ml/fraud", tag="1.2.0")),
        ("localhost/x", Reference("x", host="localhost")),
        ("localhost:5000/x:1", Reference("x", host="localhost:5000", tag="1")),
        ("ghcr.io/acme/bert:prod", Reference("acme/bert", host="ghcr.io", tag="prod")),
        ("[::1]:5000/x", Reference("x", host="[::1]:5000")),
        (f"x@{DIGEST}", Reference("x", digest=DIGEST)),
        (f"r.io/x:1@{DIGEST}", Reference("x", host="r.io", tag="1", digest=DIGEST)),
        ("oci:models", Reference("models", layout="models")),
        ("oci:./a/b:1.0.0", Reference("b", layout="./a/b", tag="1.0.0")),
        ("oci:/a/b/", Reference("b", layout="/a/b/")),
        ("oci:/a:b/c", Reference("c", layout="/a:b/c")),
        (f"oci:/a/b@{DIGEST}", Reference("b", layout="/a/b", digest=DIGEST)),
        ("oci:/home/me@work/x:1.0.0", Reference("x", layout="/home/me@work/x", tag="1.0.0")),
        (f"oci:/me@work/x@{DIGEST}", Reference("x", layout="/me@work/x", digest=DIGEST)),
    ],
)
def test_what_people_write_is_understood(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1.0.0",
        "x:",
        "/x",
        "x/",
        "x//y",
        "Fraud",
        "ghcr.io/Acme/x",
        "x y",
        "x:1.0.0+cu121",
        "x:" + "a" * 129,
        "a" * 256,
        "x@",
        "x@sha256:00",
        f"x@{DIGEST}:1",
        f"x@{DIGEST}@{DIGEST}",
        "../x",
        "x/../y",
        "_x",
        "ghcr.io:0/x",
        "ghcr.io:99999/x",
        "gh cr.io/x",
        "-a.b/x",
        "https://ghcr.io/x",
        "user@ghcr.io/x",
        "oci:",
        "oci::1.0.0",
        "oci:x:",
        "oci:a:b:",
        "oci:x:a b",
        "oci:a\0b",
        f"oci:@{DIGEST}",
        "oci:x@sha256:00",
        "x\n",
        "x:1\n",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Reference.parse(text)


def test_the_hint_names_the_underscore_for_build_metadata() -> None:
    with pytest.raises(InvalidInput) as raised:
        Reference.parse("fraud:1.0.0+cu121")

    assert raised.value.hint == "semver's + is written _ in a tag"


@given(names, tags, digests)
def test_a_place_keeps_its_place_under_another_name(
    reference: Reference, tag: str, digest: Digest
) -> None:
    by_tag, by_digest = reference.with_tag(tag), reference.with_digest(digest)

    assert by_tag.base == by_digest.base == reference.base
    assert (by_tag.name, by_tag.digest) == (tag, None)
    assert (by_digest.name, by_digest.tag) == (digest, None)


@given(st.text())
def test_any_text_is_a_host_or_not(text: str) -> None:
    assert is_host(text) in (True, False)
