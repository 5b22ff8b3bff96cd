"""What a conversion answers: the value, and a sentence for each thing that was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value")
PartName = Literal["inputs", "outputs"]


@dataclass(frozen=True, slots=True)
class Converted(Generic[Value]):
    """A value in another tool's words, and what those words could not say."""

    value: Value
    losses: tuple[str, ...] = ()
