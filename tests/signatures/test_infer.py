"""Signatures found in real data of every library that is at hand."""

from __future__ import annotations

import datetime as dt
import decimal
import subprocess
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

import lading
from lading.errors import InvalidInput
from lading.signatures.infer import infer, infer_signature
from lading.spec.signature import Column, JsonField, Param, Tensor

BERLIN = "Europe/Berlin"


def column(name: str, dtype: str, **more: Any) -> Column:
    return Column.model_validate({"name": name, "dtype": dtype, **more})


ABSENT = column("b", "float64", required=False)


def tensor(dtype: str, *shape: int, name: str | None = None) -> Tensor:
    return Tensor.model_validate({"name": name, "dtype": dtype, "shape": shape})


# pandas


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([1, 2]), column("x", "int64")),
        (pd.Series([1.0, None]), column("x", "float64", nullable=True)),
        (pd.Series([1, 2], dtype="uint8"), column("x", "uint8")),
        (pd.Series([1, None], dtype="Int32"), column("x", "int32", nullable=True)),
        (pd.Series([1, 2], dtype="Int32"), column("x", "int32")),
        (pd.Series([1.5, None], dtype="Float32"), column("x", "float32", nullable=True)),
        (pd.Series([True, None], dtype="boolean"), column("x", "bool", nullable=True)),
        (pd.Series(["a", None]), column("x", "string", nullable=True)),
        (pd.Series(["a", "b"], dtype=object), column("x", "string")),
        (pd.Series([1, 2.5], dtype=object), column("x", "float64")),
        (pd.Series([b"a"]), column("x", "binary")),
        (pd.Series([decimal.Decimal("1.5")]), column("x", "decimal128")),
        (pd.Series([dt.date(2026, 3, 1)]), column("x", "date32")),
        (pd.Series([dt.time(12)]), column("x", "time64", unit="us")),
        (pd.Series(["u", "v"], dtype="category"), column("x", "string", enum=("u", "v"))),
        (pd.Series([3, 4], dtype="category"), column("x", "int64", enum=(3, 4))),
        (pd.Series([1, 0], dtype=pd.SparseDtype("int8")), column("x", "int8")),
        (pd.Series(["a"], dtype=pd.ArrowDtype(pa.string())), column("x", "string")),
        (
            pd.Series([dt.datetime(2026, 3, 1)], dtype="datetime64[s]"),
            column("x", "timestamp", unit="s"),
        ),
        (
            pd.Series([dt.datetime(2026, 3, 1)], dtype=f"datetime64[ns, {BERLIN}]"),
            column("x", "timestamp", unit="ns", timezone=BERLIN),
        ),
        (
            pd.Series([dt.timedelta(1)], dtype="timedelta64[ms]"),
            column("x", "duration", unit="ms"),
        ),
    ],
    ids=lambda value: str(value.dtype) if hasattr(value, "dtype") else "",
)
def test_a_column_of_pandas(series: Any, expected: Column) -> None:
    frame = pd.DataFrame({"x": series})

    assert infer_signature(frame).inputs == (expected,)


def test_nested_cells_are_json_fields() -> None:
    frame = pd.DataFrame({"id": [1, 2], "tags": [["a"], ["b", "c"]], "at": [{"x": 1}, {"x": 2.5}]})

    _, tags, at = infer_signature(frame).inputs

    assert tags == JsonField(
        name="tags", json_schema={"type": "array", "items": {"type": "string"}}
    )
    assert isinstance(at, JsonField)
    assert at.json_schema["properties"] == {"x": {"type": "number"}}


