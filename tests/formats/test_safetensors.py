"""The safetensors header: what the library takes is taken, what it refuses is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from formats.models import library, safetensors_bytes
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.formats.look import look
from lading.formats.safetensors import header
from lading.formats.window import BytesWindow, FileWindow


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_every_tensor_is_where_the_library_finds_it(models: dict[str, Path]) -> None:
    path = models["model.safetensors"]
    real = library("safetensors.numpy").load_file(path)

    with FileWindow(path) as window:
        found = header(window)
        raw = {name: window.read_at(t.offset, t.length) for name, t in found.tensors.items()}

    assert found.metadata == {"format": "pt", "who": "a test"}
    assert raw == {name: array.tobytes() for name, array in real.items()}
    assert {n: (t.dtype, t.shape) for n, t in found.tensors.items()} == {
        name: (str(array.dtype), array.shape) for name, array in real.items()
    }


def test_types_without_arrow_names_keep_their_own() -> None:
    tensors = {"a": entry("BF16", [2], 0, 4), "b": entry("F8_E4M3", [3], 4, 7)}
    window = BytesWindow(safetensors_bytes(tensors, bytes(7)))

    found = header(window)

    assert [t.dtype for t in found.tensors.values()] == ["bfloat16", "f8_e4m3"]


LIES = {
    "outside": ({"a": entry("U8", [9], 0, 9)}, bytes(8)),
    "overlap": ({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 2, 6)}, bytes(6)),
    "hole": ({"a": entry("U8", [4], 4, 8)}, bytes(8)),
    "belong to no": ({"a": entry("U8", [4], 0, 4)}, bytes(8)),
    "do not make": ({"a": entry("F32", [2], 0, 4)}, bytes(4)),
    "than any machine": ({"a": entry("U8", [2**40, 2**40], 0, 4)}, bytes(4)),
    "as it must be": ({"a": entry("U8", [-4], 0, 4)}, bytes(4)),
    "begins and ends": ({"a": entry("U8", [4], 4, 0)}, bytes(4)),
    "object of texts": ({"__metadata__": {"a": 1}}, b""),
    "twice": (b'{"a":%s,"a":%s}' % ((json.dumps(entry("U8", [0], 0, 0)).encode(),) * 2), b""),
    "not JSON": (b'{"a" 1}', b""),
    "not a JSON object": (b"[]", b""),
    "UTF-8": (b'{"\xff":1}', b""),
    "follows": (b"{} x", b""),
    "not described": (b'{"a":{"dtype":"U8","shape":[[{}]]}}', b""),
}


@pytest.mark.parametrize("cause", LIES)
def test_a_header_that_lies_is_refused(cause: str) -> None:
    value, data = LIES[cause]
    raw = safetensors_bytes(value, data)

    with pytest.raises(InvalidInput, match=cause):
        header(BytesWindow(raw))


@pytest.mark.parametrize("cause", LIES)
def test_a_header_that_lies_leaves_a_note(cause: str) -> None:
    value, data = LIES[cause]

    found = look("model.safetensors", BytesWindow(safetensors_bytes(value, data)))

    assert found is not None
    # Two of the same name cannot be told from one without keeping all names.
    assert found.facts.notes or cause == "twice"


@pytest.mark.parametrize("length", [2**63, 100_000_001, 10**6])
def test_a_header_that_is_longer_than_the_file_or_any_other_is_refused(length: int) -> None:
    raw = safetensors_bytes({}, length=length)

    with pytest.raises(InvalidInput, match="longer than"):
        header(BytesWindow(raw))


def library_takes(raw: bytes) -> bool:
    safetensors = library("safetensors")
    try:
        safetensors.deserialize(raw)
    except safetensors.SafetensorError:
        return False
    return True


tensors = st.dictionaries(
    st.text(max_size=4),
    st.builds(
        entry,
        st.sampled_from(["U8", "F32", "BF16"]),
        st.lists(st.integers(0, 3), max_size=2),
        st.integers(0, 8),
        st.integers(0, 8),
    ),
    max_size=3,
)


@given(tensors, st.integers(0, 12))
def test_what_the_library_refuses_is_refused_and_the_rest_is_taken(
    described: dict[str, Any], size: int
) -> None:
    raw = safetensors_bytes(described, bytes(size))

    try:
        header(BytesWindow(raw))
    except InvalidInput:
        taken = False
    else:
        taken = True

    assert taken == library_takes(raw)


@given(st.lists(st.integers(0, 5), max_size=6))
def test_whole_files_are_taken_as_the_library_takes_them(lengths: list[int]) -> None:
    described, end = {}, 0
    for number, length in enumerate(lengths):
        described[f"t{number}"] = entry("I16", [length], end, end + 2 * length)
        end += 2 * length
    raw = safetensors_bytes(described, bytes(end))

    found = header(BytesWindow(raw))

    assert library_takes(raw)
    assert [t.shape for t in found.tensors.values()] == [(length,) for length in lengths]


def test_offsets_count_from_the_start_of_the_window() -> None:
    raw = safetensors_bytes({"a": entry("U8", [3], 0, 3)}, b"xyz")

    found = header(BytesWindow(raw)).tensors["a"]

    assert raw[found.offset : found.offset + found.length] == b"xyz"
    assert found.offset == 8 + struct.unpack("<Q", raw[:8])[0]
