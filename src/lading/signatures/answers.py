"""What a model answered to its input example: kept as JSON, compared with what it answers now.

Answers are looked at by what they can do (``tolist``, ``to_dict``), so that no framework is
imported for them. Numbers that JSON cannot say are written as text.
"""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec.encoding import encode

_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DEEPEST: Final = 16
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two answers differ."""

    where: str
    expected: object
    got: object


def encode_answer(answer: object) -> bytes:
    """An answer as JSON.

    Raises:
        InvalidInput: it holds something that JSON cannot say.
    """
    return encode(plain_answer(answer))


def plain_answer(answer: Any, *, depth: int = 0) -> Any:
    """An answer as lists, objects, numbers and text.

    Raises:
        InvalidInput: it holds something that JSON cannot say.
    """
    if depth > _DEEPEST:
        raise InvalidInput("the model's answer is nested too deeply to be kept")
    if isinstance(answer, Mapping):
        return {str(name): plain_answer(part, depth=depth + 1) for name, part in answer.items()}
    if isinstance(answer, (list, tuple, set, frozenset)):
        return [plain_answer(part, depth=depth + 1) for part in answer]
    if (simpler := _simpler(answer)) is not None:
        return plain_answer(simpler, depth=depth + 1)
    return _scalar(answer)


def _scalar(answer: Any) -> Any:
    if answer is None or isinstance(answer, (bool, int, str)):
        return answer
    if isinstance(answer, float):
        return answer if math.isfinite(answer) else _name(answer)
    if isinstance(answer, (bytes, bytearray)):
        return base64.b64encode(answer).decode()
    if isinstance(answer, (datetime.date, datetime.time)):
        return answer.isoformat()
    raise InvalidInput(f"an answer of type {type(answer).__qualname__} cannot be kept")


def _simpler(answer: Any) -> object:
    """A frame as its columns, an array as lists; None for anything else."""
    if hasattr(answer, "detach"):  # PyTorch, possibly on another device
        return answer.detach().cpu().tolist()
    if hasattr(answer, "toarray"):  # SciPy's sparse matrices
        return answer.toarray().tolist()
    if hasattr(answer, "columns") and hasattr(answer, "to_dict"):
        return {name: answer[name] for name in answer.columns}
    if hasattr(answer, "numpy") and not hasattr(answer, "tolist"):  # TensorFlow
        return answer.numpy().tolist()
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(answer, method):
            found: object = getattr(answer, method)()
            return found
    return None


def _name(number: float) -> str:
    return next(
        name
        for name, value in _NOT_FINITE.items()
        if value == number or (math.isnan(value) and math.isnan(number))
    )


def differences(
    expected: Any, got: Any, *, relative: float = 1e-5, absolute: float = 1e-8
) -> tuple[Difference, ...]:
    """Where two answers differ by more than the tolerance; the first twenty places."""
    return tuple(islice(_differ(expected, got, "", relative, absolute), _MOST))


def _differ(
    expected: Any, got: Any, where: str, relative: float, absolute: float
) -> Iterator[Difference]:
    one, other = _number(expected), _number(got)
    if one is not None and other is not None:
        same = math.isclose(one, other, rel_tol=relative, abs_tol=absolute)
        if not same and not (math.isnan(one) and math.isnan(other)):
            yield Difference(where, expected, got)
    elif isinstance(expected, Mapping) and isinstance(got, Mapping):
        for name in dict.fromkeys((*expected, *got)):
            below = f"{where}.{name}" if where else str(name)
            yield from _differ(expected.get(name), got.get(name), below, relative, absolute)
    elif _is_list(expected) and _is_list(got):
        if len(expected) != len(got):
            yield Difference(where, f"{len(expected)} values", f"{len(got)} values")
        for place, (before, now) in enumerate(zip(expected, got, strict=False)):
            yield from _differ(before, now, f"{where}[{place}]", relative, absolute)
    elif expected != got:
        yield Difference(where, expected, got)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    return float(value) if isinstance(value, (int, float)) else None


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