def test_the_index_is_no_column_and_other_names_become_text() -> None:
    frame = pd.DataFrame(np.zeros((2, 2)), index=["a", "b"])
    pairs = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))

    found = infer(frame)

    assert [field.name for field in found.signature.inputs] == ["0", "1"]
    assert "written as text" in found.notes[0]
    assert infer_signature(pairs).inputs[0].name == "a.b"


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are called 'a'"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "two columns are called '1'"),
        (pd.DataFrame([[1]], columns=[""]), "a column has no name"),
        (pd.DataFrame({"a": [1, "x"]}), "column 'a' holds values of several types"),
        (pd.DataFrame({"a": [True, 1]}, dtype=object), "several types"),
        (pd.DataFrame({"a": [1 + 2j]}), "complex128"),
        (pd.DataFrame({"a": [object()]}), "a type that a signature does not have"),
        (pd.DataFrame({"a": pd.period_range("2026", periods=1)}), "Period"),
    ],
)
def test_columns_that_no_signature_has_are_refused(frame: Any, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        infer_signature(frame)


def test_an_answer_without_a_name_is_the_prediction() -> None:
    assert infer_signature(y=pd.Series([0, 1])).outputs == (column("prediction", "int64"),)
    assert infer_signature(y=pd.Series([0.5], name="risk")).outputs == (column("risk", "float64"),)
    assert infer_signature(y=np.zeros(3)).outputs == (tensor("float64", -1),)


def test_of_a_long_column_of_objects_only_a_sample_is_looked_at_and_that_is_said() -> None:
    frame = pd.DataFrame({"a": pd.Series(["x"] * 5000 + [None, 1], dtype=object)})

    found = infer(frame)

    assert found.signature.inputs == (column("a", "string", nullable=True),)
    assert found.notes == ("column 'a': its type was read off 1,000 of 5,002 rows",)


def test_too_many_categories_are_not_listed() -> None:
    frame = pd.DataFrame({"a": pd.Series([str(at) for at in range(2000)], dtype="category")})

    found = infer(frame)

    assert found.signature.inputs == (column("a", "string"),)
    assert "2,000 categories" in found.notes[0]


def test_a_large_frame_takes_no_time() -> None:
    frame = pd.DataFrame(np.zeros((1_000_000, 10)))
    frame["s"] = pd.Series(["x"] * len(frame), dtype=object)

    infer_signature(frame)


# polars


def test_every_type_of_polars() -> None:
    day = dt.datetime(2026, 3, 1)
    frame = pl.DataFrame(
        {
            "i": pl.Series([1, None], dtype=pl.Int16),
            "f": pl.Series([1.0, 2.0], dtype=pl.Float32),
            "s": ["a", None],
            "b": [True, False],
            "y": [b"a", b"b"],
            "e": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y", "z"])),
            "c": pl.Series(["v", "u"], dtype=pl.Categorical),
            "t": pl.Series([day, day]).dt.replace_time_zone(BERLIN),
            "d": [day.date()] * 2,
            "o": [day.time()] * 2,
            "w": [dt.timedelta(1)] * 2,
            "m": [decimal.Decimal("1.50")] * 2,
            "l": [[1], [2]],
            "n": pl.Series([None, None]),
        }
    )

    found = infer_signature(frame).inputs

    assert found[:-2] == (
        column("i", "int16", nullable=True),
        column("f", "float32"),
        column("s", "string", nullable=True),
        column("b", "bool"),
        column("y", "binary"),
        column("e", "string", enum=("x", "y", "z")),
        column("c", "string", enum=("u", "v")),
        column("t", "timestamp", timezone=BERLIN, unit="us"),
        column("d", "date32"),
        column("o", "time64", unit="ns"),
        column("w", "duration", unit="us"),
        column("m", "decimal128"),
    )
    assert isinstance(found[-2], JsonField)
    assert found[-1] == column("n", "string", nullable=True)


def test_a_lazy_frame_is_not_collected() -> None:
    def explode(frame: Any) -> Any:
        raise AssertionError("collected")

    frame = pl.LazyFrame({"a": [1]}).map_batches(explode, schema={"a": pl.Int64})

    found = infer(frame)

    assert found.signature.inputs == (column("a", "int64", nullable=True),)
    assert "lazy" in found.notes[0]


def test_a_series_of_polars() -> None:
    assert infer_signature(pl.Series("a", [1])).inputs == (column("a", "int64"),)
    assert infer_signature(y=pl.Series([1])).outputs == (column("prediction", "int64"),)


# Arrow


def test_every_type_of_arrow() -> None:
    day = dt.datetime(2026, 3, 1)
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int8()),
            "h": pa.array([1.0, 2.0], pa.float16()),
            "s": pa.array(["a", "b"], pa.large_string()),
            "b": pa.array([b"aa", b"bb"], pa.binary(2)),
            "c": pa.array(["x", "y"]).dictionary_encode(),
            "t": pa.array([day, day], pa.timestamp("ns", BERLIN)),
            "d": pa.array([day.date()] * 2),
            "e": pa.array([day] * 2, pa.date64()),
            "o": pa.array([day.time()] * 2, pa.time32("s")),
            "w": pa.array([dt.timedelta(1)] * 2, pa.duration("ms")),
            "m": pa.array([decimal.Decimal("1.50")] * 2),
            "n": pa.array([{"a": [1]}, None]),
        }
    )

    *plain, nested = infer_signature(table).inputs

    assert plain == [
        column("i", "int8", nullable=True),
        column("h", "float16"),
        column("s", "string"),
        column("b", "binary"),
        column("c", "string", enum=("x", "y")),
        column("t", "timestamp", timezone=BERLIN, unit="ns"),
        column("d", "date32"),
        column("e", "timestamp", unit="ms"),
        column("o", "time64", unit="s"),
        column("w", "duration", unit="ms"),
        column("m", "decimal128"),
    ]
    assert isinstance(nested, JsonField)
    assert infer_signature(table.to_batches()[0]).inputs == (*plain, nested)


def test_a_schema_of_arrow_says_what_may_be_null() -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())])

    assert infer_signature(schema).inputs == (
        column("a", "int64"),
        column("b", "string", nullable=True),
    )


