"""Protocol buffers read field by field, over files of any size, without knowing their types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from lading.hazards.findings import Exhausted
from lading.hazards.tape import Malformed

_FIELDS_LIMIT: Final = 5_000_000
_TEXT_LIMIT: Final = 64 * 1024


@dataclass(slots=True)
class Field:
    """A field: its number, and where its bytes are or what its number is."""

    number: int
    start: int = 0
    size: int = 0
    value: int | None = None


class Message:
    """A file of protocol buffers; fields of it are visited by place, never loaded."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._fields = 0
        self.size = file.seek(0, io.SEEK_END)

    def fields(self, start: int = 0, size: int | None = None) -> Iterator[Field]:
        """The fields between two places.

        Raises:
            Malformed: there are none, or they are broken.
            Exhausted: there are more than can be followed.
        """
        at = start
        end = self.size if size is None else start + size
        while at < end:
            self._fields += 1
            if self._fields > _FIELDS_LIMIT:
                raise Exhausted(f"it holds more than {_FIELDS_LIMIT} fields")
            field, at = self._field(at, end)
            yield field

    def text(self, field: Field) -> str:
        """The text of a field, as far as texts go."""
        self._file.seek(field.start)
        return self._file.read(min(field.size, _TEXT_LIMIT)).decode("utf-8", "replace")

    def _field(self, at: int, end: int) -> tuple[Field, int]:
        self._file.seek(at)
        head = self._file.read(20)
        key, used = _varint(head, 0)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("a field has no number")
        if kind == 0:
            value, used = _varint(head, used)
            field, after = Field(number, value=value), at + used
        elif kind in (1, 5):
            field, after = Field(number), at + used + (8 if kind == 1 else 4)
        elif kind == 2:
            size, used = _varint(head, used)
            field, after = Field(number, at + used, size), at + used + size
        else:
            raise Malformed(f"a field has the kind {kind}")
        if after > end:
            raise Malformed("a field ends behind its message")
        return field, after


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            break
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("a number does not end")
