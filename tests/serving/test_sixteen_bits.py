"""Numbers of 16 bits, which few have: what a model answers, as FP16 and BF16."""

from __future__ import annotations

import struct
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.serving.protocol.outputs import Outputs
from lading.spec.signature import Signature, Tensor


def outputs(dtype: Any) -> Outputs:
    return Outputs.of(Signature(outputs=(Tensor(dtype=dtype, shape=(-1,), name="y"),)))


@given(st.lists(st.floats(width=32), max_size=20))
def test_bf16_is_rounded_as_its_own_library_does(numbers: list[float]) -> None:
    array = np.array(numbers, "float32")

    (found,) = outputs("bfloat16").tensors(array, None)

    theirs = array.astype(ml_dtypes.bfloat16)
    assert found.datatype.name == "BF16"
    mine = np.frombuffer(found.raw(), ml_dtypes.bfloat16)
    assert np.array_equal(mine, theirs, equal_nan=True)
    assert np.array_equal(np.array(found.flat()), theirs.astype("float64"), equal_nan=True)


@pytest.mark.parametrize(
    "answer",
    [
        np.array([1.5, 2.0]),
        np.array([1.5, 2.0], ml_dtypes.bfloat16),
        np.array([1.5, 2.0], "float16"),
        np.array([[1.5, 9.0], [2.0, 9.0]])[:, 0],
    ],
)
def test_whatever_a_model_answers_with_is_written_as_the_signature_says(answer: Any) -> None:
    (wide,) = outputs("bfloat16").tensors(answer, None)
    (half,) = outputs("float16").tensors(answer.astype("float32"), None)

    assert wide.raw() == struct.pack("<2H", 0x3FC0, 0x4000)
    assert half.raw() == struct.pack("<2e", 1.5, 2.0)


def test_bf16_is_known_without_a_signature() -> None:
    (found,) = Outputs.of(None).tensors(np.array([[1.5]], ml_dtypes.bfloat16), None)

    assert (found.datatype.name, found.shape, found.flat()) == ("BF16", (1, 1), [1.5])


def test_one_number_is_an_array_of_one() -> None:
    (found,) = outputs("bfloat16").tensors(np.float32(3), None)

    assert (found.shape, found.raw()) == ((1,), struct.pack("<H", 0x4040))