# Arrays


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((3, 4), "float32"), tensor("float32", -1, 4)),
        (np.zeros((3, 4), ">i2"), tensor("int16", -1, 4)),
        (np.zeros((2, 2), ml_dtypes.bfloat16), tensor("bfloat16", -1, 2)),
        (np.array(["a", "b"]), tensor("string", -1)),
        (np.array(["a", "b"], object), tensor("string", -1)),
        (np.array([b"a"]), tensor("binary", -1)),
        (np.array(["2026-03-01"], "datetime64[D]"), tensor("timestamp", -1)),
        (np.float64(1), tensor("float64")),
        (scipy.sparse.csr_matrix(np.eye(3)), tensor("float64", -1, 3)),
        (scipy.sparse.coo_array(np.eye(3, dtype="int8")), tensor("int8", -1, 3)),
    ],
)
def test_an_array_is_a_tensor_of_any_number_of_rows(array: Any, expected: Tensor) -> None:
    assert infer_signature(array).inputs == (expected,)


def test_a_structured_array_is_a_table() -> None:
    array = np.array([(1, 2.0, "x")], dtype=[("a", "i4"), ("b", "f8"), ("s", "U3")])

    assert infer_signature(array).inputs == (
        column("a", "int32"),
        column("b", "float64"),
        column("s", "string"),
    )


def test_a_dictionary_of_arrays_is_tensors_by_name() -> None:
    found = infer_signature({"ids": np.zeros((2, 8), "int64"), "mask": np.ones((2, 8), bool)})

    assert found.inputs == (tensor("int64", -1, 8, name="ids"), tensor("bool", -1, 8, name="mask"))


@pytest.mark.slow
def test_tensors_of_torch() -> None:
    import torch

    assert infer_signature(torch.zeros(2, 3)).inputs == (tensor("float32", -1, 3),)
    assert infer_signature(torch.zeros(2, dtype=torch.bfloat16)).inputs == (tensor("bfloat16", -1),)
    assert infer_signature({"x": torch.ones(2, dtype=torch.bool)}).inputs == (
        tensor("bool", -1, name="x"),
    )


# Plain values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", (tensor("string"),)),
        (b"raw", (tensor("binary"),)),
        (1, (tensor("int64"),)),
        (["a", "b"], (tensor("string", -1),)),
        ([1, 2.5], (tensor("float64", -1),)),
        ([[1, 2, 3], [4, 5, 6]], (tensor("int64", -1, 3),)),
        ({"a": 1, "b": "x"}, (column("a", "int64"), column("b", "string"))),
        ({"a": [1], "b": [None]}, (column("a", "int64"), column("b", "string", nullable=True))),
        ([{"a": 1}, {"a": 2, "b": 1.5}], (column("a", "int64"), ABSENT)),
        ({"a": [1, 2], "b": [1]}, (tensor("int64", -1, name="a"), tensor("int64", -1, name="b"))),
    ],
)  # fmt: skip
def test_plain_values(value: Any, expected: tuple[Any, ...]) -> None:
    assert infer_signature(value).inputs == expected


def test_records_of_nested_values_only_are_lists_by_name_where_absent_is_null() -> None:
    (field,) = infer_signature([{}, {"tags": ["a"]}]).inputs

    assert isinstance(field, JsonField)
    assert field.json_schema["type"] == "array"
    assert {"type": "null"} in field.json_schema["items"]["anyOf"]  # type: ignore[index, call-overload, operator]  # JSON


def test_nested_json_gets_a_schema() -> None:
    chat = {"messages": [{"role": "user", "content": "hi"}, {"role": "tool"}], "n": 1}

    messages, n = infer_signature(chat).inputs

    assert isinstance(messages, JsonField)
    assert messages.json_schema == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
            "required": ["role"],
        },
    }
    assert n == tensor("int64", name="n")


def test_brackets_without_end_are_refused() -> None:
    value: Any = {"a": 1}
    for _ in range(10_000):
        value = {"a": value, "b": [1]}

    with pytest.raises(InvalidInput, match="nested too deeply"):
        infer_signature(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: None, 1j])
def test_an_unknown_object_is_refused_by_name_and_says_what_is_taken(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        infer_signature(value)

    assert type(value).__name__ in caught.value.what
    assert "pandas" in str(caught.value.cause)


def test_whole_numbers_have_at_most_64_bits() -> None:
    assert infer_signature([2**63]).inputs == (tensor("uint64", -1),)
    with pytest.raises(InvalidInput, match="more than 64 bits"):
        infer_signature([2**64])


def test_parameters_have_the_type_of_their_defaults() -> None:
    params = {"temperature": 0.5, "top_k": 3, "stop": ["."], "greedy": False}

    assert infer_signature(params=params).params == (
        Param(name="temperature", dtype="float64", default=0.5),
        Param(name="top_k", dtype="int64", default=3),
        Param(name="stop", dtype="string", shape=(-1,), default=["."]),
        Param(name="greedy", dtype="bool", default=False),
    )
    with pytest.raises(InvalidInput, match="no default"):
        infer_signature(params={"a": None})


def test_nothing_is_imported_to_find_a_signature() -> None:
    script = (
        "import sys, lading; lading.infer_signature({'a': [1.5, 2]}, [1], {'t': 1}); "
        "print(*{'numpy', 'pandas', 'polars', 'pyarrow', 'torch', 'jsonschema'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
    assert lading.infer_signature is infer_signature
