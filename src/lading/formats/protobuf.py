"""The wire format of protocol buffers, read without a schema and without keeping what is large.

A message is a list of numbered fields. Whoever reads one takes the fields that it knows; bytes
are given as a place, so that leaving them out costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.formats.bounds import decoded
from lading.formats.cursor import Broken, Cursor, Near

if TYPE_CHECKING:
    from lading.ports import Window

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED64: 8, _FIXED32: 4}
_TEN_BYTES: Final = 70
# Of one file, in all its messages together, unless more are asked for: half a second's work.
FIELDS: Final = 300_000
_PACKED: Final = 1024
# Numbers with tags of one byte, one after another: what tables of numbers are written as.
_NUMBERS: Final = re.compile(
    rb"(?:[\x08\x10\x18\x20\x28\x30\x38\x40\x48\x50\x58\x60\x68\x70\x78][\x80-\xff]{0,9}[\x00-\x7f]"
    rb"|[\x0d\x15\x1d\x25\x2d\x35\x3d\x45\x4d\x55\x5d\x65\x6d\x75\x7d].{4}"
    rb"|[\x09\x11\x19\x21\x29\x31\x39\x41\x49\x51\x59\x61\x69\x71\x79].{8})++",
    re.DOTALL,
)


@dataclass(slots=True)
class Budget:
    """How many fields of one file may be read in all."""

    limit: int = FIELDS
    spent: int = 0

    def spend(self) -> None:
        """Count one.

        Raises:
            Broken: that was one too many.
        """
        self.spent += 1
        if self.spent > self.limit:
            raise Broken(f"It has more than {self.limit:,} fields and was not read further.")


@dataclass(frozen=True, slots=True)
class Message:
    """A message, or other bytes, somewhere in a window."""

    window: Window
    start: int
    length: int
    budget: Budget

    def fields(self) -> Iterator[tuple[int, int | Message]]:
        """Every field by its number: numbers as numbers, everything longer as its place.

        Raises:
            Broken: this is no message.
        """
        cursor = Cursor(Near(self.window, self.start, self.length))
        while not cursor.ended():
            self.budget.spend()
            tag = _varint(cursor)
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                yield number, _varint(cursor)
            elif kind == _BYTES:
                length = _varint(cursor)
                start = self.start + cursor.position
                # Before whoever reads on believes the length.
                cursor.skip(length)
                yield number, Message(self.window, start, length, self.budget)
            elif kind in _FIXED:
                yield number, int.from_bytes(cursor.take(_FIXED[kind]), "little")
            else:
                raise Broken("It is not encoded as protocol buffers are.")

    def messages(self) -> Iterator[tuple[int, Message]]:
        """Every field that is longer than a number, by its number, as its place.

        Numbers cost next to nothing, however many: a forest of trees has ten millions.

        Raises:
            Broken: this is no message.
        """
        cursor = Cursor(Near(self.window, self.start, self.length))
        while not cursor.ended():
            cursor.pass_over(_NUMBERS)
            if cursor.ended():
                return
            self.budget.spend()
            tag = _varint(cursor)
            number, kind = tag >> 3, tag & 7
            if kind == _BYTES:
                length = _varint(cursor)
                start = self.start + cursor.position
                cursor.skip(length)
                yield number, Message(self.window, start, length, self.budget)
            elif kind == _VARINT:
                _varint(cursor)
            elif kind in _FIXED:
                cursor.skip(_FIXED[kind])
            else:
                raise Broken("It is not encoded as protocol buffers are.")

    def raw(self, limit: int) -> bytes:
        """These bytes.

        Raises:
            Broken: they are more than the limit.
        """
        if self.length > limit:
            raise Broken(f"A text is longer than {limit:,} bytes.")
        return self.window.read_at(self.start, self.length)

    def text(self, limit: int = 512) -> str:
        """These bytes as text, cut."""
        return decoded(self.window.read_at(self.start, min(self.length, 4 * limit)), limit)

    def numbers(self) -> list[int]:
        """These bytes as packed numbers.

        Raises:
            Broken: there are too many, or they are none.
        """
        cursor = Cursor(Near(self.window, self.start, self.length))
        found: list[int] = []
        while not cursor.ended():
            self.budget.spend()
            if len(found) >= _PACKED:
                raise Broken(f"A list has more than {_PACKED:,} numbers.")
            found.append(_varint(cursor))
        return found


def message(window: Window, fields: int = FIELDS) -> Message:
    """The message that a whole file is, of which so many fields may be read."""
    return Message(window, 0, window.size, Budget(fields))


def signed(number: int) -> int:
    """A number of 64 bits as the number with a sign that it stands for."""
    return number - (1 << 64) if number >> 63 else number


def _varint(cursor: Cursor) -> int:
    byte = cursor.byte()
    if byte < 128:
        return byte
    number = byte & 127
    for shift in range(7, _TEN_BYTES, 7):
        byte = cursor.byte()
        number |= (byte & 127) << shift
        if byte < 128:
            return number & 0xFFFF_FFFF_FFFF_FFFF
    raise Broken("A number has more than ten bytes.")
