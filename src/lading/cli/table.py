"""Tables and sentences that fit where they are read.

On a terminal a table is made as narrow as that is: digests are short, the last column goes below
its row where it is long, others are wrapped, or cut with ``…`` where that is said of them.
Elsewhere nothing is cut. ``--no-trunc`` shows everything whole everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from lading.cli.output import columns, escape, short

_GAP: Final = 2
# What is long enough to go below its row, and what a column needs so that its text may stay.
_LONG: Final = 24
# Dates, versions and short digests are not: they stay in one piece as long as that is possible.
_SHORT: Final = 16
# A column is never made narrower.
_NARROWEST: Final = 8
_BELOW: Final = 4
# After these a word may go on in the next line.
_MARKS: Final = "/,:=@-"
_PIECE: Final = re.compile(f"[^ {_MARKS}]*[{_MARKS}]?")


@dataclass(frozen=True, slots=True)
class View:
    """How wide the terminal is that shows it, None where there is none; whether all is shown."""

    width: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Prose:
    """A sentence of any length; the lines after its first stand ``hang`` columns in."""

    text: str
    hang: int = 0

    def lines(self, view: View) -> Iterator[str]:
        """The lines of it, as wide as the terminal."""
        text = escape(self.text)
        if view.width is None:
            yield text
            return
        begin = len(text) - len(text.lstrip(" "))
        first, *_ = _wrapped(text[begin:], view.width - begin) or [""]
        yield " " * begin + first
        if rest := text[begin + len(first) :].strip():
            for line in _wrapped(rest, view.width - self.hang):
                yield " " * self.hang + line


@dataclass(frozen=True, slots=True)
class Table:
    """Aligned columns; those that are empty in every row are left out."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    # The columns of numbers.
    right: frozenset[int] = frozenset()
    # Those that are cut rather than wrapped: one line for each row is worth more than their end.
    cut: frozenset[int] = frozenset()
    indent: int = 0

    def __iter__(self) -> Iterator[str]:
        """The lines for who has room for all of them."""
        return self.lines(View())

    def lines(self, view: View) -> Iterator[str]:
        """The lines as they are to be seen there."""
        shorten = not view.whole and view.width is not None
        told = [tuple(short(cell) if shorten else cell for cell in row) for row in self.rows]
        rows = [self.heads, *(tuple(map(escape, row)) for row in told)]
        used = [at for at, _ in enumerate(self.heads) if any(row[at] for row in rows[1:])]
        widths = {at: max(columns(row[at]) for row in rows) for at in used}
        room = None if view.whole or view.width is None else view.width - self.indent
        below = None
        if room is not None and used and _breadth(widths) > room:
            below = _goes_below(widths, room)
            if below is not None:
                del widths[below]
            pieces = {at: max(_longest_piece(row[at]) for row in rows) for at in widths}
            widths = self._narrowed(widths, room, pieces)
        for row in rows:
            yield from self._row(row, widths)
            if room is not None and below is not None and row[below]:
                for line in _wrapped(row[below], room - _BELOW):
                    yield " " * (self.indent + _BELOW) + line

    def _narrowed(
        self, widths: dict[int, int], room: int, pieces: Mapping[int, int]
    ) -> dict[int, int]:
        """Widths that fit: what is cut gives first, then what is long, then everything.

        Words are broken within only where there is no other way.
        """
        text = frozenset(widths) - self.right
        long = frozenset(at for at in text if widths[at] > _SHORT)
        widths = _squeezed(widths, room, long & self.cut, _SHORT)
        whole = {at: _SHORT if at in self.cut else pieces[at] for at in widths}
        widths = _squeezed(widths, room, long, _NARROWEST, whole)
        widths = _squeezed(widths, room, long, _NARROWEST)
        return _squeezed(widths, room, text, _NARROWEST)

    def _row(self, row: Sequence[str], widths: Mapping[int, int]) -> Iterator[str]:
        cells = [
            [_cut(row[at], width)] if at in self.cut else _wrapped(row[at], width, hard=True)
            for at, width in widths.items()
        ]
        for line in zip_longest(*cells, fillvalue=""):
            shown = (
                _padded(cell, width, right=at in self.right)
                for cell, (at, width) in zip(line, widths.items(), strict=True)
            )
            yield (" " * self.indent + (" " * _GAP).join(shown)).rstrip()


Line = str | Table | Prose


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    cut: frozenset[int] = frozenset(),
) -> Table:
    """A table; digests stand whole in its cells, and are cut where a terminal shows it."""
    return Table(tuple(heads), tuple(map(tuple, rows)), right, cut)


def indented(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each two columns in."""
    for line in lines:
        if isinstance(line, Table):
            yield replace(line, indent=line.indent + 2)
        elif isinstance(line, Prose):
            yield Prose(f"  {line.text}", line.hang + 2)
        else:
            yield f"  {line}" if line else ""


def seen(lines: Iterable[Line], view: View) -> Iterator[str]:
    """Lines of text, harmless to a terminal."""
    for line in lines:
        if isinstance(line, str):
            yield escape(line)
        else:
            yield from line.lines(view)


def _breadth(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _goes_below(widths: Mapping[int, int], room: int) -> int | None:
    """The last column, if it is long and there is no place for it beside the others."""
    last = max(widths)
    others = _breadth(widths) - widths[last]
    return last if widths[last] > _LONG and room - others < _LONG else None


def _squeezed(
    widths: dict[int, int],
    room: int,
    giving: frozenset[int],
    narrowest: int,
    least: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, int]:
    """Narrower columns, the widest first, until they fit or none can give more.

    ``least`` is what a column keeps in any case.
    """
    narrow = dict(widths)
    limit = min(room, max((widths[at] for at in giving), default=0))
    while _breadth(narrow) > room and limit > narrowest:
        limit -= 1
        narrow = {
            at: min(w, max(limit, least.get(at, 0))) if at in giving else w
            for at, w in widths.items()
        }
    return narrow


def _padded(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - columns(cell))
    return space + cell if right else cell + space


def _cut(text: str, width: int) -> str:
    if columns(text) <= width:
        return text
    text = text[:width]
    while columns(text) >= width:
        text = text[:-1]
    return text.rstrip() + "…"


def _wrapped(text: str, width: int, *, hard: bool = False) -> list[str]:
    """The text in lines of that width, broken between words; ``hard``: and within long ones."""
    if columns(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        with_word = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(with_word) <= width:
            lines[-1] = with_word
            continue
        *full, rest = _broken(word, width) if hard else [word]
        lines += [*full, rest]
    return lines[1:] if not lines[0] else lines


def _longest_piece(text: str) -> int:
    """The width of what is never broken where that can be helped."""
    return max(columns(piece) for piece in _PIECE.findall(text))


def _broken(word: str, width: int) -> Iterator[str]:
    """Pieces of a word that is too long for a line, broken after a mark where there is one."""
    begin = used = 0
    for at, character in enumerate(word):
        taken = columns(character)
        if used + taken > width and at > begin:
            end = max(word.rfind(mark, begin + 1, at) for mark in _MARKS) + 1 or at
            yield word[begin:end]
            begin, used = end, columns(word[end:at])
        used += taken
    yield word[begin:]
