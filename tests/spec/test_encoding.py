"""JSON as Go writes it, and JSON as strangers write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.encoding import decode_object, encode

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(texts, values, max_size=5)

# What encoding/json of Go 1.22 and newer writes for each of these strings.
GO = {
    "<a href='x'>&": b"\"\\u003ca href='x'\\u003e\\u0026\"",
    "line\u2028and\u2029paragraph": b'"line\\u2028and\\u2029paragraph"',
    '"\\/': b'"\\"\\\\/"',
    "\b\f\n\r\t": b'"\\b\\f\\n\\r\\t"',
    "\x00\x1f\x7f": b'"\\u0000\\u001f\x7f"',
    "ü 模型 🚢": '"ü 模型 🚢"'.encode(),
}


@pytest.mark.parametrize(("text", "raw"), GO.items())
def test_strings_are_written_as_go_writes_them(text: str, raw: bytes) -> None:
    assert encode(text) == raw


def test_fields_stay_in_their_order_without_spaces() -> None:
    assert encode({"b": 1, "a": [True, None]}) == b'{"b":1,"a":[true,null]}'


@given(objects)
def test_what_was_encoded_is_decoded_equal(value: dict[str, object]) -> None:
    raw = encode(value)

    assert decode_object(raw, "it") == value
    assert decode_object(memoryview(raw), "it") == value
    assert encode(decode_object(raw, "it")) == raw


@given(objects)
def test_nothing_that_go_escapes_is_left(value: dict[str, object]) -> None:
    text = encode(value).decode()

    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


@given(st.binary())
def test_strange_bytes_are_refused_or_an_object(raw: bytes) -> None:
    try:
        value = decode_object(raw, "it")
    except InvalidInput:
        return
    assert isinstance(value, dict)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b'{"a":1}{',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\\ud800"}',
        b'{"\\uDFFF":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32"),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_object(raw, "it")


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert decode_object(b'{"a":"\\ud83d\\udea2"}', "it") == {"a": "🚢"}
    assert decode_object(b'{"a":"\\\\ud800"}', "it") == {"a": "\\ud800"}
