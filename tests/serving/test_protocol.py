"""The protocol alone: laws over requests that clients send, and over those that nobody should."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.serving.protocol import binary, request, response
from lading.serving.protocol.datatypes import DATATYPES, flattened, nested
from lading.serving.protocol.outputs import Outputs

SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    **{f"INT{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 64)},
    **{f"UINT{bits}": st.integers(0, 2**bits - 1) for bits in (8, 32, 64)},
    "FP16": st.floats(width=16, allow_nan=False, allow_infinity=False),
    "FP32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "FP64": st.floats(allow_nan=False, allow_infinity=False),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
# Requests that nearly are some: the right names with anything behind them.
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "parameters": JSON | st.just({"binary_data_output": True}),
        "outputs": JSON | st.lists(st.fixed_dictionaries({"name": JSON}), max_size=2),
        "inputs": JSON
        | st.lists(
            st.fixed_dictionaries(
                {"name": JSON | st.just("x")},
                optional={
                    "datatype": JSON | st.sampled_from(sorted(DATATYPES)),
                    "shape": JSON | st.lists(st.integers(-1, 2**70), max_size=4),
                    "data": JSON | st.lists(JSON, max_size=4),
                    "parameters": JSON | st.fixed_dictionaries({"binary_data_size": JSON}),
                },
            ),
            max_size=3,
        ),
    },
)


def body(datatype: str, shape: tuple[int, ...], data: Any) -> bytes:
    value = {"name": "x", "datatype": datatype, "shape": list(shape), "data": data}
    return json.dumps({"inputs": [value]}).encode()


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, tuple[int, ...], list[Any]]:
    name = draw(st.sampled_from(sorted(NUMBERS)))
    shape = draw(SHAPES)
    count = math.prod(shape)
    return name, shape, draw(st.lists(NUMBERS[name], min_size=count, max_size=count))


@given(tensors())
def test_numbers_are_what_was_sent_flat_or_nested(
    tensor: tuple[str, tuple[int, ...], list[Any]],
) -> None:
    name, shape, flat = tensor

    (one,) = request.parse(body(name, shape, flat)).inputs
    (other,) = request.parse(body(name, shape, nested(flat, shape))).inputs

    assert one.flat() == other.flat() == flat
    assert bytes(one.array().data) == bytes(other.array().data)
    assert one.array().shape == shape


@given(tensors())
def test_binary_numbers_are_the_same_as_in_json(
    tensor: tuple[str, tuple[int, ...], list[Any]],
) -> None:
    name, shape, flat = tensor
    raw = struct.pack(f"<{len(flat)}{DATATYPES[name].code}", *flat)
    told = {
        **{"name": "x", "datatype": name, "shape": list(shape)},
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [told]}).encode()

    (came,) = request.parse(head + raw, str(len(head))).inputs
    (other,) = request.parse(body(name, shape, flat)).inputs

    assert came.array() == other.array()
    assert came.flat() == flat


@given(st.lists(st.binary(max_size=8), max_size=5))
def test_byte_elements_come_back(texts: list[bytes]) -> None:
    raw = binary.joined(texts)

    assert binary.elements(memoryview(raw), len(texts), "x") == texts


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=5), st.data())
def test_byte_elements_that_are_cut_off_are_refused(
    texts: list[bytes], data: st.DataObject
) -> None:
    raw = binary.joined(texts)
    cut = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises(InvalidInput, match="x: "):
        binary.elements(memoryview(raw)[:cut], len(texts), "x")


@given(st.binary(max_size=40), st.integers(0, 6))
def test_any_bytes_are_elements_or_refused(raw: bytes, count: int) -> None:
    try:
        found = binary.elements(memoryview(raw), count, "x")
    except InvalidInput:
        return

    assert binary.joined(found) == raw
    assert len(found) == count


@given(NEARLY, st.binary(max_size=8), st.none() | st.integers(-1, 200).map(str) | st.text())
def test_nothing_but_a_refusal_comes_of_a_wrong_request(
    value: Any, tail: bytes, length: str | None
) -> None:
    head = json.dumps(value).encode()
    lengths = [None, length, str(len(head))]

    for each in lengths:
        try:
            found = request.parse(head + tail, each)
        except InvalidInput as error:
            assert str(error)
        else:
            assert found.inputs


@given(tensors(), st.data())
def test_a_binary_request_cut_anywhere_is_refused(
    tensor: tuple[str, tuple[int, ...], list[Any]], data: st.DataObject
) -> None:
    name, shape, flat = tensor
    raw = struct.pack(f"<{len(flat)}{DATATYPES[name].code}", *flat)
    told = {
        **{"name": "x", "datatype": name, "shape": list(shape)},
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [told]}).encode()
    whole = head + raw
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(InvalidInput):
        request.parse(whole[:cut], str(len(head)))
    with pytest.raises(InvalidInput, match="belong to no input"):
        request.parse(whole + b"!", str(len(head)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"datatype": "FP12"}, "input 'x' has the datatype 'FP12'"),
        ({"datatype": None}, "input 'x' has the datatype"),
        ({"shape": [2, 2]}, "input 'x': data has 2 elements"),
        ({"shape": [-1]}, "input 'x': its shape"),
        ({"shape": [2**63]}, "input 'x': its shape is larger"),
        ({"shape": [10**9, 0], "data": []}, "millions of rows"),
        ({"shape": "2"}, "input 'x': its shape"),
        ({"shape": [True, 2]}, "input 'x': its shape"),
        ({"data": 1}, "input 'x': data is no list"),
        ({"data": [1, None]}, "input 'x': element 1 is no INT8: got null"),
        ({"data": [1, "2"]}, "input 'x': element 1 is no INT8: got '2'"),
        ({"data": [1, 1.5]}, "input 'x': element 1 is no INT8: got 1.5"),
        ({"data": [1, True]}, "input 'x': element 1 is no INT8: got true"),
        ({"data": [1, 128]}, "input 'x': element 1 is no INT8: got 128"),
        ({"data": [[1, 2]]}, "input 'x': data is not nested as its shape"),
        ({"name": ""}, "inputs[0] has no name"),
        ({"parameters": []}, "input 'x': parameters is no object"),
        ({"parameters": {"binary_data_size": 2}}, "input 'x' has both data and binary_data_size"),
        ({"parameters": {"shared_memory_region": "r"}}, "input 'x' lies in shared memory"),
        ({"datatype": "BYTES"}, "input 'x': element 0 is no BYTES: got 1"),
        ({"datatype": "BYTES", "data": ["a", "\ud800"]}, "input 'x' holds half a character"),
        ({"datatype": "FP32", "data": [1, 1e39]}, "input 'x': element 1 is no FP32: got 1e+39"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    right = {"name": "x", "datatype": "INT8", "shape": [2], "data": [1, 2]}

    with pytest.raises(InvalidInput) as caught:
        request.parse(json.dumps({"inputs": [{**right, **change}]}).encode())

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no inputs"),
        (b'{"inputs": []}', "no inputs"),
        (b'{"inputs": [1]}', "inputs[0] is no object"),
        (b'{"inputs": [NaN]}', "NaN is no JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_request_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        request.parse(raw)

    assert said in str(caught.value)


def test_an_input_that_is_there_twice_is_refused() -> None:
    one = {"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}

    with pytest.raises(InvalidInput, match="'x' is there twice"):
        request.parse(json.dumps({"inputs": [one, one]}).encode())


@pytest.mark.parametrize("text", ["", "-1", "1e3", "999999999999999", "²", "0"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="Inference-Header-Content-Length"):
        request.parse(b"{}", text)


def test_numbers_that_are_not_finite_are_text() -> None:
    (came,) = request.parse(body("FP64", (3,), ["NaN", "-Infinity", 1])).inputs

    array = came.array().tolist()

    assert math.isnan(array[0])
    assert array[1:] == [-math.inf, 1.0]


def test_bfloat16_becomes_float32() -> None:
    raw = struct.pack("<f", 1.5)[2:] + struct.pack("<f", -2.0)[2:]
    told = {
        **{"name": "x", "datatype": "BF16", "shape": [2]},
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [told]}).encode()

    (came,) = request.parse(head + raw, str(len(head))).inputs

    assert came.array().dtype == "float32"
    assert came.array().tolist() == [1.5, -2.0]


def test_flat_and_nested_are_inverse() -> None:
    assert flattened(nested([1, 2, 3, 4, 5, 6], (3, 1, 2)), (3, 1, 2), 6, "x") == [1, 2, 3, 4, 5, 6]
    assert nested([], (2, 0, 3)) == [[], []]


def test_a_response_says_what_is_not_finite_as_text() -> None:
    asked = request.parse(body("FP64", (1,), [1]))
    tensors = Outputs.of(None).tensors([1.5, math.nan, math.inf], None)

    encoded = response.encode(asked, "tiny", "1.0.0", tensors)

    assert json.loads(encoded.body)["outputs"][0]["data"] == [1.5, "NaN", "Infinity"]


@pytest.mark.parametrize(
    ("answer", "datatype", "shape", "data"),
    [
        ([1, 2], "INT64", [2], [1, 2]),
        ([[1.5, 2], [3, 4]], "FP64", [2, 2], [1.5, 2.0, 3.0, 4.0]),
        ([True], "BOOL", [1], [True]),
        (["a", "b"], "BYTES", [2], ["a", "b"]),
        ([[1], [2, 3]], "BYTES", [1], ["[[1],[2,3]]"]),
        ([{"a": 1}, None], "BYTES", [2], ['{"a":1}', "null"]),
        ("yes", "BYTES", [1], ["yes"]),
        (3, "INT64", [1], [3]),
        ([], "BYTES", [0], []),
        ([[], []], "BYTES", [2, 0], []),
        ([2**80], "BYTES", [1], [str(2**80)]),
    ],
)
def test_any_answer_is_a_tensor(answer: Any, datatype: str, shape: list[int], data: Any) -> None:
    (tensor,) = Outputs.of(None).tensors(answer, None)

    assert tensor.name == "output-0"
    assert (tensor.datatype.name, list(tensor.shape), tensor.flat()) == (datatype, shape, data)


@given(st.lists(st.floats() | st.floats(width=32), max_size=6), st.text(max_size=5), st.text())
def test_an_answer_is_the_json_that_a_json_library_writes(
    numbers: list[float], name: str, version: str
) -> None:
    answer = np.array(numbers)
    asked = request.InferRequest((), id="x")

    encoded = response.encode(asked, name, version, Outputs.of(None).tensors(answer, None))

    told = json.loads(encoded.body)
    plain = json.loads(response.dumps(numbers))
    assert (told["model_name"], told["model_version"], told["id"]) == (name, version, "x")
    assert told["outputs"][0]["data"] == plain
    assert encoded.body.count(b" ") == response.dumps([name, version]).count(b" ")
