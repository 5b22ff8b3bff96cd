"""What a file of predictions holds: which columns of the input, and what predictions are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.batch.cells import of_arrow
from lading.serving.batch.scoring import Scored
from lading.serving.batch.table import Head

_PREDICTED: Final = "predicted_"


@dataclass(frozen=True, slots=True)
class Layout:
    """Decided once for a file, by its beginning."""

    # The columns of the input that are kept.
    kept: tuple[str, ...]
    # Whether inputs are kept at all, and those that are not listed, too, where a format can.
    with_inputs: bool
    # The outputs of the model, and what each is called in the file.
    predictions: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, head: Head, asked: Sequence[str], outputs: Iterable[str], *, with_inputs: bool
    ) -> Layout:
        """The layout of what is written about a file.

        Raises:
            InvalidInput: a prediction has no name that is free.
        """
        # Objects may leave out what the model does not demand; a table has a column for it.
        more = () if head.is_fixed else asked
        kept = tuple(dict.fromkeys((*head.columns, *more))) if with_inputs else ()
        outputs = tuple(outputs)
        named = []
        for name in outputs:
            written = _PREDICTED + name if name in kept else name
            if written in kept or (written != name and written in outputs):
                raise InvalidInput(
                    f"what is predicted as {name!r} has no name that is free",
                    cause=f"{name!r} and {written!r} are there already",
                    hint="--no-inputs, or another name for the column",
                )
            named.append((name, written))
        return cls(kept, with_inputs, tuple(named))

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are known, in order."""
        return (*self.kept, *(written for _, written in self.predictions))

    def inputs(self, scored: Scored, *, as_written: bool = False) -> dict[str, list[Any]]:
        """The inputs of the rows that are written, in their JSON form, by column."""
        if not self.with_inputs:
            return {}
        names = dict.fromkeys((*self.kept, *scored.batch.cells))
        return {name: _column(scored, name, as_written) for name in names}

    def answers(self, scored: Scored) -> dict[str, Sequence[Any]]:
        """The predictions of the same rows, by what they are called in the file."""
        found = scored.predictions
        if found is None:
            return {written: [None] * len(scored.rows) for _, written in self.predictions}
        return {written: found[name].cells for name, written in self.predictions}


def _column(scored: Scored, name: str, as_written: bool) -> list[Any]:
    batch = scored.batch
    if name not in batch.cells:
        return [None] * len(scored.rows)
    if batch.is_text and as_written:
        return [batch.cells[name][at] for at in scored.rows]
    if batch.arrow is None and name in scored.typed:
        return [scored.typed[name][at] for at in scored.rows]
    values = batch.cells[name]
    if batch.arrow is None:
        return [values[at] for at in scored.rows]
    return [of_arrow(values[at]) for at in scored.rows]
