"""Checking names what was expected, what was found, and where; and is quick for tables."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from parts.pace import pace

from lading.errors import InvalidInput
from lading.signatures.infer import infer_signature
from lading.signatures.layouts import lay_out
from lading.signatures.validate import Problem, validate, validate_example
from lading.spec.signature import Column, JsonField, Signature, Tensor

PEOPLE = Signature(
    inputs=(
        Column(name="age", dtype="int8"),
        Column(name="name", dtype="string", nullable=True, required=False),
        Column(name="kind", dtype="string", enum=("a", "b")),
    )
)


def test_problems_name_the_field_the_expected_the_found_and_the_row() -> None:
    rows = [{"age": 1, "kind": "a"}, {"age": 300, "kind": "c"}, {"kind": "a", "name": 5}]

    assert validate(PEOPLE, rows) == (
        Problem("age", "a value in every row", "nothing", 2),
        Problem("age", "int8, a whole number from -128 to 127", "300", 1),
        Problem("name", "string, text", "5", 2),
        Problem("kind", "one of 'a', 'b'", "'c'", 1),
    )


def test_unknown_and_missing_columns_are_named() -> None:
    problems = validate(PEOPLE, {"columns": ["age", "kid"], "data": [[1, "a"]]})

    assert {problem.where for problem in problems} == {"kid", "kind"}


def test_null_is_refused_where_it_is_not_allowed() -> None:
    (problem,) = validate(PEOPLE, [{"age": None, "kind": "a", "name": None}])

    assert (problem.where, problem.got, problem.row) == ("age", "null", 0)


def test_true_is_no_number_and_one_is_not_true() -> None:
    signature = Signature(inputs=(Column(name="a", dtype="int64", enum=(1,)),))

    assert validate(signature, [{"a": 1}]) == ()
    assert validate(signature, [{"a": True}]) != ()
    assert validate(Signature(inputs=(Column(name="a", dtype="bool"),)), [{"a": 1}]) != ()


def test_at_most_twenty_problems_and_no_column_hides_the_others() -> None:
    signature = Signature(inputs=tuple(Column(name=f"c{at}", dtype="int64") for at in range(10)))

    problems = validate(signature, [{f"c{at}": "x" for at in range(10)}] * 1000)

    assert len(problems) == 20
    assert len({problem.where for problem in problems}) == 4


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ([[1.0, 2.0]], "a list of 2"),
        ([[1.0, 2.0, 3.0], [1.0]], "a list of 1"),
        (1.0, "1.0"),
        ([[1.0, "x", 3.0]], "'x'"),
        ([[1.0, None, 3.0]], "null"),
    ],
)
def test_tensors_of_another_shape_or_type_are_refused(value: Any, got: str) -> None:
    signature = Signature(inputs=(Tensor(dtype="float32", shape=(-1, 3)),))

    (problem,) = validate(signature, value)

    assert problem.got == got


def test_ragged_rows_are_no_tensor() -> None:
    signature = Signature(inputs=(Tensor(dtype="int64", shape=(-1, -1)),))

    assert validate(signature, [[1, 2], [3]]) != ()
    assert validate(signature, [[1, 2], [3, 4]]) == ()


def test_json_fields_are_checked_by_their_schema_and_fetch_nothing() -> None:
    schema: dict[str, Any] = {"type": "object", "required": ["q"]}
    field = JsonField(name="chat", json_schema=schema)
    away = JsonField(name="chat", json_schema={"$ref": "http://127.0.0.1:9/schema.json"})

    (problem,) = validate(Signature(inputs=(field,)), {"chat": {}})
    with pytest.raises(InvalidInput, match="refers to what is not in it"):
        validate(Signature(inputs=(away,)), {"chat": {}})

    assert problem.where == "chat"


def test_a_live_frame_is_checked_as_it_is() -> None:
    frame = pd.DataFrame({"age": [30, 40], "kind": ["a", "b"]})

    validate_example(PEOPLE, frame)
    with pytest.raises(InvalidInput) as caught:
        validate_example(PEOPLE, frame.assign(age=[30, 4000]))

    assert (
        caught.value.cause
        == "age: expected int8, a whole number from -128 to 127, got 4000 in row 1"
    )


def test_a_live_array_is_checked_by_shape_and_type() -> None:
    signature = infer_signature(np.zeros((5, 3), "float32"))

    validate_example(signature, np.ones((2, 3)))
    with pytest.raises(InvalidInput, match=r"got shape \[2, 4\]"):
        validate_example(signature, np.ones((2, 4)))
    with pytest.raises(InvalidInput, match="float32"):
        validate_example(signature, np.array([["a", "b", "c"]]))


def test_an_array_stands_for_columns_in_their_order() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.0], "b": [2.0]}))

    assert lay_out(np.ones((1, 2)), signature.inputs).value["columns"] == ["a", "b"]
    validate_example(signature, np.ones((3, 2)))
    with pytest.raises(InvalidInput, match="does not have the columns"):
        validate_example(signature, np.ones((3, 4)))


def test_a_hundred_thousand_rows_take_less_than_a_second() -> None:
    frame = pd.DataFrame(
        {"i": range(100_000), "f": np.random.default_rng(1).random(100_000), "s": ["x"] * 100_000}
    )
    signature = infer_signature(frame)
    value = lay_out(frame, signature.inputs).value
    limit, started = pace(), time.process_time()

    assert validate(signature, value) == ()

    assert time.process_time() - started < 1 * limit
