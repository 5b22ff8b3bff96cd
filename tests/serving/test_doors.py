"""One tensor, four ways to write it: what is asked and what is answered is the same in each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving.serving import model

from lading.errors import InvalidInput
from lading.serving.live import live
from lading.serving.protocol import request, response
from lading.serving.protocol.datatypes import BYTES, DATATYPES, Datatype
from lading.serving.protocol.inputs import Inputs
from lading.serving.protocol.outputs import Outputs
from lading.serving.protocol.request import InferRequest
from lading.serving.rpc import translate
from lading.serving.rpc.messages import inference
from lading.spec.signature import Signature, Tensor

SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)
# Lists of no text do not say how many dimensions they had.
SHAPES_OF_TEXT = SHAPES.filter(lambda shape: len(shape) == 1 or 0 not in shape)
# Written as text in JSON, since JSON has no such numbers.
NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


@st.composite
def tensors(draw: st.DrawFn, kind: Datatype) -> tuple[tuple[int, ...], list[Any]]:
    """A shape, and the elements of a tensor that has it."""
    shape = draw(SHAPES_OF_TEXT if kind.name == BYTES else SHAPES)
    count = int(np.prod(shape))
    if kind.name == BYTES:
        return shape, draw(st.lists(st.text(max_size=5), min_size=count, max_size=count))
    if kind.name == "BOOL":
        return shape, draw(st.lists(st.booleans(), min_size=count, max_size=count))
    size = kind.size or 0
    raw = draw(st.binary(min_size=count * size, max_size=count * size))
    return shape, values_of(raw, kind)


def values_of(raw: bytes, kind: Datatype) -> list[Any]:
    if kind.name == "BF16":
        wide = np.frombuffer(raw, "<u2").astype("<u4") << 16
        return list(wide.view("<f4").tolist())
    return list(np.frombuffer(raw, np.dtype(kind.dtype).newbyteorder("<")).tolist())


def raw_of(flat: list[Any], kind: Datatype) -> bytes:
    if kind.name == BYTES:
        each = [text.encode() for text in flat]
        return b"".join(len(text).to_bytes(4, "little") + text for text in each)
    if kind.name == "BF16":
        wide = np.array(flat, "<f4").view("<u4")
        return bytes((wide >> 16).astype("<u2").tobytes())
    return bytes(np.array(flat, np.dtype(kind.dtype).newbyteorder("<")).tobytes())


def asked(kind: Datatype, shape: tuple[int, ...], flat: list[Any]) -> dict[str, InferRequest]:
    """The request, as each door reads it."""
    head: dict[str, Any] = {"name": "x", "datatype": kind.name, "shape": list(shape)}
    raw = raw_of(flat, kind)
    written = [NAMES.get(str(each), each) if isinstance(each, float) else each for each in flat]
    in_json = json.dumps({"inputs": [{**head, "data": written}]}).encode()
    size = {"parameters": {"binary_data_size": len(raw)}}
    in_bytes = json.dumps({"inputs": [{**head, **size}]}).encode()
    message = inference()["ModelInferRequest"]()
    message.inputs.add(name="x", datatype=kind.name, shape=shape)
    typed = type(message).FromString(message.SerializeToString())
    message.raw_input_contents.append(raw)
    found = {
        "json": request.parse(in_json, None),
        "binary": request.parse(in_bytes + raw, str(len(in_bytes))),
        "grpc raw": translate.read(message),
    }
    field = translate._CONTENTS.get(kind.name)
    if field is not None:
        texts = kind.name == BYTES
        values = [each.encode() for each in flat] if texts else flat
        getattr(typed.inputs[0].contents, field).extend(values)
        found["grpc typed"] = translate.read(typed)
    return found


@pytest.mark.parametrize("name", DATATYPES)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_tensor_is_the_same_at_every_door(name: str, data: st.DataObject) -> None:
    kind = DATATYPES[name]
    shape, flat = data.draw(tensors(kind))
    dtype: Any = kind.dtype
    free = tuple(-1 for _ in shape)
    signature = Signature(
        inputs=(Tensor(dtype=dtype, shape=free, name="x"),),
        outputs=(Tensor(dtype=dtype, shape=free, name="y"),),
    )
    inputs, outputs = Inputs.of(signature), Outputs.of(signature)
    served = model(lambda value: value, signature)

    answers = {}
    for door, parsed in asked(kind, shape, flat).items():
        array = live(served, inputs.given(parsed))
        (tensor,) = outputs.tensors(array, None)
        in_bytes = response.encode(
            InferRequest(inputs=(), outputs=None, id=None, parameters={}, binary=True),
            "tiny",
            "1",
            [tensor],
        )
        answers[door] = (tensor.shape, in_bytes.body[in_bytes.header_length :])

    expected = (shape, raw_of(flat, kind))
    for door, (got, raw) in answers.items():
        assert got == expected[0], door
        if kind.name in ("FP16", "BF16", "FP32", "FP64"):
            # One that is no number is written in many ways, which JSON cannot tell apart.
            np.testing.assert_array_equal(values_of(raw, kind), flat, door)
        else:
            assert raw == expected[1], door


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
SIZES = st.one_of(st.integers(-9, 9), st.integers(-(2**70), 2**70), PIECES)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["x", ""]) | PIECES,
            "datatype": st.sampled_from(list(DATATYPES)) | PIECES,
            "shape": st.lists(SIZES, max_size=4) | PIECES,
        },
        optional={
            "data": PIECES,
            "parameters": st.dictionaries(
                st.sampled_from(["binary_data_size", "binary_data", "a"]), SIZES
            ),
        },
    ),
    PIECES,
    st.binary(max_size=40),
    st.integers(-1, 300).map(str) | st.text(max_size=5) | st.none(),
)
def test_a_request_is_read_or_refused_and_nothing_else(
    tensor: Any, outputs: Any, tail: bytes, header: str | None
) -> None:
    text = json.dumps({"inputs": [tensor, *([tensor] if outputs else [])], "outputs": outputs})
    for length in (header, str(len(text))):
        try:
            parsed = request.parse(text.encode() + tail, length)
            Inputs.of(None).given(parsed)
        except InvalidInput as refused:
            assert len(str(refused)) < 5000
