"""The document as it is read from anywhere, and written for new versions."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.document import Document, FileEntry
from lading.spec.manifest import DOCUMENT_LIMIT

LAYER = "sha256:" + "a" * 64
FILE: dict[str, Any] = {"path": "model.bin", "size": 5, "role": "weights", "layer": LAYER}
DOCUMENT: dict[str, Any] = {"schema_version": 1, "files": [FILE]}


def parse(value: object) -> Document:
    return Document.parse(json.dumps(value).encode())


def test_the_smallest_document_is_read() -> None:
    document = parse(DOCUMENT)

    assert document.files == (FileEntry(path="model.bin", size=5, role="weights", layer=LAYER),)
    assert (document.name, document.authors, document.tags) == (None, (), {})


def test_what_is_not_known_is_left_out_and_the_order_is_fixed() -> None:
    document = parse({**DOCUMENT, "tags": {}, "name": "ml/fraud", "description": None})

    assert document.encode() == (
        b'{"schema_version":1,"name":"ml/fraud","files":[{"path":"model.bin","size":5,'
        b'"role":"weights","layer":"' + LAYER.encode() + b'"}]}'
    )


def test_fields_of_a_later_lading_are_kept() -> None:
    later = {
        "schema_version": 2,
        "files": [FILE | {"later": [1, {"deep": None}]}],
        "metrics": [{"name": "auc", "value": 0.9, "later": {}}],
        "unheard_of": True,
    }

    document = parse(later)

    assert document.model_extra == {"unheard_of": True}
    assert document.metrics[0].model_extra == {"later": {}}
    assert document.files[0].model_extra == {"later": [1, {"deep": None}]}


def test_a_document_does_not_change() -> None:
    document = parse(DOCUMENT)

    with pytest.raises(pydantic.ValidationError):
        document.name = "other"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"files": None}, "files"),
        ({"files": []}, "files"),
        ({"files": [FILE | {"size": -1}]}, r"files\.0\.size"),
        ({"files": [FILE | {"size": "5"}]}, r"files\.0\.size"),
        ({"files": [FILE | {"size": True}]}, r"files\.0\.size"),
        ({"files": [FILE | {"path": ""}]}, r"files\.0\.path"),
        ({"files": [FILE | {"sha256": "abc"}]}, r"files\.0\.sha256"),
        ({"files": [FILE | {"layer": "latest"}]}, r"files\.0\.layer"),
        ({"files": [{"path": "x"}]}, r"files\.0\.size"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": 0}, "schema_version"),
        ({"name": 5}, "name"),
        ({"authors": "Ada"}, "authors"),
        ({"tags": {"a": 1}}, r"tags\.a"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], cause: str) -> None:
    with pytest.raises(InvalidInput, match=f"not what a document must be: {cause}"):
        parse(DOCUMENT | change)


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b"{", b"\xff", b'{"a":NaN}', b"[" * 1_000_000, b'{"a":' * 500_000]
)
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        Document.parse(raw)


def test_a_document_nested_too_deeply_is_refused() -> None:
    bomb = json.loads("[" * 200 + "]" * 200)

    with pytest.raises(InvalidInput, match="nested too deeply"):
        parse(DOCUMENT | {"facts": bomb})


def test_a_document_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InvalidInput, match="larger than 16 MiB"):
        Document.parse(b" " * (DOCUMENT_LIMIT + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_document_or_refused(raw: bytes) -> None:
    try:
        Document.parse(raw)
    except InvalidInput as refusal:
        assert refusal.what


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from([*Document.model_fields, "metrics", "x"]), _JSON))
def test_any_fields_are_a_document_or_refused(change: dict[str, Any]) -> None:
    try:
        document = parse(DOCUMENT | change)
    except InvalidInput as refusal:
        assert refusal.what
    else:
        assert Document.parse(document.encode()).encode() == document.encode()
