"""The evidence of an image: read back as it was written, and nothing else is believed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec import evidence as kinds
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.image import IMAGE_LIMIT, BaseImage, Image, image_from, named_by, parse_image
from lading.spec.mediatypes import IMAGE_INDEX, IMAGE_LAYER

IMAGE = Image(
    index=Digest.of(b"version"),
    model=Digest.of(b"model"),
    target="serve",
    repository="registry.example.com/ml/fraud",
    descriptor=Descriptor(IMAGE_INDEX, Digest.of(b"image"), 1234),
    platforms=(Platform("amd64", "linux"), Platform("arm64", "linux", "v8")),
    base=BaseImage("registry.example.com/python:3.12", Digest.of(b"base")),
    how="assembled",
    tool="lading 0.1.0",
    created="2026-03-01T12:00:00Z",
    actor="ada",
    reproducible=False,
    why_not="a package was built while it was installed",
)
FIELDS = ("subject", "target", "image", "how", "tool", "created", "actor", "reproducible")


def test_what_is_written_is_read_back() -> None:
    assert parse_image(IMAGE.encode()) == IMAGE


def test_what_need_not_be_known_may_be_left_out() -> None:
    value = IMAGE.as_json()
    for name in ("base", "why_not"):
        del value[name]
    del value["subject"]["model"]

    image = image_from(value)

    assert (image.base, image.why_not, image.model) == (None, None, None)


def test_a_later_lading_may_say_more() -> None:
    assert image_from(IMAGE.as_json() | {"mood": "good"}) == IMAGE


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("wrong", [None, 7, "", "x" * 600, [], {}, {"index": "sha256:0"}])
def test_a_field_that_is_wrong_is_refused(field: str, wrong: object) -> None:
    with pytest.raises(InvalidInput):
        image_from(IMAGE.as_json() | {field: wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "sha256:abc"},
        {"media_type": IMAGE_LAYER},
        {"size": -1},
        {"platforms": []},
        {"platforms": ["linux"]},
        {"platforms": [7]},
        {"platforms": ["linux/amd64"] * 33},
        {"platforms": ["linux/\x1b[2J"]},
        {"repository": ""},
    ],
)
def test_an_image_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    value = IMAGE.as_json()
    value["image"] |= wrong

    with pytest.raises(InvalidInput):
        image_from(value)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"{" * 10_000, b" " * IMAGE_LIMIT + b"{}"])
def test_what_is_no_evidence_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_image(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=20,
)


@given(value=st.dictionaries(st.sampled_from((*FIELDS, "base", "why_not")), JSON))
def test_whatever_somebody_wrote_is_read_or_refused(value: dict[str, Any]) -> None:
    raw = json.dumps(IMAGE.as_json() | value).encode()

    with contextlib.suppress(InvalidInput):
        assert parse_image(raw).encode()


def test_the_manifest_says_which_image_is_meant() -> None:
    assert named_by(IMAGE.annotations) == IMAGE.descriptor.digest
    assert named_by({}) is named_by({"dev.lading.image": "latest"}) is None


def test_evidence_of_another_version_is_known_as_such() -> None:
    content = kinds.content_of(kinds.IMAGE, IMAGE.encode())

    other, model = Digest.of(b"other"), Digest.of(b"model")

    assert kinds.names_another(kinds.IMAGE, content, IMAGE.index, None) is None
    assert kinds.names_another(kinds.IMAGE, content, other, model) is None
    assert kinds.names_another(kinds.IMAGE, content, other, None) == IMAGE.index
