"""MLflow's words: what they say, what they lose, and what MLflow itself makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from signatures import strategies

from lading.errors import InvalidInput
from lading.signatures.mlflow import from_mlflow, to_mlflow
from lading.spec.signature import Column, JsonField, Param, Signature, Tensor


def test_columns_in_mlflows_words() -> None:
    signature = Signature(
        inputs=(
            Column(name="age", dtype="int64"),
            Column(name="x", dtype="float32", nullable=True, required=False),
            JsonField(name="tags", json_schema={"type": "array", "items": {"type": "string"}}),
        ),
        outputs=(Tensor(dtype="float32", shape=(-1, 2)),),
        params=(Param(name="t", dtype="float64", default=0.5),),
    )

    converted = to_mlflow(signature)

    assert {side: json.loads(text or "null") for side, text in converted.value.items()} == {
        "inputs": [
            {"type": "long", "required": True, "name": "age"},
            {"type": "float", "required": False, "name": "x"},
            {"type": "array", "items": {"type": "string"}, "required": True, "name": "tags"},
        ],
        "outputs": [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}],
        "params": [{"name": "t", "default": 0.5, "shape": None, "type": "double"}],
    }
    assert converted.losses == ()


@pytest.mark.parametrize(
    ("field", "loss"),
    [
        (Column(name="a", dtype="int8"), "a: int8 is written as integer"),
        (Column(name="a", dtype="uint64"), "a: uint64 is written as long"),
        (Column(name="a", dtype="decimal128"), "a: decimal128 is written as string"),
        (Column(name="a", dtype="date32"), "a: date32 is written as datetime"),
        (Column(name="a", dtype="string", enum=("x",)), "a: its 1 possible values are lost"),
        (Column(name="a", dtype="timestamp", timezone="UTC"), "a: the time zone UTC is lost"),
        (Column(name="a", dtype="timestamp", unit="s"), "a: the unit s is lost"),
        (Column(name="a", dtype="bool", description="x"), "a: its description is lost"),
        (
            Column(name="a", dtype="bool", nullable=True),
            "a: it may be null; MLflow only knows that it may be missing",
        ),
        (Tensor(dtype="bfloat16", shape=(-1,)), "0: bfloat16 is written as float32"),
        (
            Tensor(name="a", dtype="int8", shape=(-1,), required=False),
            "a: it is optional; MLflow demands every tensor",
        ),
        (
            JsonField(name="a", json_schema={"oneOf": []}),
            "a: its JSON Schema is more than MLflow's types say; any JSON is taken",
        ),
        (
            JsonField(name="a", json_schema={"type": "string", "maxLength": 3}),
            "a: maxLength of its JSON Schema is lost",
        ),
    ],
)
def test_every_loss_is_said(field: Any, loss: str) -> None:
    assert to_mlflow(Signature(inputs=(field,))).losses == (loss,)


def test_columns_and_tensors_together_become_columns() -> None:
    signature = Signature(
        inputs=(Column(name="a", dtype="bool"), Tensor(name="b", dtype="float32", shape=(-1, 2)))
    )

    converted = to_mlflow(signature)

    assert json.loads(converted.value["inputs"] or "")[1]["type"] == "array"
    assert converted.losses == ("b: shape [-1, 2] is lost",)


def test_a_matrix_of_parameters_is_refused() -> None:
    with pytest.raises(InvalidInput, match="single values or lists"):
        to_mlflow(Signature(params=(Param(name="m", dtype="int64", shape=(2, 2)),)))


def test_mlflows_own_files_are_read() -> None:
    value = {
        "inputs": json.dumps(
            [
                {"type": "long", "name": "a", "required": True},
                {"type": "datetime", "name": "d", "optional": True},
                {"type": "map", "values": {"type": "long"}, "name": "m", "required": True},
                {"type": "any", "name": "y", "required": False},
                {
                    "type": "object",
                    "properties": {"q": {"type": "string", "required": False}},
                    "name": "o",
                    "required": True,
                },
            ]
        ),
        "outputs": '[{"type": "string"}]',
        "params": '[{"name": "k", "dtype": "long", "default": [1], "shape": [-1]}]',
    }

    signature = from_mlflow(value)

    assert signature.inputs == (
        Column(name="a", dtype="int64"),
        Column(name="d", dtype="timestamp", unit="ns", nullable=True, required=False),
        JsonField(
            name="m",
            json_schema={"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        JsonField(name="y", json_schema={}, required=False),
        JsonField(
            name="o", json_schema={"type": "object", "properties": {"q": {"type": "string"}}}
        ),
    )
    assert signature.outputs == (Tensor(dtype="string", shape=(-1,)),)
    assert signature.params == (Param(name="k", dtype="int64", shape=(-1,), default=[1]),)


@pytest.mark.parametrize(
    "inputs",
    [
        *("{", "{}", "[1]", '[{"type": "nothing"}]', '[{"name": "a"}]', '[{"type": "tensor"}]', 5),
        '[{"type": "tensor", "tensor-spec": {"dtype": "complex64", "shape": [-1]}}]',
        '[{"type": "array", "items": '
        + '{"type": "array", "items": ' * 90
        + '"long"'
        + "}" * 91
        + "]",
        "[" * 100_000,
    ],
)
def test_what_is_no_signature_of_mlflows_is_refused(inputs: Any) -> None:
    with pytest.raises(InvalidInput):
        from_mlflow({"inputs": inputs})


@given(strategies.signatures())
def test_without_a_loss_nothing_is_lost(signature: Signature) -> None:
    converted = to_mlflow(signature)

    if not converted.losses:
        assert to_mlflow(from_mlflow(converted.value)) == converted
        back = from_mlflow(converted.value)
        assert [field.name for field in back.inputs] == [field.name for field in signature.inputs]


@pytest.mark.slow
@given(strategies.signatures())
def test_mlflow_reads_what_is_written(signature: Signature) -> None:
    from mlflow.models.signature import ModelSignature

    written = to_mlflow(signature).value
    if not any(written.values()):
        return

    read = ModelSignature.from_dict(written)

    again = read.to_dict()
    for side, text in written.items():
        assert json.loads(again[side] or "null") == json.loads(text or "null")


@pytest.mark.slow
def test_what_mlflow_infers_is_read_and_means_the_same() -> None:
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    frame = pd.DataFrame({"i": [1], "f": [1.5], "s": ["x"], "b": [True], "l": [[1, 2]]})
    theirs = infer_signature(frame, np.zeros((3, 2), "float32"), params={"t": 0.5, "k": ["a"]})

    ours = from_mlflow(theirs.to_dict())

    assert [field.name for field in ours.inputs] == list(frame.columns)
    assert ours.inputs[0] == Column(name="i", dtype="int64")
    assert ours.outputs == (Tensor(dtype="float32", shape=(-1, 2)),)
    assert to_mlflow(ours).losses == ()
    for side, text in to_mlflow(ours).value.items():
        assert json.loads(text or "null") == json.loads(theirs.to_dict()[side])


@pytest.mark.slow
def test_mlflow_infers_what_lading_infers() -> None:
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    import lading

    cases = [
        (pd.DataFrame({"a": [1, 2], "x": [0.5, None], "s": ["a", "b"]}), np.zeros(2)),
        ({"ids": np.zeros((2, 8), "int64"), "mask": np.ones((2, 8), bool)}, np.zeros((2, 3), "f4")),
    ]
    for data, answer in cases:
        ours = to_mlflow(lading.infer_signature(data, answer)).value
        theirs = infer_signature(data, answer).to_dict()

        assert json.loads(ours["inputs"] or "") == json.loads(theirs["inputs"])
        assert json.loads(ours["outputs"] or "") == json.loads(theirs["outputs"])
