"""A batch and what the model says to it: rows checked, asked, and the wrong ones told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lading.errors import InvalidInput
from lading.serving.batch.answers import Part, joined, parts_of
from lading.serving.batch.asking import Asking, problem_of
from lading.serving.batch.table import Batch, refused
from lading.serving.live import live
from lading.serving.model import Model
from lading.serving.protocol.given import Given, WrongInput
from lading.serving.protocol.outputs import Outputs

OnError = Literal["stop", "skip", "null"]
ON_ERROR: Final = ("stop", "skip", "null")


@dataclass(frozen=True, slots=True)
class Scored:
    """A batch with its predictions."""

    batch: Batch
    # The rows that are written, by their place in the batch.
    rows: Sequence[int]
    # By name; as many values as rows. None where no row was answered.
    predictions: Mapping[str, Part] | None
    # What is wrong with a row, by its place in the batch.
    wrong: Mapping[int, str] = field(default_factory=dict)
    # The cells that the model was asked with, in their JSON form.
    typed: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Asks one model about batches of one file."""

    model: Model
    asking: Asking
    outputs: Outputs
    on_error: OnError
    source: str

    def score(self, batch: Batch) -> Scored:
        """The predictions of a batch.

        Raises:
            WrongRow: a row is wrong, and that is to be the end.
            LadingError: the model failed, and not because of a row.
        """
        typed = self.asking.typed(batch)
        wrong: dict[int, str] = {}

        def reject(at: int, why: str) -> None:
            if self.on_error == "stop":
                known = self.asking.inputs.form != "anything"
                raise refused(batch, at, why, self.source, is_known=known)
            wrong[at] = why

        good, given = self._checked(batch, typed, reject)
        answered = self._answers(typed, good, reject, given) if good else []
        predictions = joined(answered)
        if self.on_error == "skip":
            rows: Sequence[int] = [at for at in range(batch.count) if at not in wrong]
        else:
            rows = range(batch.count)
            if predictions is not None and wrong:
                predictions = {
                    name: part.with_holes(batch.count, wrong) for name, part in predictions.items()
                }
        return Scored(batch, rows, predictions, wrong, typed)

    def _checked(
        self, batch: Batch, typed: dict[str, Sequence[Any]], reject: Callable[[int, str], None]
    ) -> tuple[list[int], Given | None]:
        """The rows that are what the signature says, and the input that all of them make."""
        if not batch.wrong and not self.asking.alone:
            rows = list(range(batch.count))
            if (given := self._fitting(typed, rows)) is not None:
                return rows, given
        good = []
        for at in range(batch.count):
            problem = batch.wrong.get(at) or self._problem(typed, at)
            if problem is None:
                good.append(at)
            else:
                reject(at, str(problem))
        return good, None

    def _fitting(self, typed: dict[str, Sequence[Any]], rows: Sequence[int]) -> Given | None:
        try:
            return self.asking.given(typed, rows)
        except WrongInput:
            return None

    def _problem(self, typed: dict[str, Sequence[Any]], at: int) -> object:
        try:
            self.asking.given(typed, [at])
        except WrongInput as error:
            return problem_of(error)
        return None

    def _answers(
        self,
        typed: dict[str, Sequence[Any]],
        rows: Sequence[int],
        reject: Callable[[int, str], None],
        given: Given | None = None,
    ) -> list[dict[str, Part]]:
        """What is answered to rows; where it is nothing, which of them is to blame."""
        if self.asking.alone and len(rows) > 1:
            return [part for at in rows for part in self._answers(typed, [at], reject)]
        try:
            given = given or self.asking.given(typed, rows)
            answer = self.model.predict(live(self.model, given))
        except InvalidInput as error:
            if len(rows) == 1:
                reject(rows[0], f"{error.what}: {error.cause}" if error.cause else error.what)
                return []
            half = len(rows) // 2
            return [
                *self._answers(typed, rows[:half], reject),
                *self._answers(typed, rows[half:], reject),
            ]
        return [parts_of(answer, self.outputs, len(rows), alone=self.asking.alone)]
