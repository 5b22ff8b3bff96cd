"""Rows of a CSV file with a header: text, which becomes values once it is known what is wanted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

from lading.errors import InvalidInput
from lading.serving.batch.lines import LONGEST, Lines
from lading.serving.batch.table import Batch, Head
from lading.signatures.validate import Problem

# A batch ends when so much was read, however few rows that is.
_HEAVIEST: Final = 32 * 1024 * 1024
_MOST_COLUMNS: Final = 100_000


class CsvRows:
    """The rows of a file."""

    def __init__(self, file: BinaryIO, source: str, delimiter: str) -> None:
        """Read the header.

        Raises:
            InvalidInput: there is none, or a name is there twice.
        """
        # There is one limit for the whole process; a cell may hold an image or an embedding.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        self._source = source
        self._lines = Lines(file, source)
        # Where the row that is read began: it may have several lines, but no end of them.
        self._begun = 0
        self._reader = csv.reader(self._bounded(), delimiter=delimiter, strict=True)
        header = next(self._rows(), None)
        if header is None:
            raise InvalidInput(f"{source} is empty", cause="a CSV file begins with its header")
        self.head = Head(tuple(header), is_fixed=True)
        self._check_names(delimiter)

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._lines.position

    def _check_names(self, delimiter: str) -> None:
        names = self.head.columns
        if len(names) > _MOST_COLUMNS:
            raise InvalidInput(f"{self._source} has {len(names):,} columns")
        if len(set(names)) < len(names):
            twice = next(name for name, times in Counter(names).items() if times > 1)
            raise InvalidInput(f"the column {twice[:100]!r} of {self._source} is there twice")
        other = next((mark for mark in ";\t|" if mark in names[0]), None)
        if len(names) == 1 and other and delimiter != other:
            mark = repr(other)
            raise InvalidInput(
                f"{self._source} has one column, {names[0][:100]!r}", hint=f"--delimiter {mark}"
            )

    def _bounded(self) -> Iterator[str]:
        """Lines, as long as they make up rows."""
        for line in self._lines:
            if self._lines.position - self._begun > LONGEST:
                raise InvalidInput(
                    f"a row of {self._source} is longer than {LONGEST >> 20} MiB",
                    cause=f"line {self._lines.number} still belongs to it",
                    hint="a quotation mark further up that nobody closed",
                )
            yield line

    def _rows(self) -> Iterator[list[str]]:
        """Rows; blank lines are none."""
        try:
            for row in self._reader:
                self._begun = self._lines.position
                if row:
                    yield row
        except csv.Error as error:
            raise InvalidInput(
                f"line {self._lines.number} of {self._source} is not CSV", cause=str(error)[:200]
            ) from error

    def batches(self, size: int, skip: int) -> Iterator[Batch]:
        """Batches of so many rows at most, beginning behind the first ``skip``."""
        rows = self._rows()
        start = 0
        while start < skip and next(rows, None) is not None:
            start += 1
        while True:
            batch = self._batch(rows, size, start)
            if not batch.count:
                return
            yield batch
            start += batch.count

    def _batch(self, rows: Iterator[list[str]], size: int, start: int) -> Batch:
        taken: list[list[str]] = []
        lines: list[int] = []
        wrong: dict[int, Problem] = {}
        width, begun = len(self.head.columns), self._lines.position
        while len(taken) < size and self._lines.position - begun < _HEAVIEST:
            row = next(rows, None)
            if row is None:
                break
            if len(row) != width:
                wrong[len(taken)] = Problem("a row", f"{width} cells", f"{len(row)}")
                row = [*row, *[""] * (width - len(row))][:width]
            taken.append(row)
            lines.append(self._lines.number)
        columns = zip(*taken, strict=True) if taken else [()] * width
        cells = dict(zip(self.head.columns, columns, strict=True))
        return Batch(start, len(taken), cells, is_text=True, lines=lines, wrong=wrong)
