"""Rows of one JSON document, read piece by piece: a list of gigabytes is never there as a whole.

===============================================  ==========================================
written as                                       by whom
===============================================  ==========================================
``[{…}, …]``, ``[[…], …]``                       pandas' ``records`` and ``values``
``{"columns": […], "data": [[…], …]}``           pandas' ``split``; its ``index`` is skipped
``{"dataframe_split": …}``, ``{"instances": …}``  MLflow, TensorFlow Serving
===============================================  ==========================================
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lading.errors import InvalidInput, LocalFailure
from lading.serving.batch.formats import LONGEST_MAGIC, demand_text
from lading.serving.batch.json_rows import Item

_CHUNK: Final = 256 * 1024
# One row, or the names of all columns.
_LARGEST: Final = 32 * 1024 * 1024
_BLANK: Final = " \t\r\n"
_BEHIND: Final = frozenset(",:]}" + _BLANK)
_ROWS: Final = frozenset({"data", "instances", "dataframe_records", "inputs"})
_WRAPPERS: Final = frozenset({"dataframe_split"})


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON; write null, or the text {name!r}")


_decode: Final = json.JSONDecoder(parse_constant=_constant).raw_decode


class JsonDocument:
    """The rows of a document, and how many bytes were read."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        """Read as far as the first row.

        Raises:
            InvalidInput: there are no rows in it.
        """
        self._file = file
        self._source = source
        self._text = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._at = 0
        self._ended = False
        self.position = 0
        self.columns: tuple[str, ...] | None = None
        self._open = 0
        self._find_rows()

    # Where the rows are

    def _find_rows(self) -> None:
        mark = self._next()
        if mark == "[":
            self._at += 1
            return
        if mark != "{":
            raise self._no("a list of rows, or an object that holds one")
        self._enter()
        while True:
            name = self._key()
            if name in _WRAPPERS and self._next() == "{":
                self._enter()
            elif name in _ROWS and self._next() == "[":
                self._at += 1
                return
            elif name == "columns":
                self._take_columns()
                self._demand_comma()
            elif self._next() == "[":
                # Of an index nothing is kept.
                self._at += 1
                for _ in self._elements():
                    pass
                self._demand_comma()
            else:
                self._value()
                self._demand_comma()

    def _enter(self) -> None:
        self._at += 1
        self._open += 1

    def _key(self) -> str:
        if self._next() != '"':
            raise self._no("no rows under data, instances or inputs")
        name = self._value()
        if self._next() != ":":
            raise self._no("a colon is missing")
        self._at += 1
        return str(name)

    def _demand_comma(self) -> None:
        if self._next() != ",":
            raise self._no(
                "no rows under data, instances or inputs",
                hint="a list of objects, or columns and then data: pandas' records and split",
            )
        self._at += 1

    def _take_columns(self) -> None:
        names = self._value()
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._no("columns is no list of names")
        if len(set(names)) < len(names):
            raise self._no("a column is there twice")
        self.columns = tuple(names)

    # The rows

    def __iter__(self) -> Iterator[Item]:
        for value in self._elements():
            yield Item(value)
        self._close()

    def _elements(self) -> Iterator[Any]:
        """The elements of a list whose bracket was read, and its end."""
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            mark = self._next()
            self._at += 1
            if mark == "]":
                return
            if mark != ",":
                raise self._no("a comma is missing between two rows")

    def _close(self) -> None:
        """What stands behind the rows: other members, and nothing behind the end."""
        while self._open:
            mark = self._next()
            self._at += 1
            if mark == "}":
                self._open -= 1
            elif mark == ",":
                name = self._key()
                if name == "columns":
                    raise self._no("columns stands behind the rows", hint="write it before them")
                self._value()
            else:
                raise self._no("a comma or the end of an object is missing")
        if self._next() != "":
            raise self._no("something stands behind the end")

    # Text

    def _next(self) -> str:
        """The next letter that is no blank; empty at the end."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(_CHUNK):
                return ""

    def _value(self) -> Any:
        """The next value, with as much of the file as it takes."""
        wanted = _CHUNK
        self._next()
        while True:
            try:
                value, end = _decode(self._buffer, self._at)
                # A number that ends where the text ends may go on, and 1. is not the end of 1.5.
                if self._ended or self._buffer[end : end + 1] in _BEHIND:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self._no(error.msg) from error
            except RecursionError as error:
                raise self._no("it is nested too deeply") from error
            except ValueError as error:
                raise self._no(str(error)[:200]) from error
            if len(self._buffer) - self._at > _LARGEST:
                raise self._no(f"a row is not JSON, or longer than {_LARGEST >> 20} MiB")
            self._more(wanted)
            wanted *= 2

    def _more(self, count: int) -> bool:
        """Read on, and forget what was taken; whether there was more."""
        try:
            raw = self._file.read(count)
        except OSError as error:
            raise LocalFailure(f"cannot read {self._source}", cause=error.strerror) from error
        if not self.position:
            demand_text(raw[:LONGEST_MAGIC], self._source)
        try:
            text = self._text.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"{self._source} is not UTF-8",
                cause=f"near byte {self.position + error.start}",
            ) from error
        self.position += len(raw)
        self._ended = not raw
        self._buffer = self._buffer[self._at :] + text
        self._at = 0
        return not self._ended

    def _no(self, cause: str, hint: str | None = None) -> InvalidInput:
        near = self.position - len(self._buffer) + self._at
        return InvalidInput(
            f"{self._source} is not JSON with rows",
            cause=f"near byte {max(0, near):,}: {cause}",
            hint=hint,
        )
