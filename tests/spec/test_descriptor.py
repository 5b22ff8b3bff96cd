"""Descriptors: what strangers may write in them, and how they are written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.text("abcz019", min_size=1, max_size=8)
descriptors = st.builds(
    Descriptor,
    st.sampled_from(sorted(mediatypes.MANIFESTS)) | texts,
    st.binary().map(Digest.of),
    st.integers(0, 2**63 - 1),
    annotations=st.dictionaries(texts, texts, max_size=3),
    platform=st.none() | st.builds(Platform, words, words, st.none() | words),
    artifact_type=st.none() | words,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("mediaType", "digest", "size", "annotations", "platform", "artifactType")
GOOD = {"mediaType": "a/b", "digest": str(Digest.of(b"")), "size": 0}


@given(descriptors)
def test_a_descriptor_is_read_back_as_it_was_written(descriptor: Descriptor) -> None:
    read = Descriptor.from_json(descriptor.as_json())

    assert read == descriptor
    assert read.annotations == descriptor.annotations
    assert read.platform == descriptor.platform
    assert read.artifact_type == descriptor.artifact_type


def test_fields_stand_in_the_order_of_go() -> None:
    descriptor = Descriptor(
        "a/b",
        Digest.of(b""),
        0,
        annotations={"b": "2", "a": "1"},
        platform=Platform("arm64", "linux", "v8"),
        artifact_type="c/d",
    )

    value = descriptor.as_json()

    assert list(value) == [
        "mediaType",
        "digest",
        "size",
        "annotations",
        "platform",
        "artifactType",
    ]
    assert list(value["annotations"]) == ["a", "b"]
    assert list(value["platform"]) == ["architecture", "os", "variant"]


@given(anything | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, anything)))
def test_anything_is_a_descriptor_or_refused(value: object) -> None:
    try:
        descriptor = Descriptor.from_json(value)
    except InvalidInput:
        return
    assert descriptor.size >= 0


@given(st.sampled_from(FIELDS), anything)
def test_one_strange_field_is_refused_or_read(field: str, strange: object) -> None:
    try:
        descriptor = Descriptor.from_json({**GOOD, field: strange})
    except InvalidInput:
        return
    assert Descriptor.from_json(descriptor.as_json()) == descriptor


@pytest.mark.parametrize(
    "strange",
    [
        {"size": -1},
        {"size": True},
        {"size": 1.0},
        {"size": "1"},
        {"size": None},
        {"size": 2**63},
        {"digest": "sha256:00"},
        {"digest": None},
        {"mediaType": None},
        {"mediaType": 1},
        {"annotations": []},
        {"annotations": {"a": 1}},
        {"annotations": "a"},
        {"artifactType": 1},
        {"platform": {"os": "linux"}},
        {"platform": {"os": 1, "architecture": "amd64"}},
    ],
    ids=repr,
)
def test_what_a_descriptor_cannot_say_is_refused(strange: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Descriptor.from_json(GOOD | strange)


def test_equal_content_is_equal_whatever_is_said_about_it() -> None:
    plain = Descriptor.of(b"content", "a/b")

    said = plain.with_annotations({"title": "x"})

    assert said == plain
    assert hash(said) == hash(plain)
    assert said.annotations == {"title": "x"}
    assert Descriptor.of(b"content", "c/d") != plain
