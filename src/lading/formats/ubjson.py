"""XGBoost's binary JSON (UBJSON), read for the few values that describe the model.

Numbers have their big end first. Arrays of one type are left out in one step, and so is whatever
lies too deep.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from lading.formats.boosters import tell_xgboost
from lading.formats.bounds import MANY, decoded
from lading.formats.cursor import Broken, Cursor, Near
from lading.formats.draft import Draft

if TYPE_CHECKING:
    from lading.ports import Window

_VALUES: Final = 500_000
_DEEPEST: Final = 64
# Deeper values describe trees.
_KEPT: Final = 5
_KEY: Final = 256

_NUMBERS: Final = {
    ord(mark): struct.Struct(">" + code)
    for mark, code in {
        "i": "b",
        "U": "B",
        "I": "h",
        "l": "i",
        "L": "q",
        "d": "f",
        "D": "d",
        "C": "c",
    }.items()
}
_WORDS: Final = {ord("Z"): None, ord("N"): None, ord("T"): True, ord("F"): False}
_LENGTHS: Final = frozenset(b"iUIlL")
_OBJECT, _OBJECT_END = ord("{"), ord("}")
_ARRAY, _ARRAY_END = ord("["), ord("]")
_TEXT, _TYPE, _COUNT = ord("S"), ord("$"), ord("#")


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the model says.

    Raises:
        Broken: it cannot be read to its end.
    """
    draft.framework = "xgboost"
    reader = _Reader(Cursor(Near(window)))
    try:
        reader.read()
    finally:
        if isinstance(reader.root, dict):
            tell_xgboost(reader.root, draft)


class _Open:
    """An object or array that is being read, and how many values it still has if it says so."""

    __slots__ = ("has_keys", "key", "left", "value")

    def __init__(self, value: Any, has_keys: bool, left: int | None) -> None:
        self.value = value
        self.has_keys = has_keys
        self.left = left
        self.key = ""

    def add(self, value: object) -> None:
        """Keep a value, if there is room."""
        if isinstance(self.value, dict) and len(self.value) < MANY:
            self.value[self.key] = value
        elif isinstance(self.value, list) and len(self.value) <= MANY:
            self.value.append(value)


class _Reader:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._open: list[_Open] = []
        self.root: object = None

    def read(self) -> None:
        """Read one value, and whatever lies in it."""
        self._value(self._cursor.byte())
        values = 0
        while self._open:
            values += 1
            if values > _VALUES:
                raise Broken(f"It has more than {_VALUES:,} values and was not read further.")
            self._next(self._open[-1])

    def _next(self, holder: _Open) -> None:
        """Read the next value of what is open, or its end."""
        if holder.left is not None:
            holder.left -= 1
            if holder.left < 0:
                self._open.pop()
                return
        elif self._cursor.peek(1) in (b"}", b"]"):
            self._cursor.skip(1)
            self._open.pop()
            return
        mark = self._cursor.byte()
        if holder.has_keys:
            holder.key = self._text(mark)
            mark = self._cursor.byte()
        self._value(mark)

    def _value(self, mark: int) -> None:
        if mark in (_OBJECT, _ARRAY):
            self._container(mark)
        elif mark == _TEXT:
            self._keep(self._text(self._cursor.byte()))
        elif mark in _WORDS:
            self._keep(_WORDS[mark])
        else:
            self._keep(self._number(mark))

    def _container(self, mark: int) -> None:
        if len(self._open) >= _DEEPEST:
            raise Broken(f"It is nested deeper than {_DEEPEST} levels.")
        kind, left = self._kind_and_count()
        value: Any = None
        if len(self._open) < _KEPT:
            value = {} if mark == _OBJECT else []
        self._keep(value)
        if kind is not None and left is not None:
            if mark != _ARRAY:
                raise Broken("It holds an object of one type, which is not read.")
            self._typed(kind, left, value)
            return
        self._open.append(_Open(value, mark == _OBJECT, left))

    def _kind_and_count(self) -> tuple[int | None, int | None]:
        """The type of all values and their number, where they are said."""
        kind: int | None = None
        if self._cursor.peek(1) == b"$":
            self._cursor.skip(1)
            kind = self._cursor.byte()
        if self._cursor.peek(1) == b"#":
            self._cursor.skip(1)
            return kind, self._length(self._cursor.byte())
        if kind is not None:
            raise Broken("It says a type without a number.")
        return None, None

    def _typed(self, kind: int, left: int, value: Any) -> None:
        """Leave an array of numbers out, but for its first values."""
        form = _NUMBERS.get(kind)
        if form is None:
            raise Broken("It holds an array of a type that is not read.")
        kept = min(left, MANY) if isinstance(value, list) else 0
        for _ in range(kept):
            value.append(self._number(kind))
        self._cursor.skip((left - kept) * form.size)

    def _keep(self, value: object) -> None:
        if self._open:
            self._open[-1].add(value)
        else:
            self.root = value

    def _number(self, mark: int) -> Any:
        form = _NUMBERS.get(mark)
        if form is None:
            raise Broken("It is not encoded as UBJSON is.")
        value = form.unpack(self._cursor.take(form.size))[0]
        return None if isinstance(value, bytes) else value

    def _length(self, mark: int) -> int:
        if mark not in _LENGTHS:
            raise Broken("It is not encoded as UBJSON is.")
        length = int(self._number(mark))
        if length < 0:
            raise Broken("It announces a length below 0.")
        return length

    def _text(self, mark: int) -> str:
        """A text behind its length, cut."""
        length = self._length(mark)
        kept = min(length, 4 * _KEY)
        raw = self._cursor.take(kept)
        self._cursor.skip(length - kept)
        return decoded(raw, _KEY)
