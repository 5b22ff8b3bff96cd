"""Rows as they were read: some of a file's, by column, with what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.validate import Problem


class Absent:
    """What a record has under a name that it does not have."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a file, one after the other."""

    # The number of the first one, from 0.
    start: int
    count: int
    # By name, in the order of the file; as many values each as there are rows.
    cells: Mapping[str, Sequence[Any]]
    # Cells are the text of a file that knows no types.
    is_text: bool = False
    # The line on which each row ends, where a file has lines.
    lines: Sequence[int] | None = None
    # Rows of which the file itself is wrong, by their place here.
    wrong: Mapping[int, Problem] = field(default_factory=dict)
    # The same as Arrow has it, where the file is Arrow's.
    arrow: Any = None

    def place(self, at: int) -> str:
        """A row as people count them: the first is row 1."""
        line = f" (line {self.lines[at]})" if self.lines else ""
        return f"row {self.start + at + 1}{line}"

    def record(self, at: int) -> dict[str, Any]:
        """One row by name, without what it does not have."""
        row = {name: values[at] for name, values in self.cells.items()}
        return {name: value for name, value in row.items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning of a file says of all of it."""

    # The columns; of records those of the first one.
    columns: tuple[str, ...]
    # Whether every row has exactly these.
    is_fixed: bool
    # Arrow's schema, where the file is Arrow's.
    schema: Any = None


class WrongRow(InvalidInput):
    """A row is not what the model takes; says which, and why."""


def refused(batch: Batch, at: int, why: str, source: str, *, is_known: bool) -> WrongRow:
    """The error for a row, where one is enough to stop; ``is_known`` what the model takes."""
    going_on = "--on-error skip leaves such rows out, null keeps them without a prediction"
    choosing = "nothing says what this model takes: --columns a,b,c asks with these only"
    return WrongRow(
        f"{batch.place(at)} of {source} is not what the model takes",
        cause=why,
        hint=going_on if is_known else choosing,
    )
