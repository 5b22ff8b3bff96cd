"""An input example survives being stored, and reading a damaged one is safe."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from signatures import strategies

from lading.errors import InvalidInput, NotFound
from lading.signatures import npy
from lading.signatures.example import encode_example, read_example
from lading.signatures.example_files import example_from_file
from lading.signatures.infer import infer_signature
from lading.signatures.npy import Array
from lading.signatures.restore import restore
from lading.signatures.validate import validate
from lading.spec.signature import Column, Signature, Tensor

JSON = ".lading/example/input.json"
NPY = ".lading/example/input.npy"

FRAME = pd.DataFrame(
    {
        "age": [1, 2],
        "x": [1.5, None],
        "s": ["a", "ü"],
        "c": pd.Series(["u", "v"], dtype="category"),
        "i": pd.Series([1, None], dtype="Int32"),
        "b": [True, False],
        "t": pd.to_datetime(["2026-03-01T00:00:00.123456789", "2026-07-01"], format="ISO8601")
        .as_unit("ns")
        .tz_localize("Europe/Berlin"),
        "d": pd.to_timedelta([1, 2], unit="s").as_unit("ms"),
    }
)


def stored(value: Any, **want: Any) -> Any:
    """The value after it was written, read and restored."""
    signature = infer_signature(value)
    encoded = encode_example(value, signature)
    read = read_example(encoded.files)
    assert validate(signature, read) == ()
    return restore(read, encoded.example.layout, signature, **want)


def test_a_frame_comes_back_with_its_types() -> None:
    pd.testing.assert_frame_equal(stored(FRAME, want="pandas"), FRAME)


def test_a_frame_is_columns_and_data_as_json() -> None:
    encoded = encode_example(FRAME[["age", "x"]], infer_signature(FRAME[["age", "x"]]))

    assert encoded.files == {JSON: b'{"columns":["age","x"],"data":[[1,1.5],[2,null]]}\n'}
    assert encoded.example.as_json() == {"path": JSON, "format": "json", "layout": "table"}


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas])
def test_frames_of_polars_and_arrow_are_written_like_those_of_pandas(make: Any) -> None:
    frame = FRAME[["age", "x", "s", "b"]]
    signature = infer_signature(frame)

    assert encode_example(make(frame), signature) == encode_example(frame, signature)


def test_columns_are_written_in_the_signatures_order_and_fewer_as_records() -> None:
    signature = Signature(
        inputs=(Column(name="a", dtype="int64"), Column(name="b", dtype="int64", required=False))
    )

    whole = encode_example(pd.DataFrame({"b": [2], "a": [1]}), signature)
    part = encode_example(pd.DataFrame({"a": [1]}), signature)

    assert json.loads(whole.files[JSON]) == {"columns": ["a", "b"], "data": [[1, 2]]}
    assert json.loads(part.files[JSON]) == [{"a": 1}]


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2], "b": ["x", "y"]},
        {"a": 1, "b": "x"},
        [{"a": 1, "n": [1]}, {"a": 2, "n": []}],
        [[1, 2], [3, 4]],
        "text",
        b"\x00\xff",
        {"messages": [{"role": "user"}], "n": 1},
        {"day": dt.date(2026, 3, 1), "price": decimal.Decimal("1.50"), "raw": b"x"},
    ],
    ids=repr,
)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert stored(value) == value


dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_numpy_reads_what_is_written_and_is_read(array: Any) -> None:
    encoded = encode_example(array)

    read = np.load(io.BytesIO(encoded.files[NPY]), allow_pickle=False)
    back = read_example(encoded.files)

    assert read.dtype == array.dtype.newbyteorder("<")
    np.testing.assert_array_equal(read, array)
    np.testing.assert_array_equal(np.array(back.tolist(), read.dtype).reshape(read.shape), array)
    np.testing.assert_array_equal(restore(back, "tensor", want="numpy"), array)


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=1, max_dims=3, max_side=3)))
def test_what_numpy_writes_is_read(array: Any) -> None:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))))

    assert npy.read(file.getvalue()).shape == array.shape


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=1, max_dims=2, max_side=3)))
def test_a_small_array_is_json_with_a_signature(array: Any) -> None:
    back = stored(array, want="numpy")

    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype.newbyteorder("=")


def test_large_arrays_are_files_of_their_own() -> None:
    value = {
        "Ids": np.arange(20_000),
        "ids": np.ones((20_000, 2), "float32"),
        "m/../x": np.zeros(100_000, bool),
        "small": np.zeros(2),
    }
    encoded = encode_example(value, infer_signature(value))

    back = stored(value, want="numpy")

    assert encoded.files.keys() == {
        JSON,
        ".lading/example/Ids.npy",
        ".lading/example/%69%64%73.npy",
        ".lading/example/m%2f%2e%2e%2fx.npy",
    }
    assert json.loads(encoded.files[JSON]) == {"small": [0.0, 0.0]}
    assert len({path.casefold() for path in encoded.files}) == len(encoded.files)
    assert back.keys() == value.keys()
    for name, array in value.items():
        np.testing.assert_array_equal(back[name], array)


def test_numbers_that_are_not_finite_are_text_and_missing_ones_null() -> None:
    frame = pd.DataFrame({"x": [1.0, np.inf, None]})
    strict = Signature(inputs=(Column(name="x", dtype="float64"),))

    nullable = encode_example(frame, infer_signature(frame))
    array = encode_example(np.array([np.nan, -np.inf]), infer_signature(np.zeros(2)))

    assert b'[[1.0],["Infinity"],[null]]' in nullable.files[JSON]
    assert b'[[1.0],["Infinity"],["NaN"]]' in encode_example(frame, strict).files[JSON]
    assert array.files[JSON] == b'["NaN","-Infinity"]\n'
    np.testing.assert_array_equal(stored(frame, want="pandas")["x"], frame["x"])


@given(st.data())
def test_every_value_is_written_the_same_twice_and_still_fits(data: st.DataObject) -> None:
    fields = data.draw(strategies.sides())
    signature = Signature(inputs=fields)
    value = data.draw(strategies.values(fields)) if fields else 1

    encoded = encode_example(value, signature)

    assert encoded == encode_example(value, signature)
    assert validate(signature, read_example(encoded.files)) == ()


def test_the_nuls_at_the_end_of_a_text_are_part_of_it() -> None:
    signature = Signature(inputs=(Tensor(dtype="string", shape=(-1,), name="x"),))

    plain = restore({"x": ["a", "b"]}, "tensors", signature, want="numpy")["x"]
    ending = restore({"x": ["a\0", "b"]}, "tensors", signature, want="numpy")["x"]

    assert plain.dtype.kind == "U"
    assert ending.tolist() == ["a\0", "b"]


def test_text_that_looks_missing_is_text_and_what_is_missing_is_null() -> None:
    cells = ["NaT", "nan", None, pd.NA, np.datetime64("NaT"), np.float32("nan"), np.str_("nan")]
    signature = Signature(inputs=(Column(name="a", dtype="string", nullable=True),))

    encoded = encode_example([{"a": each} for each in cells], signature)

    values = [row["a"] for row in json.loads(encoded.files[JSON])]
    assert values == ["NaT", "nan", None, None, None, None, "nan"]


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        encode_example({"a": object(), "b": [[1], [2, 3]]})
    with pytest.raises(InvalidInput, match="infinite"):
        encode_example({"a": {"b": float("inf")}, "c": [1]})
    with pytest.raises(InvalidInput, match="64 MiB"):
        encode_example(np.zeros(9_000_000))


# Reading


def test_a_version_without_an_example() -> None:
    with pytest.raises(NotFound):
        read_example({})


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"NaN", b'"\\ud800"', b"[" * 100 + b"]" * 100, b"[" * 100_000]
)
def test_damaged_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_example({JSON: raw})


GOOD = npy.write(Array("float32", (2, 3), memoryview(bytes(24))))


@given(st.binary(max_size=200), st.integers(0, len(GOOD)), st.integers(0, 20))
def test_a_damaged_array_is_read_or_refused_and_nothing_else(
    noise: bytes, at: int, cut: int
) -> None:
    raw = GOOD[:at] + noise + GOOD[at + cut :]

    try:
        array = npy.read(raw)
    except InvalidInput:
        return
    assert len(array.data) == int(np.prod(array.shape)) * npy.item_size(array.dtype)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 6)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
        "__import__('os')",
        "(" * 5000,
        "[]",
    ],
)
def test_a_header_that_lies_is_refused(header: str) -> None:
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(24)

    with pytest.raises(InvalidInput):
        npy.read(raw)


def test_an_array_of_millions_of_empty_rows_is_not_made() -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999, 0)}"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header

    with pytest.raises(InvalidInput, match="empty rows"):
        npy.read(raw).tolist()


# Files that a person names


def test_a_csv_file_is_read_by_the_signatures_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('\ufeffzip,age,since,ok\n01234,5,2026-03-01,true\n"0,1",,2026-03-02,false\n')
    signature = Signature(
        inputs=(
            Column(name="zip", dtype="string"),
            Column(name="age", dtype="int64", nullable=True),
            Column(name="since", dtype="date32"),
            Column(name="ok", dtype="bool"),
        )
    )

    rows = example_from_file(path, signature)

    assert rows == [
        {"zip": "01234", "age": 5, "since": "2026-03-01", "ok": True},
        {"zip": "0,1", "age": None, "since": "2026-03-02", "ok": False},
    ]
    assert validate(signature, rows) == ()
    assert example_from_file(path)[0]["zip"] == "01234"
    with pytest.raises(InvalidInput, match="column 'zip': '01234' is no bool in row 0"):
        example_from_file(path, Signature(inputs=(Column(name="zip", dtype="bool"),)))


def test_json_lines_and_long_csv_files_are_read_from_their_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n' * 5000)
    (tmp_path / "a.csv").write_text("a\n" + "1\n" * 100_000)

    assert example_from_file(tmp_path / "a.jsonl") == [{"a": 1}] * 100
    assert example_from_file(tmp_path / "a.csv") == [{"a": 1}] * 100


def test_json_and_arrays_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, 2]}')
    np.save(tmp_path / "a.npy", np.ones((2, 2), "float32"))

    array = example_from_file(tmp_path / "a.npy")

    assert example_from_file(tmp_path / "a.json") == {"a": [1, 2]}
    assert validate(infer_signature(np.ones((1, 2), "float32")), array) == ()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", b"x"),
        ("a.json", b"{"),
        ("a.jsonl", b'{"a":1}\n{'),
        ("a.csv", b"a,b\n1\n"),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.csv", b""),
        ("a.csv", b"\xff\xfe"),
        ("a.npy", b"\x93NUMPY"),
    ],
)
def test_a_file_that_is_no_example_is_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)

    with pytest.raises(InvalidInput):
        example_from_file(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        example_from_file(tmp_path / "a.json")


@pytest.mark.slow
def test_tensors_of_torch_are_kept() -> None:
    import torch

    value = {"x": torch.ones(2, 3), "h": torch.full((2,), 1.5, dtype=torch.bfloat16)}

    back = stored(value, want="numpy")

    np.testing.assert_array_equal(back["x"], np.ones((2, 3)))
    np.testing.assert_array_equal(back["h"], [1.5, 1.5])
    assert b"<f4" in encode_example(torch.ones(2).to_sparse()).files[NPY]
