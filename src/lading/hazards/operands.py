"""What stands behind an instruction of a pickle: numbers, texts and names, as Python reads them.

A value that is too long to matter, or that nobody can tell, is None; its bytes are passed over.
All of them raise ``Malformed`` where Python would stop.
"""

from __future__ import annotations

import codecs
import struct
from typing import Final

from lading.hazards.signs import Value
from lading.hazards.tape import Malformed, Tape, Unfollowed

_TEXT_LIMIT: Final = 1024
_INTEGER_LIMIT: Final = 16
_LONGEST_NUMBER: Final = 4000  # Python itself refuses longer ones


def number(tape: Tape, form: str) -> int:
    """A number in the form that ``struct`` calls so."""
    (value,) = struct.unpack(form, tape.take(struct.calcsize(form)))
    return int(value)


def number_line(tape: Tape) -> Value:
    """A number in digits, to the end of the line."""
    raw = tape.value_line() or b""
    try:
        return int(raw[:_LONGEST_NUMBER].removesuffix(b"L"))
    except ValueError:
        return None  # C reads more ways to write a number than are worth telling apart


def long(tape: Tape, length: int) -> Value:
    """A number of so many bytes."""
    if not 0 <= length <= _INTEGER_LIMIT:
        return unread(tape, length)
    return int.from_bytes(tape.take(length), "little", signed=True)


def text(tape: Tape, length: int) -> Value:
    """A text of so many bytes."""
    if length > _TEXT_LIMIT:
        return unread(tape, length)
    try:
        return tape.take(length).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def old_text(tape: Tape, length: int) -> Value:
    """A text of Python 2 of so many bytes."""
    if not 0 <= length <= _TEXT_LIMIT:
        return unread(tape, length)
    return _visible(tape.take(length))


def quoted(tape: Tape) -> Value:
    """A text of Python 2 in quotes, to the end of the line."""
    line = tape.value_line()
    if line is None:
        return None
    try:
        return _visible(codecs.escape_decode(line.strip()[1:-1])[0])
    except ValueError:
        return None


def escaped(tape: Tape) -> Value:
    """A text with escapes, to the end of the line."""
    line = tape.value_line()
    try:
        return None if line is None else str(line, "raw-unicode-escape")
    except UnicodeDecodeError:
        return None


def unread(tape: Tape, length: int) -> Value:
    """Nothing: so many bytes are passed over."""
    if length < 0:
        raise Malformed("a length is negative")
    tape.skip(length)
    return None


def name(tape: Tape) -> str:
    """A name to import, to the end of the line, as strictly as Python reads it."""
    try:
        return tape.line().decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("a name is not UTF-8") from error


def place(tape: Tape) -> int:
    """A place in the memo, to the end of the line; C, unlike Python, stops at a zero byte."""
    raw = tape.line().partition(b"\0")[0]
    if len(raw) > _LONGEST_NUMBER:
        raise Unfollowed("a number is longer than numbers are")
    try:
        return int(raw)
    except ValueError as error:
        raise Malformed("a number is none") from error


def _visible(raw: bytes) -> str:
    """A text of Python 2; bytes that are not UTF-8 stay visible."""
    return raw.decode("utf-8", "backslashreplace")
