"""A signature's tensors from arrays: numpy, scipy.sparse, torch, tensorflow, jax.

The first axis is taken for the number of rows and becomes -1; a structured array is a table.
"""

from __future__ import annotations

from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures import observed
from lading.signatures.observed import SAMPLE, ColumnType, Observed
from lading.signatures.origin import class_name
from lading.spec.signature import DATA_TYPES, Tensor

_KINDS: Final = {"U": "string", "T": "string", "S": "binary"}
_UNITS: Final = ("s", "ms", "us", "ns")


def observe(value: Any, name: str | None = None) -> Observed:
    """The tensor that an array is, or the columns of a structured one.

    Raises:
        InvalidInput: its elements are of a type that a signature does not have.
    """
    dtype = value.dtype
    if getattr(dtype, "names", None):
        return _structured(value)
    found = _element_type(value)
    shape = tuple(-1 if at == 0 else int(length) for at, length in enumerate(_shape(value)))
    tensor = Tensor.model_validate({"name": name, "dtype": found.dtype, "shape": shape})
    return Observed((tensor,), found.notes)


def _shape(value: Any) -> tuple[Any, ...]:
    """The lengths; of tensorflow's unknown ones -1."""
    shape = value.shape
    return tuple(-1 if length is None else length for length in shape)


def _structured(value: Any) -> Observed:
    names, notes = observed.column_names(value.dtype.names)
    columns = []
    for name in names:
        dtype = value.dtype[name]
        if dtype.shape:
            raise InvalidInput(
                f"field {name!r} of the structured array is an array itself",
                hint="give it as a dictionary of arrays",
            )
        found = numpy_dtype(f"field {name!r}", dtype)
        columns.append(found.named(name, nullable=False))
    return observed.table(columns, notes)


def _element_type(value: Any) -> ColumnType:
    if getattr(value.dtype, "kind", "") == "O":
        seen = value.ravel()[:SAMPLE].tolist()
        found = observed.of_objects("array", seen, int(value.size))
        if found.json_schema is not None:
            raise InvalidInput(
                "the array holds objects that are lists or dictionaries",
                hint="give a list, or an array of numbers",
            )
        return found
    return numpy_dtype(class_name(value), value.dtype)


def numpy_dtype(what: str, dtype: Any) -> ColumnType:
    """The type of numpy's dtypes, and of others' that have the same names: ``torch.bfloat16``.

    Raises:
        InvalidInput: a signature has no such type.
    """
    kind = getattr(dtype, "kind", "")
    if kind in _KINDS:
        return ColumnType(_KINDS[kind])
    if kind in ("M", "m"):
        unit = str(dtype).partition("[")[2].rstrip("]")
        known = unit if unit in _UNITS else "s"
        return ColumnType("timestamp" if kind == "M" else "duration", unit=known)
    name = str(getattr(dtype, "name", None) or dtype).rpartition(".")[2]
    if name in DATA_TYPES:
        return ColumnType(name)
    raise InvalidInput(
        f"{what} has elements of a type that a signature does not have: {name}",
        hint=f"one of {', '.join(DATA_TYPES)}",
    )
