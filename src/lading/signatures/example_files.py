"""Files of examples that a person names on the command line: JSON, JSON lines, CSV, arrays."""

from __future__ import annotations

import csv
import io
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures import npy
from lading.signatures.example import LIMIT, parse_json
from lading.signatures.forms import table_fields
from lading.signatures.npy import Array
from lading.signatures.scalars import from_text
from lading.spec.signature import Column, FieldType, Signature

# An example is a few rows; a data set may be named all the same.
ROWS: Final = 100
_LONGEST_LINE: Final = 1024 * 1024


def example_from_file(path: str | Path, signature: Signature | None = None) -> Any:
    """The value in a file that a person names: ``.json``, ``.jsonl``, ``.csv`` or ``.npy``.

    Of ``.jsonl`` and ``.csv`` the first rows are read. The cells of a CSV file are of the types
    that the signature says; without one they are numbers where all of a column are.

    Raises:
        InvalidInput: the file is none of these, is damaged, too large, or not there.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(
            f"{path} is no input example", hint=f"a file of {', '.join(sorted(_READERS))}"
        )
    try:
        return reader(path, signature)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}", cause=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8", cause=str(error)) from error


def _opened(path: Path) -> io.BufferedReader:
    """A regular file: nobody waits for what writes into a pipe."""
    fileno = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fileno).st_mode):
        os.close(fileno)
        raise InvalidInput(f"{path} is no file")
    return os.fdopen(fileno, "rb")


def _whole(path: Path) -> bytes:
    with _opened(path) as file:
        raw = file.read(LIMIT + 1)
    if len(raw) > LIMIT:
        raise InvalidInput(f"{path} is larger than 64 MiB", hint="a few rows will do")
    return raw


def _json(path: Path, signature: Signature | None) -> Any:
    return _records(parse_json(_whole(path), str(path)))


def _records(value: Any) -> Any:
    """Rows with their names, of a table as pandas writes it with ``orient="split"``."""
    if not isinstance(value, dict) or not {"columns", "data"} <= value.keys():
        return value
    names, rows = value["columns"], value["data"]
    fits = value.keys() <= {"columns", "data", "index"} and isinstance(names, list)
    if not fits or not isinstance(rows, list):
        return value
    if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return value
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


def _npy(path: Path, signature: Signature | None) -> Array:
    return npy.read(_whole(path), str(path))


def _jsonl(path: Path, signature: Signature | None) -> list[Any]:
    values: list[Any] = []
    with _opened(path) as file:
        while len(values) < ROWS and (line := file.readline(_LONGEST_LINE + 1)):
            if len(line) > _LONGEST_LINE:
                raise InvalidInput(f"a line of {path} is longer than 1 MiB")
            if line.strip():
                values.append(parse_json(line, f"line {len(values) + 1} of {path}"))
    return values


def _csv(path: Path, signature: Signature | None) -> list[dict[str, Any]]:
    """The first rows as records; an empty cell is null."""
    with _opened(path) as file:
        lines = [file.readline(_LONGEST_LINE + 1).decode("utf-8-sig")]
        lines += _more(file)
    return _rows(path, lines, signature)


def _more(file: io.BufferedReader) -> list[str]:
    lines = iter(lambda: file.readline(_LONGEST_LINE + 1), b"")
    # A quoted cell may hold line breaks, so there are more lines than rows.
    return [line.decode() for line in itertools.islice(lines, 10 * ROWS)]


def _rows(path: Path, lines: Iterable[str], signature: Signature | None) -> list[dict[str, Any]]:
    try:
        head, *rows = itertools.islice(csv.reader(lines, strict=True), ROWS + 1)
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"{path} is no CSV file", cause=str(error)) from error
    if not head:
        raise InvalidInput(f"{path} has no columns")
    if len(set(head)) < len(head):
        raise InvalidInput(f"two columns of {path} have the same name")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(head):
            raise InvalidInput(f"row {number} of {path} has {len(row)} cells, not {len(head)}")
    known = table_fields(signature.inputs) if signature else {}
    columns = {
        name: _column(name, [row[at] for row in rows], known.get(name))
        for at, name in enumerate(head)
    }
    return [dict(zip(head, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _column(name: str, cells: Sequence[str], field: FieldType | None) -> list[Any]:
    if not isinstance(field, Column):
        return _guessed(cells)
    values: list[Any] = []
    for row, text in enumerate(cells):
        try:
            values.append(_cell(text, field))
        except InvalidInput as error:
            raise InvalidInput(f"column {name!r}: {error.what} in row {row}") from error
    return values


def _cell(text: str, field: Column) -> Any:
    if text == "" and (field.nullable or field.dtype != "string"):
        return None
    return from_text(text, field.dtype)


def _guessed(cells: Sequence[str]) -> list[Any]:
    """Whole numbers, numbers or text, whichever the whole column is first."""
    for dtype in ("int64", "float64"):
        try:
            return [from_text(text, dtype) if text else None for text in cells]
        except InvalidInput:
            continue
    return [text or None for text in cells]


_READERS: Final[dict[str, Callable[[Path, Signature | None], Any]]] = {
    ".json": _json,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".npy": _npy,
}
