"""Rows of JSON lines, one value a line, and the batches that they make."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol

from lading.errors import InvalidInput
from lading.serving.batch.lines import Lines
from lading.serving.batch.table import ABSENT, Batch, Head
from lading.serving.protocol.request import loads
from lading.signatures.validate import Problem

_HEAVIEST: Final = 32 * 1024 * 1024
# The same where every row has names of its own, and a cell for each of them in every row.
_MOST_CELLS: Final = 4_000_000
# What the only value of a row is called, where it has no name.
ONLY: Final = "input"


@dataclass(frozen=True, slots=True)
class Item:
    """A row as JSON has it."""

    value: Any
    line: int | None = None
    problem: Problem | None = None


class Source(Protocol):
    """Where items come from."""

    @property
    def position(self) -> int:
        """How many bytes were read."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of all rows, where they are said apart from the rows."""

    def __iter__(self) -> Iterator[Item]: ...


class JsonLines:
    """The values of a file, one a line; a line that is none is a wrong row, not the end."""

    columns: tuple[str, ...] | None = None

    def __init__(self, file: BinaryIO, source: str) -> None:
        self._lines = Lines(file, source)

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._lines.position

    def __iter__(self) -> Iterator[Item]:
        for line in self._lines:
            if line.isspace():
                continue
            try:
                yield Item(loads(line.encode()), self._lines.number)
            except InvalidInput as error:
                wrong = Problem("the line", "JSON", (error.cause or error.what)[:200])
                yield Item(None, self._lines.number, wrong)


class JsonRows:
    """Rows of JSON: objects, lists, or one value each; all of the kind of the first."""

    def __init__(self, source: Source, name: str, order: tuple[str, ...]) -> None:
        """Read the first row; ``order`` is what the columns of lists are called.

        Raises:
            InvalidInput: it is no row.
        """
        self._source = source
        self._name = name
        self._items: Iterator[Item] = iter(source)
        first = self._first()
        value = first.value if first else {}
        self._is_named = isinstance(value, dict)
        self._columns = source.columns
        if not self._is_named and self._columns is None:
            self._columns = _names(value, order)
        names = tuple(value) if self._is_named else self._columns or ()
        self.head = Head(names, is_fixed=not self._is_named)

    def _first(self) -> Item | None:
        """The first row that is one; it is read again."""
        waiting: list[Item] = []
        first = None
        for item in self._items:
            waiting.append(item)
            if item.problem is None:
                first = item
                break
            if len(waiting) > 1000:
                raise InvalidInput(f"{self._name} is not JSON lines", cause=str(waiting[0].problem))
        self._items = itertools.chain(waiting, self._items)
        return first

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._source.position

    def batches(self, size: int, skip: int) -> Iterator[Batch]:
        """Batches of so many rows at most, beginning behind the first ``skip``."""
        start = sum(1 for _ in itertools.islice(self._items, skip))
        waiting: Item | None = None
        while True:
            taken, waiting = self._taken(size, waiting)
            if not taken:
                return
            yield self._batch(taken, start)
            start += len(taken)

    def _taken(self, size: int, waiting: Item | None) -> tuple[list[Item], Item | None]:
        """The items of a batch, and the one that is too much for it."""
        begun = self.position
        taken: list[Item] = []
        names = set(self.head.columns)
        while len(taken) < size and self.position - begun < _HEAVIEST:
            item, waiting = waiting or next(self._items, None), None
            if item is None:
                break
            if isinstance(item.value, dict):
                names.update(item.value)
                if taken and len(names) * (len(taken) + 1) > _MOST_CELLS:
                    return taken, item
            taken.append(item)
        return taken, None

    def _batch(self, items: list[Item], start: int) -> Batch:
        wrong: dict[int, Problem] = {}
        records = []
        for at, item in enumerate(items):
            found = self._record(item)
            if isinstance(found, Problem):
                wrong[at] = found
                found = {}
            records.append(found)
        lines = [item.line or 0 for item in items] if items[0].line is not None else None
        names = dict.fromkeys(itertools.chain(self.head.columns, *records))
        cells = {name: [record.get(name, ABSENT) for record in records] for name in names}
        return Batch(start, len(items), cells, lines=lines, wrong=wrong)

    def _record(self, item: Item) -> dict[str, Any] | Problem:
        if item.problem is not None:
            return item.problem
        if self._is_named:
            if isinstance(item.value, dict):
                return item.value
            return Problem("the row", "an object, as the first one is", _kind(item.value))
        names = self._columns or ()
        values = item.value if isinstance(item.value, list) else [item.value]
        if len(values) != len(names) or isinstance(item.value, dict):
            return Problem("the row", f"a list of {len(names)} values", _kind(item.value))
        return dict(zip(names, values, strict=True))


def _names(value: Any, order: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list):
        return (order[0] if len(order) == 1 else ONLY,)
    if len(order) == len(value):
        return order
    return tuple(map(str, range(len(value))))


def _kind(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    return repr(value)[:60]
