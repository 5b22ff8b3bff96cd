"""Find a signature in data: what a model was shown, and what it answered.

Objects are told by the module of their class and looked at by what they can do; no library is
imported. Types are read off the data's own description; only of columns that hold Python objects
are values looked at, the first thousand.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.errors import InvalidInput
from lading.signatures import from_arrays, from_arrow, from_pandas, from_polars, from_values
from lading.signatures.json_shapes import schema_of
from lading.signatures.npy import Array
from lading.signatures.observed import Observed, dtype_of
from lading.signatures.origin import origin_of
from lading.signatures.scalars import scalar_json
from lading.spec.signature import FieldType, JsonField, Param, Signature, Tensor

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inferred:
    """A signature, and what could not be told for sure."""

    signature: Signature
    notes: tuple[str, ...]


def infer_signature(
    X: Any = None,  # noqa: N803  the name it has everywhere
    y: Any = None,
    params: Mapping[str, Any] | None = None,
) -> Signature:
    """The signature of a model that takes X and answers y.

    Args:
        X: what goes in: a pandas, polars or Arrow table, a numpy, scipy, torch or tensorflow
            array, a dictionary of arrays, records, lists, text, bytes or other JSON.
        y: what comes out, likewise; a series or array without a name is called ``prediction``
            only where the answer is a table.
        params: what may be said beside, with the value it has where nothing is said.

    Raises:
        InvalidInput: something is of a type that is not taken, column names are doubled, or a
            column holds values of several types.
    """
    found = infer(X, y, params)
    for note in found.notes:
        _log.info("%s", note)
    return found.signature


def infer(
    X: Any = None,  # noqa: N803
    y: Any = None,
    params: Mapping[str, Any] | None = None,
) -> Inferred:
    """As :func:`infer_signature`, with the notes on what could not be told for sure."""
    inputs = Observed() if X is None else _observe(X, None)
    outputs = Observed() if y is None else _answer(y)
    signature = Signature(
        inputs=inputs.fields,
        outputs=outputs.fields,
        params=tuple(_param(name, value) for name, value in (params or {}).items()),
    )
    return Inferred(signature, inputs.notes + outputs.notes)


def _answer(value: Any) -> Observed:
    """The outputs; a series without a name is the prediction."""
    if origin_of(value) in ("pandas", "polars", "arrow"):
        return _observe(value, "prediction")
    return _observe(value, None)


def _observe(value: Any, name: str | None) -> Observed:
    origin = origin_of(value)
    if origin == "pandas":
        return from_pandas.observe(value, name)
    if origin == "polars":
        return from_polars.observe(value, name)
    if origin == "arrow":
        return from_arrow.observe(value, name)
    if isinstance(value, Array):
        return Observed((_of_file(value, name),))
    if origin in ("array", "scipy"):
        return from_arrays.observe(value, name)
    return from_values.observe(value, name, _entry)


def _of_file(array: Array, name: str | None) -> Tensor:
    """The tensor that an .npy file holds; its first axis may be of any length."""
    shape = tuple(-1 if at == 0 else length for at, length in enumerate(array.shape))
    return Tensor.model_validate({"name": name, "dtype": array.dtype, "shape": shape})


def _entry(value: Any, name: str | None) -> Observed:
    """What is in a dictionary: an array or a plain value; a table has no place there."""
    if isinstance(value, Mapping):
        schema = schema_of([value], f"entry {name!r}")
        return Observed((JsonField(name=name, json_schema=schema),))
    return _observe(value, name)


def _param(name: Any, value: Any) -> Param:
    """A parameter by its default.

    Raises:
        InvalidInput: the name is no text, or the value neither a scalar nor a list of one type.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"the name of a parameter must be text, not {name!r}")
    if value is None:
        raise InvalidInput(
            f"parameter {name!r} has no default, so its type is unknown",
            hint="give a value of the type, or write lading.Param(name=..., dtype=...)",
        )
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, (list, tuple)):
        dtype = dtype_of(items, f"parameter {name!r}")
        return Param.model_validate({"name": name, "dtype": dtype, "default": scalar_json(items)})
    kinds = {dtype_of(item, f"parameter {name!r}") for item in items}
    kinds = {"float64"} if kinds == {"int64", "float64"} else kinds
    if len(kinds) != 1:
        raise InvalidInput(f"parameter {name!r} must be a list of values of one type")
    default = [scalar_json(item) for item in items]
    return Param.model_validate(
        {"name": name, "dtype": kinds.pop(), "shape": (-1,), "default": default}
    )


def fields_of(value: Any) -> tuple[FieldType, ...]:
    """The fields of one value: what its inputs would be."""
    return _observe(value, None).fields
