"""The first law of all: what a signature was read off, it takes, stored and restored."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any, get_args

import pandas as pd
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from parts.laws import tries

from lading.errors import InvalidInput
from lading.signatures.example import encode_example, read_example
from lading.signatures.infer import infer_signature
from lading.signatures.layouts import lay_out
from lading.signatures.restore import Want, restore
from lading.signatures.validate import validate

DAY = dt.datetime(2026, 3, 1, 12, 30, 0, 5)
SERIES: tuple[Any, ...] = (
    pd.Series([1, 2]),
    pd.Series([1, None], dtype="UInt16"),
    pd.Series([0.1, None], dtype="float32"),
    pd.Series([float("inf"), 1.0]),
    pd.Series(["a", None]),
    pd.Series(["NaT", "x"], dtype=object),
    pd.Series([b"a", None], dtype=object),
    pd.Series([decimal.Decimal("1E+3"), decimal.Decimal("-0.10")]),
    pd.Series([dt.date(2026, 3, 1), None], dtype=object),
    pd.Series([DAY.time(), None], dtype=object),
    pd.Series(["u", None], dtype="category"),
    pd.Series([3, 4], dtype="category"),
    pd.Series([DAY, None]),
    pd.Series([DAY, DAY], dtype="datetime64[ns, America/New_York]"),
    pd.Series([dt.timedelta(1, 2, 3), None]),
    pd.Series([{"a": [1]}, {"b": None}]),
    pd.Series([[1, 2.5], None]),
    pd.Series([True, None], dtype="boolean"),
    pd.Series([1, 0], dtype=pd.SparseDtype("int8")),
)


@given(st.lists(st.sampled_from(range(len(SERIES))), unique=True, min_size=1, max_size=5))
@tries(100)
def test_a_frame_of_pandas_is_taken(chosen: list[int]) -> None:
    frame = pd.DataFrame({f"c{at}": SERIES[at] for at in chosen})

    taken(frame)


def test_every_series_is_taken_alone_and_as_a_frame_of_polars_where_it_can_be() -> None:
    for series in SERIES:
        taken(series.rename("x"))
        taken(pd.DataFrame({"x": series}))

    frame = pl.DataFrame({"t": [DAY, None], "d": [dt.timedelta(1)] * 2, "l": [[1], None]})
    taken(frame.with_columns(pl.col("t").dt.replace_time_zone("Asia/Tokyo").alias("z")))


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
names = st.text(min_size=1, max_size=5)
nested = st.recursive(
    st.none() | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(nested)
def test_a_plain_value_is_taken_or_refused_in_words(value: Any) -> None:
    try:
        infer_signature(value)
    except InvalidInput:
        return
    taken(value)


@given(
    st.dictionaries(
        names,
        hnp.arrays(
            st.one_of(hnp.integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes(),
                      hnp.datetime64_dtypes(max_period="D", min_period="ns")),
            hnp.array_shapes(max_dims=3, max_side=3),
        ),
        min_size=1,
        max_size=3,
    )
)  # fmt: skip
def test_arrays_by_name_are_taken(value: Any) -> None:
    if any(array.dtype.kind == "M" for array in value.values()):
        for array in value.values():
            if array.dtype.kind == "M":
                array[...] = "2026-03-01"
    taken(value)


def taken(value: Any) -> None:
    signature = infer_signature(value)

    assert validate(signature, lay_out(value, signature.inputs).value) == ()

    encoded = encode_example(value, signature)
    read = read_example(encoded.files)
    assert validate(signature, read) == ()
    for want in get_args(Want):
        restore(read, encoded.example.layout, signature, want=want)
