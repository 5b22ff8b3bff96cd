"""Model metadata of the Open Inference Protocol, and what it cannot say."""

from __future__ import annotations

from hypothesis import given
from signatures import strategies

from lading.signatures.inference_protocol import to_v2_metadata
from lading.spec.signature import Column, JsonField, Param, Signature, Tensor

DATATYPES = {
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "FP32", "FP64", "BYTES", "BF16"),
}


def test_metadata_names_datatypes_and_shapes() -> None:
    signature = Signature(
        inputs=(
            Tensor(name="ids", dtype="int64", shape=(-1, 128)),
            Tensor(name="h", dtype="bfloat16", shape=(-1,)),
        ),
        outputs=(Column(name="label", dtype="string"), Column(name="score", dtype="float32")),
    )

    converted = to_v2_metadata(signature, name="fraud", version="1.2.0")

    assert converted.value == {
        "name": "fraud",
        "versions": ["1.2.0"],
        "platform": "lading",
        "inputs": [
            {"name": "ids", "datatype": "INT64", "shape": [-1, 128]},
            {"name": "h", "datatype": "BF16", "shape": [-1]},
        ],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1, 1]},
            {"name": "score", "datatype": "FP32", "shape": [-1, 1]},
        ],
    }
    assert converted.losses == ()


def test_every_loss_is_said() -> None:
    signature = Signature(
        inputs=(
            Column(name="t", dtype="timestamp", nullable=True),
            Column(name="k", dtype="string", enum=("a", "b"), required=False),
            JsonField(name="chat", json_schema={"type": "object"}),
        ),
        outputs=(Tensor(dtype="float32", shape=()),),
        params=(Param(name="p", dtype="float64"),),
    )

    losses = to_v2_metadata(signature, name="m").losses

    assert losses == (
        "t: timestamp is written as text",
        "t: it may be null; a tensor has no null",
        "k: it is optional; the protocol demands every input",
        "k: its 2 possible values are lost",
        "chat: JSON is written as text; its schema is lost",
        "output-0: it has no name; the protocol wants one",
        "output-0: a single value is written as an array of one",
        "parameter p: it has no place there",
    )


@given(strategies.signatures())
def test_metadata_is_always_what_the_protocol_knows(signature: Signature) -> None:
    metadata = to_v2_metadata(signature, name="m").value

    for side in ("inputs", "outputs"):
        names = [tensor["name"] for tensor in metadata[side]]
        assert len(set(names)) == len(names)
        for tensor in metadata[side]:
            assert tensor["datatype"] in DATATYPES
            assert tensor["shape"]
            assert all(length == -1 or length >= 0 for length in tensor["shape"])
