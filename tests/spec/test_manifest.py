"""Manifests and indexes: the bytes that are written, and the bytes that strangers send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.descriptor import UNKNOWN_PLATFORM, Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import encode
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest, parse

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
sayings = st.dictionaries(texts, texts, max_size=3)
descriptors = st.builds(
    Descriptor,
    st.sampled_from([mediatypes.MODEL_LAYER, mediatypes.IMAGE_LAYER, mediatypes.IMAGE_MANIFEST]),
    st.binary().map(Digest.of),
    st.integers(0, 2**40),
    annotations=sayings,
    platform=st.sampled_from([None, UNKNOWN_PLATFORM, Platform("arm64", "linux", "v8")]),
)
lists = st.lists(descriptors, max_size=4).map(tuple)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
)
BLOB = Descriptor.of(b"{}", mediatypes.EMPTY)
MANIFEST = Manifest.build(BLOB, (BLOB,), artifact_type="a/b", subject=BLOB, annotations={"a": "b"})
INDEX = Index.build((BLOB,), artifact_type="a/b", annotations={"a": "b"})


@given(descriptors, lists, st.none() | descriptors, sayings)
def test_a_manifest_is_read_back_as_it_was_built(
    config: Descriptor,
    layers: tuple[Descriptor, ...],
    subject: Descriptor | None,
    said: dict[str, str],
) -> None:
    built = Manifest.build(config, layers, artifact_type="a/b", subject=subject, annotations=said)

    read = parse(built.raw)

    assert read == built
    assert read.children == (config, *layers)
    assert read.descriptor == Descriptor.of(built.raw, mediatypes.IMAGE_MANIFEST)


@given(lists, sayings)
def test_an_index_is_read_back_as_it_was_built(
    manifests: tuple[Descriptor, ...], said: dict[str, str]
) -> None:
    built = Index.build(manifests, artifact_type="a/b", annotations=said)

    read = parse(built.raw)

    assert read == built
    assert read.children == manifests
    assert [d.platform for d in read.children] == [d.platform for d in manifests]


@given(descriptors, lists, sayings)
def test_what_is_built_is_what_go_would_write_again(
    config: Descriptor, layers: tuple[Descriptor, ...], said: dict[str, str]
) -> None:
    raw = Manifest.build(config, layers, artifact_type="a/b", annotations=said).raw

    fields = list(json.loads(raw))

    assert fields == [name for name in _GO_ORDER if name in fields]
    assert encode(json.loads(raw)) == raw


_GO_ORDER = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
]


@pytest.mark.parametrize("built", [MANIFEST, INDEX], ids=["manifest", "index"])
@given(data=st.data())
def test_a_manifest_with_one_strange_field_is_refused_or_read(
    built: Manifest | Index, data: st.DataObject
) -> None:
    value: dict[str, Any] = json.loads(built.raw)
    value[data.draw(st.sampled_from(FIELDS))] = data.draw(anything)

    try:
        read = parse(encode(value))
    except InvalidInput:
        return

    assert read.raw == encode(value)


@pytest.mark.parametrize("built", [MANIFEST, INDEX], ids=["manifest", "index"])
@given(data=st.data())
def test_a_manifest_with_damaged_bytes_is_refused_or_read(
    built: Manifest | Index, data: st.DataObject
) -> None:
    raw = bytearray(built.raw)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    try:
        read = parse(bytes(raw))
    except InvalidInput:
        return

    assert read.raw == raw


@given(st.binary(max_size=200), st.none() | st.sampled_from(sorted(mediatypes.MANIFESTS)) | texts)
def test_strange_bytes_are_refused(raw: bytes, media_type: str | None) -> None:
    with pytest.raises(InvalidInput):
        parse(raw, media_type)


def changed(built: Manifest | Index, **fields: object) -> bytes:
    value = json.loads(built.raw) | fields
    return encode({name: field for name, field in value.items() if field is not ...})


def test_the_type_inside_wins_over_the_one_a_header_claims() -> None:
    assert isinstance(parse(MANIFEST.raw, mediatypes.IMAGE_INDEX), Manifest)
    assert isinstance(parse(INDEX.raw, mediatypes.IMAGE_MANIFEST), Index)


def test_without_a_type_inside_the_claimed_one_holds() -> None:
    raw = changed(MANIFEST, mediaType=...)

    assert parse(raw, mediatypes.DOCKER_MANIFEST).media_type == mediatypes.DOCKER_MANIFEST
    with pytest.raises(InvalidInput):
        parse(raw, "text/plain")


def test_without_any_type_the_fields_decide() -> None:
    assert isinstance(parse(changed(MANIFEST, mediaType=...)), Manifest)
    assert isinstance(parse(changed(INDEX, mediaType=...)), Index)


def test_an_index_without_a_list_is_none() -> None:
    with pytest.raises(InvalidInput):
        parse(changed(INDEX, manifests=...))
    with pytest.raises(InvalidInput):
        parse(b"{}", mediatypes.IMAGE_INDEX)


def test_a_list_that_go_wrote_as_null_is_empty() -> None:
    assert parse(changed(INDEX, manifests=None)).children == ()
    assert parse(changed(MANIFEST, layers=None)).children == (BLOB,)


# One reader takes such a document for an index, another for an image (CVE-2021-41190).
@pytest.mark.parametrize(
    "raw",
    [
        changed(MANIFEST, manifests=[BLOB.as_json()]),
        changed(MANIFEST, manifests=[BLOB.as_json()], mediaType=...),
        changed(INDEX, layers=[BLOB.as_json()]),
        changed(INDEX, config=BLOB.as_json()),
        changed(INDEX, config=BLOB.as_json(), mediaType=...),
    ],
)
def test_what_is_a_manifest_and_an_index_at_once_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse(raw)


def test_above_four_megabytes_nothing_is_parsed() -> None:
    raw = MANIFEST.raw + b" " * (MANIFEST_LIMIT - len(MANIFEST.raw))

    assert parse(raw).raw == raw
    with pytest.raises(InvalidInput):
        parse(raw + b" ")


def test_the_kind_is_the_artifact_type_or_else_the_configs() -> None:
    assert MANIFEST.kind == "a/b"
    assert Manifest.build(BLOB, ()).kind == mediatypes.EMPTY
