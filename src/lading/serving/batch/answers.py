"""A model's answer as one value for each row and output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.protocol.datatypes import BY_DTYPE, BYTES, DATATYPES
from lading.serving.protocol.outputs import ModelFailed, Outputs, as_declared, with_times
from lading.signatures.answers import plain_answer

_KINDS: Final = frozenset("biuf")
_UNNAMED: Final = "output-0"
PREDICTION: Final = "prediction"


@dataclass(frozen=True, slots=True)
class Part:
    """One output."""

    cells: Sequence[Any]
    # Of the numbers in it, as NumPy calls it; None where they are no array of numbers.
    dtype: str | None = None
    # How deep lists are nested in a cell.
    depth: int = 0

    def with_holes(self, count: int, holes: Collection[int]) -> Part:
        """The same with nothing at some places."""
        values = iter(self.cells)
        cells = [None if at in holes else next(values) for at in range(count)]
        return Part(cells, self.dtype, self.depth)


def names_of(outputs: Outputs) -> tuple[str, ...] | None:
    """What the outputs are called in a file; None where only an answer can tell."""
    return tuple(_named(name) for name in outputs.names) or None


def _named(name: str) -> str:
    return PREDICTION if name == _UNNAMED else name


def parts_of(answer: Any, outputs: Outputs, count: int, *, alone: bool) -> dict[str, Part]:
    """The outputs of an answer to so many rows.

    Raises:
        ModelFailed: it has not one value for each of them, or one that no file can hold.
    """
    found = outputs.parts(answer)
    return {_named(name): _part(name, part, outputs, count, alone) for name, part in found.items()}


def _part(name: str, value: Any, outputs: Outputs, count: int, alone: bool) -> Part:
    if hasattr(value, "toarray"):  # SciPy's sparse matrices
        value = value.toarray()
    if hasattr(value, "to_numpy"):  # a column of a frame
        value = value.to_numpy()
    value = with_times(value)
    if getattr(getattr(value, "dtype", None), "kind", "") in _KINDS and hasattr(value, "ravel"):
        return _numbers(name, value, outputs, count, alone)
    try:
        cells = plain_answer(value)
    except InvalidInput as error:
        raise ModelFailed("the model's answer fits in no file", cause=error.what) from error
    if alone and not (isinstance(cells, list) and len(cells) == 1):
        cells = [cells]
    if not isinstance(cells, list) or len(cells) != count:
        raise _uneven(name, len(cells) if isinstance(cells, list) else 1, count)
    return Part(cells)


def _numbers(name: str, array: Any, outputs: Outputs, count: int, alone: bool) -> Part:
    declared = DATATYPES.get(outputs.datatypes.get(name, ""))
    kind = BY_DTYPE.get(array.dtype.name)
    # As a server answers: of the type that the signature says.
    if declared and declared.name not in (BYTES, "BF16") and kind != declared:
        array, kind = as_declared(name, array, declared), declared
    if kind is None and array.dtype.kind == "f":  # more digits than any file has
        array, kind = array.astype("float64"), BY_DTYPE["float64"]
    if alone and (not array.shape or array.shape[0] != 1):
        array = array.reshape((1, *array.shape))
    if not array.shape or array.shape[0] != count:
        raise _uneven(name, array.shape[0] if array.shape else 1, count)
    if len(array.shape) == 2 and array.shape[1] == 1 and outputs.columns:
        array = array.ravel()
    return Part(array.tolist(), kind.dtype if kind else None, len(array.shape) - 1)


def _uneven(name: str, found: int, count: int) -> ModelFailed:
    return ModelFailed(
        "the model has not one answer for each row",
        cause=f"{found} values of {name!r} for {count} rows",
        hint="a model that answers a whole table at once cannot be asked in batches",
    )


def joined(several: Sequence[Mapping[str, Part]]) -> dict[str, Part] | None:
    """Answers to rows that follow each other, as one; None of nothing.

    Raises:
        ModelFailed: they have other names.
    """
    if not several:
        return None
    first = several[0]
    if len(several) == 1:
        return dict(first)
    if any(each.keys() != first.keys() for each in several):
        raise ModelFailed("the model's answers have other names from row to row")
    return {
        name: Part([cell for each in several for cell in each[name].cells], part.dtype, part.depth)
        for name, part in first.items()
    }
