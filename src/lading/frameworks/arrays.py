"""Data that a person gives, as the arrays that models take; told by duck typing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lading.errors import InvalidInput
from lading.frameworks import installed


def as_array(data: Any, dtype: str | None = None) -> Any:
    """A numpy array of it, of that type if one is said."""
    numpy = installed.require("numpy")
    if hasattr(data, "detach"):  # a tensor of torch
        data = data.detach().cpu()
    found = data.to_numpy() if hasattr(data, "to_numpy") else numpy.asarray(data)
    return found if dtype is None else found.astype(dtype, copy=False)


def named_arrays(data: Any, names: Sequence[str]) -> dict[str, Any]:
    """One array for each of the names: from a mapping, a table, or the one there is.

    Raises:
        InvalidInput: there are several names, and the data has none.
    """
    if isinstance(data, Mapping):
        return {str(name): as_array(value) for name, value in data.items()}
    if len(names) == 1:
        return {names[0]: as_array(data)}
    if hasattr(data, "columns"):  # a table, each of whose columns is an input of its own
        return {name: as_array(data[name]).reshape(-1, 1) for name in names}
    raise InvalidInput(
        f"the model takes {len(names)} inputs", hint=f"give them by name: {', '.join(names[:10])}"
    )


def as_arrays(answer: Any) -> Any:
    """What a model of torch answered, with numpy arrays instead of tensors."""
    if isinstance(answer, Mapping):
        return {name: as_arrays(part) for name, part in answer.items() if part is not None}
    if isinstance(answer, (tuple, list)):
        return [as_arrays(part) for part in answer]
    if not hasattr(answer, "detach"):
        return answer
    tensor = answer.detach().cpu()
    # numpy knows no bfloat16.
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
