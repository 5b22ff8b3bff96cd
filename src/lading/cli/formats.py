"""Rows for people, spreadsheets, programs and pages: one place for ``--format``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from lading.cli import offers
from lading.cli.output import escape
from lading.cli.table import Line, table
from lading.errors import InvalidInput

FORMATS: Final = ("table", "json", "csv", "md")

FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, json (the rows as an array), csv or md; --json gives the whole answer.",
        autocompletion=offers.one_of(*FORMATS),
    ),
]

# What makes a spreadsheet take a cell for a formula, in full width too, as some keyboards type it.
# Control characters, which do the same, are escaped in every cell.
_FORMULA: Final = re.compile("[=+\\-@\uff0b\uff0d\uff1d\uff20]")
# What Markdown would take for a mark or for HTML: a cell is text, not a link that somebody chose.
_MARKS: Final = re.compile(r"([\\`*_\[\]<>|~])")

Cell = str | float | bool | None | Sequence[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is written: names of columns, and cells of any plain kind."""

    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


def checked(name: str) -> str:
    """The name of a format.

    Raises:
        InvalidInput: it is none.
    """
    if name not in FORMATS:
        raise InvalidInput(f"there is no format {name!r}", hint=f"one of {', '.join(FORMATS)}")
    return name


def whole(text: str | None, option: str) -> int | None:
    """A whole number above 0 that was given as text, for which Typer would import pydantic.

    Raises:
        InvalidInput: it is none.
    """
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not int(text):
        raise InvalidInput(f"{option} is no whole number above 0: {text[:20]!r}")
    return int(text)


def written(name: str, whole: Rows, shown: Rows) -> Iterable[Line]:
    """The lines of a format: all there is for programs, what is ``shown`` for people."""
    match checked(name):
        case "json":
            return [as_json(whole)]
        case "csv":
            return as_csv(whole)
        case "md":
            return as_markdown(shown)
    return as_table(shown)


def as_json(rows: Rows) -> str:
    """An array with an object for each row; what is not known is null."""
    found: list[dict[str, Any]] = [dict(zip(rows.heads, row, strict=True)) for row in rows.rows]
    return json.dumps(found, separators=(",", ":"))


def as_csv(rows: Rows) -> Iterator[str]:
    """A line for each row, which a spreadsheet takes for text and numbers and for nothing else."""
    for row in (rows.heads, *rows.rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def as_markdown(rows: Rows) -> Iterator[str]:
    """A table of GitHub's Markdown."""
    yield _between_pipes(_escaped(head) for head in rows.heads)
    right = {at for at, _ in enumerate(rows.heads) if _is_numeric(rows, at)}
    yield _between_pipes("---:" if at in right else "---" for at, _ in enumerate(rows.heads))
    for row in rows.rows:
        yield _between_pipes(_escaped(plain(cell)) for cell in row)


def as_table(rows: Rows) -> Iterator[Line]:
    """Aligned columns, numbers to the right; columns that are empty are left out."""
    if not rows.rows:
        return
    right = frozenset(at for at, _ in enumerate(rows.heads) if _is_numeric(rows, at))
    heads = [head if "." in head else head.upper() for head in rows.heads]
    yield table(heads, ([plain(cell) for cell in row] for row in rows.rows), right=right)


def plain(cell: Cell) -> str:
    """A cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str | int | float):
        return str(cell)
    return ", ".join(cell)


def _harmless(cell: Cell) -> str | float | None:
    """A number as it is; text so that it is text to a spreadsheet, too."""
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return cell
    text = escape(plain(cell))
    return f"'{text}" if _FORMULA.match(text.lstrip()) else text


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", escape(text))


def _between_pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_numeric(rows: Rows, at: int) -> bool:
    known = [row[at] for row in rows.rows if row[at] is not None]
    return bool(known) and all(type(cell) in (int, float) for cell in known)
