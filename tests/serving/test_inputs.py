"""Tensors and rows into what a signature says: every form, and every reason why not."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_by_law
from hypothesis import strategies as st

from lading.serving.live import live
from lading.serving.model import Example, Model
from lading.serving.protocol import request
from lading.serving.protocol.given import Given, WrongInput
from lading.serving.protocol.inputs import Inputs
from lading.serving.protocol.rows import plain_rows
from lading.spec.signature import Column, JsonField, Param, Signature, Tensor

TABLE = Signature(
    inputs=(
        Column(name="age", dtype="int64"),
        Column(name="city", dtype="string", enum=("Bonn", "Kiel")),
        Column(name="income", dtype="float64", nullable=True, required=False),
    )
)
MATRIX = Signature(inputs=(Tensor(dtype="float32", shape=(-1, 2)),))
NAMED = Signature(
    inputs=(
        Tensor(name="ids", dtype="int64", shape=(-1, 3)),
        Tensor(name="words", dtype="string", shape=(-1,)),
    )
)
NUMBERS = Signature(
    inputs=(
        Tensor(name="a", dtype="int64", shape=(-1, 3)),
        Tensor(name="b", dtype="float64", shape=(-1,)),
        Tensor(name="c", dtype="float32", shape=(2, -1), required=False),
    )
)


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> Any:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


def given(signature: Signature | None, *inputs: Any, **more: Any) -> Given:
    raw = json.dumps({"inputs": inputs, **more}).encode()
    return Inputs.of(signature).given(request.parse(raw))


def problems(signature: Signature, *inputs: Any) -> list[str]:
    with pytest.raises(WrongInput) as caught:
        given(signature, *inputs)
    return [str(each) for each in caught.value.problems]


def test_columns_are_tensors_of_one_value_for_each_row() -> None:
    found = given(
        TABLE,
        tensor("city", "BYTES", ["Bonn", "Kiel"], [2, 1]),
        tensor("age", "INT64", [30, 40]),
    )

    assert found == Given(
        {"columns": ["age", "city"], "data": [[30, "Bonn"], [40, "Kiel"]]}, "table", 2
    )


def test_every_field_that_is_wrong_is_named() -> None:
    assert problems(TABLE, tensor("agee", "INT64", [1]), tensor("city", "INT8", [1])) == [
        "agee: expected one of age, city, income, got an input of another name",
        "age: expected INT64 of shape [-1, 1], got nothing",
        "city: expected BYTES, got INT8",
    ]
    assert problems(TABLE, tensor("age", "INT64", [1]), tensor("city", "BYTES", ["Rome"])) == [
        "city: expected one of 'Bonn', 'Kiel', got 'Rome' in row 0"
    ]
    assert problems(TABLE, tensor("age", "INT64", [1, 2]), tensor("city", "BYTES", ["Bonn"])) == [
        "city: expected 2 rows, as age has, got 1"
    ]
    assert problems(TABLE, tensor("age", "INT64", [1, 2], [1, 2]), tensor("city", "BYTES", [])) == [
        "age: expected shape [-1, 1], got shape [1, 2]"
    ]
    assert problems(MATRIX, tensor("input-0", "FP32", [1, 2, 3], [1, 3])) == [
        "input-0: expected shape [-1, 2], got shape [1, 3]"
    ]


def test_one_unnamed_tensor_is_an_array() -> None:
    found = given(MATRIX, tensor("input-0", "FP32", [1, 2, 3, 4], [2, 2]))

    assert found.rows == 2
    assert found.value.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_named_tensors_keep_their_names() -> None:
    found = given(
        NAMED, tensor("words", "BYTES", ["a", "b"]), tensor("ids", "INT64", [1] * 6, [2, 3])
    )

    assert found.layout == "tensors"
    assert found.rows == 2
    assert found.value["ids"].shape == (2, 3)
    assert found.value["words"] == ["a", "b"]


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        ("date32", "2026-03-01", "2026-03-01"),
        ("timestamp", "2026-03-01T12:00:00", "2026-03-01T12:00:00"),
        ("decimal128", "12.50", "12.50"),
        ("duration", "1500", 1500),
        ("binary", "aGk=", "aGk="),
    ],
)
def test_what_the_protocol_has_no_type_for_is_text(dtype: Any, text: str, value: Any) -> None:
    signature = Signature(inputs=(Column(name="x", dtype=dtype),))

    assert given(signature, tensor("x", "BYTES", [text])).value["data"] == [[value]]
    assert problems(signature, tensor("x", "BYTES", ["wha?"]))[0].startswith("x: expected")


def test_binary_elements_are_bytes() -> None:
    signature = Signature(inputs=(Column(name="x", dtype="binary"),))
    raw = b"\x02\x00\x00\x00\xff\x00"
    told = {**tensor("x", "BYTES", []), "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    del told["data"]
    head = json.dumps({"inputs": [told]}).encode()

    found = Inputs.of(signature).given(request.parse(head + raw, str(len(head))))

    assert base64.b64decode(found.value["data"][0][0]) == b"\xff\x00"


def test_text_that_is_not_utf_8_is_named() -> None:
    raw = b"\x01\x00\x00\x00\xff"
    told = {
        **{"name": "city", "datatype": "BYTES", "shape": [1]},
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor("age", "INT64", [1]), told]}).encode()

    with pytest.raises(WrongInput, match="city: expected text in UTF-8"):
        Inputs.of(TABLE).given(request.parse(head + raw, str(len(head))))


def test_json_is_text_and_held_against_its_schema() -> None:
    signature = Signature(inputs=(JsonField(json_schema={"type": "object"}),))

    assert given(signature, tensor("input-0", "BYTES", ['{"a": 1}'])).value == {"a": 1}
    assert problems(signature, tensor("input-0", "BYTES", ["[1]"])) == [
        "input-0: expected type 'object', got a list of 1"
    ]
    assert problems(signature, tensor("input-0", "BYTES", ["{"])) == [
        "input-0: expected a JSON value as text, got other text in row 0"
    ]


def test_a_parameter_that_the_model_would_have_to_be_told_is_refused() -> None:
    signature = Signature(inputs=MATRIX.inputs, params=(Param(name="heat", dtype="float64"),))
    one = tensor("input-0", "FP32", [1, 2], [1, 2])

    with pytest.raises(Exception, match="the parameter 'heat' cannot be set here"):
        given(signature, one, parameters={"heat": 0.5})

    assert given(signature, one, parameters={"sequence_id": 7}).rows == 1


def test_without_a_signature_anything_is_taken() -> None:
    assert given(None, tensor("x", "FP32", [1, 2])).value.tolist() == [1.0, 2.0]
    assert set(given(None, tensor("x", "FP32", [1]), tensor("y", "BYTES", ["a"])).value) == {
        "x",
        "y",
    }


ROW = {"age": 30, "city": "Bonn", "income": 1.5}


@pytest.mark.parametrize(
    "value",
    [
        [ROW],
        ROW,
        [[30, "Bonn", 1.5]],
        {"columns": ["age", "city", "income"], "data": [[30, "Bonn", 1.5]]},
        {"columns": ["city", "income", "age"], "data": [["Bonn", 1.5, 30]]},
    ],
)
def test_rows_may_be_written_in_several_ways(value: Any) -> None:
    inputs = Inputs.of(TABLE)
    model = Model(
        name="tiny", version="1", digest="d", reference="r", predict=lambda x: x, signature=TABLE
    )

    frame = live(model, plain_rows(inputs, value))

    assert frame[["age", "city", "income"]].values.tolist() == [[30, "Bonn", 1.5]]
    assert str(frame["age"].dtype) == "int64"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"columns": ["income", "city", "age"], "data": [[1.5, "Bonn", 30]]}, 3),
        ({"income": 1.5, "city": "Bonn", "age": 30}, 3),
        ([{"city": "Bonn", "age": 30}, {"income": 1.5, "city": "Kiel", "age": 31}], 3),
        ({"columns": ["city", "age"], "data": [["Bonn", 30]]}, 2),
    ],
)
def test_columns_are_asked_with_in_the_order_of_the_signature(value: Any, names: int) -> None:
    inputs = Inputs.of(TABLE)
    model = Model(
        name="tiny", version="1", digest="d", reference="r", predict=lambda x: x, signature=TABLE
    )

    frame = live(model, plain_rows(inputs, value))

    assert list(frame.columns) == ["age", "city", "income"][:names]
    assert frame.iloc[0].tolist()[:2] == [30, "Bonn"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "inputs: expected rows: objects or lists, got 3"),
        ([3], "expected a record, which is an object, got 3 in row 0"),
        ([{"age": 1}], "city: expected a column, got nothing"),
        ([ROW, {"age": 1}], "city: expected a value in every row, got nothing in row 1"),
        ([[1, "Bonn"]], "a row: expected 3 values, got 2 in row 0"),
        ([{**ROW, "age": "x"}], "age: expected int64, a whole number"),
        ({**ROW, "agee": 1}, "agee: expected no such name in the signature"),
    ],
)
def test_rows_that_are_wrong_are_named(value: Any, said: str) -> None:
    with pytest.raises(WrongInput) as caught:
        plain_rows(Inputs.of(TABLE), value)

    assert any(said in str(each) for each in caught.value.problems)


def test_lists_of_numbers_become_an_array_of_the_right_type() -> None:
    found = plain_rows(Inputs.of(MATRIX), [[1, 2], [3, 4.5]])

    assert found.value.dtype == "float32"
    assert found.rows == 2
    with pytest.raises(WrongInput, match="input-0"):
        plain_rows(Inputs.of(MATRIX), [[1, 2], [3]])
    with pytest.raises(WrongInput, match="input-0: expected float32, a number, got 'x' in row 1"):
        plain_rows(Inputs.of(MATRIX), [[1, 2], [3, "x"]])


def test_the_one_input_of_a_model_needs_no_name() -> None:
    only = Inputs.of(Signature(inputs=(Tensor(name="x", dtype="float32", shape=(-1, 2)),)))

    assert plain_rows(only, [[1, 2], [3, 4]]) == plain_rows(only, {"x": [[1, 2], [3, 4]]})
    with pytest.raises(WrongInput, match="x"):
        plain_rows(only, [[1, 2], [3, "four"]])
    with pytest.raises(WrongInput):
        plain_rows(Inputs.of(NAMED), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("layout", "expected"),
    [("records", [{"age": 30, "city": "Bonn"}]), ("record", {"age": 30, "city": "Bonn"})],
)
def test_who_was_saved_with_dictionaries_is_asked_with_such(layout: Any, expected: Any) -> None:
    model = Model(
        name="tiny",
        version="1",
        digest="d",
        reference="r",
        predict=lambda x: x,
        signature=TABLE,
        example=Example([{"age": 1, "city": "Bonn"}], layout),
    )
    tensors = given(TABLE, tensor("age", "INT64", [30]), tensor("city", "BYTES", ["Bonn"]))

    assert live(model, plain_rows(Inputs.of(TABLE), [{"age": 30, "city": "Bonn"}])) == expected
    assert live(model, tensors) == expected


def test_a_binary_tensor_is_an_array_that_the_model_may_write_into() -> None:
    raw = np.arange(6, dtype="<f4").tobytes()
    told = {
        **{"name": "input-0", "datatype": "FP32", "shape": [3, 2]},
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [told]}).encode()
    model = Model(
        name="tiny", version="1", digest="d", reference="r", predict=lambda x: x, signature=MATRIX
    )

    array = live(model, Inputs.of(MATRIX).given(request.parse(head + raw, str(len(head)))))

    assert array.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert array.flags.writeable


@given_by_law(
    st.sampled_from([MATRIX, NUMBERS]),
    st.lists(
        st.tuples(
            st.sampled_from(["input-0", "a", "b", "c"]),
            st.sampled_from(["FP32", "FP64", "INT64"]),
            st.lists(st.integers(0, 3), max_size=3),
        ),
        max_size=3,
        unique_by=lambda each: each[0],
    ),
)
def test_what_fits_at_one_look_is_what_fits_at_many(
    signature: Signature, asked: list[tuple[str, str, list[int]]]
) -> None:
    tensors = [tensor(name, kind, [1] * math.prod(shape), shape) for name, kind, shape in asked]
    raw = json.dumps({"inputs": tensors or [tensor("a", "INT64", [1])]}).encode()
    quick = Inputs.of(signature)
    thorough = dataclasses.replace(quick, numeric=False)

    found = [_outcome(inputs, raw) for inputs in (quick, thorough)]

    assert quick.numeric
    assert found[0] == found[1]


def _outcome(inputs: Inputs, raw: bytes) -> Given | str:
    try:
        return inputs.given(request.parse(raw))
    except WrongInput as error:
        return str(error)


def test_a_signature_with_anything_but_numbers_is_looked_at_in_full() -> None:
    half = Signature(inputs=(Tensor(dtype="bfloat16", shape=(-1, 2)),))
    single = Signature(inputs=(Tensor(dtype="float32", shape=()),))

    assert [Inputs.of(each).numeric for each in (MATRIX, NUMBERS)] == [True, True]
    assert not any(Inputs.of(each).numeric for each in (TABLE, NAMED, half, single, None))


PEOPLE = Signature(inputs=(Column(name="age", dtype="int64"), Column(name="city", dtype="string")))
PAIRS = Signature(inputs=(Tensor(dtype="float64", shape=(-1, 2)),))


def test_rows_are_counted_before_they_are_looked_at() -> None:
    table, matrix, anything = (Inputs.of(each) for each in (PEOPLE, PAIRS, None))

    assert table.rows_of_value([object()] * 7) == 7
    assert table.rows_of_value({"columns": ["a"], "data": [object()] * 7}) == 7
    assert matrix.rows_of_value([object()] * 7) == 7
    assert anything.rows_of_value([object()] * 7) == 0
    assert table.rows_of_value({"age": 1, "city": ["Rome"] * 7}) == 0
    assert table.rows_of_value("text") == matrix.rows_of_value(None) == 0


@given_by_law(st.integers(0, 9))
def test_what_is_counted_beforehand_is_what_is_asked_about(rows: int) -> None:
    matrix, table = Inputs.of(PAIRS), Inputs.of(PEOPLE)
    lists = [[1.0, 2.0]] * rows
    records = [{"age": 1, "city": "Rome"}] * rows

    if rows:
        assert matrix.rows_of_value(lists) == plain_rows(matrix, lists).rows
    assert table.rows_of_value(records) == plain_rows(table, records).rows
