"""What is written as text: CSV, JSON and JSON lines. Bytes for each batch; nothing is kept."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from lading.errors import InvalidInput
from lading.serving.batch.layout import Layout
from lading.serving.batch.scoring import Scored
from lading.serving.batch.table import ABSENT

# Python makes no text of numbers of thousands of digits.
_LARGE: Final = 2**64
_BOOLS: Final = {True: "true", False: "false"}


class Writer(Protocol):
    """A format."""

    def begin(self, scored: Scored | None) -> bytes:
        """What stands before the first row, of which the batch is given where there is one."""

    def rows(self, scored: Scored, *, first: bool) -> bytes:
        """The rows of a batch; ``first`` where none was written before."""

    def end(self) -> bytes:
        """What stands behind the last row."""


class CsvWriter:
    """CSV with a header: what was text stays as it was written."""

    def __init__(self, layout: Layout, delimiter: str) -> None:
        self._layout = layout
        self._delimiter = delimiter

    def begin(self, scored: Scored | None) -> bytes:
        """The header."""
        return self._text([self._layout.columns])

    def rows(self, scored: Scored, *, first: bool) -> bytes:
        """A line for each row.

        Raises:
            InvalidInput: a row has a column that the first one has not.
        """
        inputs = self._layout.inputs(scored, as_written=True)
        demand_known(self._layout, inputs, scored)
        columns = [*inputs.values(), *self._layout.answers(scored).values()]
        columns = [list(map(_shown, column)) for column in columns]
        return self._text(zip(*columns, strict=True))

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def _text(self, rows: Any) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(rows)
        return encoded(text.getvalue())


def _shown(value: Any) -> str:
    """A cell; what has several values is JSON."""
    if type(value) is str:
        return value
    if value is None or value is ABSENT:
        return ""
    if type(value) is bool:
        return _BOOLS[value]
    if type(value) is float:
        return repr(value) if math.isfinite(value) else str(_finite(value))
    return repr(value) if type(value) is int and abs(value) < _LARGE else dumps(value)


class JsonWriter:
    """Objects: one a line, or as one list with a line for each."""

    def __init__(self, layout: Layout, *, as_list: bool) -> None:
        self._layout = layout
        self._as_list = as_list

    def begin(self, scored: Scored | None) -> bytes:
        """The bracket of a list."""
        return b"[" if self._as_list else b""

    def rows(self, scored: Scored, *, first: bool) -> bytes:
        """An object for each row; of inputs what the row had.

        Raises:
            InvalidInput: a row has a name that a prediction has.
        """
        answers = self._layout.answers(scored)
        inputs = self._layout.inputs(scored)
        if clash := inputs.keys() & answers.keys():
            raise InvalidInput(
                f"a row has the name {min(clash)!r}, as what is predicted", hint="--no-inputs"
            )
        columns = {**inputs, **answers}
        records = [
            dumps({n: v for n, v in zip(columns, row, strict=True) if v is not ABSENT})
            for row in zip(*columns.values(), strict=True)
        ]
        if not self._as_list:
            return encoded("".join(f"{record}\n" for record in records))
        between = ",\n".join(records)
        return encoded(f"{'' if first else ','}\n{between}") if records else b""

    def end(self) -> bytes:
        """The other bracket."""
        return b"\n]\n" if self._as_list else b""


def dumps(value: Any) -> str:
    """JSON without what JSON does not have: numbers that are none are written as text.

    Raises:
        InvalidInput: it is nested too deeply, or a number of thousands of digits.
    """
    try:
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except ValueError:
            return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise InvalidInput("a value is nested too deeply to be written") from error
    except ValueError as error:
        raise InvalidInput("a number is too long to be written", cause=str(error)[:100]) from error


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, (list, tuple)) else value


def encoded(text: str) -> bytes:
    """UTF-8.

    Raises:
        InvalidInput: there is half a character in it.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("a row holds half a character", cause=str(error)[:100]) from error


def demand_known(layout: Layout, inputs: Mapping[str, Sequence[Any]], scored: Scored) -> None:
    """Refuse a column that the first row has not, where the format has one header for all.

    Raises:
        InvalidInput: there is one.
    """
    if not layout.with_inputs or len(inputs) == len(layout.kept):
        return
    name = next(name for name in inputs if name not in layout.kept)
    values = scored.batch.cells[name]
    at = next((at for at in scored.rows if values[at] is not ABSENT), 0)
    raise InvalidInput(
        f"{scored.batch.place(at)} has {name[:100]!r}, which the first row has not",
        hint="--output-format jsonl takes rows of different names; --no-inputs needs none",
    )
