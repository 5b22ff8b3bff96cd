"""Cells of a file as the values that a signature's fields take, in their JSON form.

What cannot be made into one stays as it is, and is refused where the row is checked: with the same
words as in a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.batch.table import ABSENT, Batch
from lading.serving.protocol.request import loads
from lading.signatures.layouts import cell, plain
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE, is_missing
from lading.spec.signature import Column, FieldType

_BOOLS: Final = {"true": True, "1": True, "false": False, "0": False}
# Python's own values of these are those of JSON.
_PLAIN: Final = frozenset({"bool", "string", *INTEGERS, *FLOATS})
_NAMES: Final = {"nan": "NaN", "inf": "Infinity", "+inf": "Infinity", "-inf": "-Infinity"}


def values(batch: Batch, name: str, field: FieldType | None) -> Sequence[Any]:
    """A column as its field takes it; without a field, as anybody would read it."""
    found = batch.cells[name]
    if batch.arrow is not None:
        return _of_arrow(found, field)
    if not batch.is_text:
        return found
    if field is None:
        return [_guessed(text) for text in found]
    return of_text(found, field)


def _of_arrow(found: Sequence[Any], field: FieldType | None) -> Sequence[Any]:
    if isinstance(field, Column) and field.dtype in _PLAIN:
        # A number that is none is a missing one for some, but never the other way round.
        return found
    if field is None:
        return [of_arrow(value) for value in found]
    return [cell(value, field) for value in found]


def of_arrow(value: Any) -> Any:
    """A value of a column of which nothing is known, in its JSON form; infinity is text."""
    return None if is_missing(value) else plain(value, in_tensor=True)


def of_text(found: Sequence[str], field: FieldType) -> list[Any]:
    """A column of text; an empty cell is a missing value, but for a text that must be there."""
    if not isinstance(field, Column):
        return [_json(text) for text in found]
    if field.dtype == "string" and not field.nullable:
        return list(found)
    if field.dtype in FLOATS:
        return _at_once(found, float, _float)
    if field.dtype in INTEGERS or field.dtype == "duration":
        return _at_once(found, int, _whole)
    if field.dtype == "bool":
        return [None if not text else _BOOLS.get(text.strip().lower(), text) for text in found]
    # ISO 8601 has a T where pandas writes a blank.
    is_time = field.dtype == "timestamp"
    return [(text.replace(" ", "T", 1) if is_time else text) or None for text in found]


def _at_once(
    found: Sequence[str], read: Callable[[str], Any], slowly: Callable[[str], Any]
) -> list[Any]:
    """All cells in one go where they allow that."""
    # Python takes 1_000 for a number; nobody who writes files does.
    if not any("_" in text for text in found):
        try:
            return list(map(read, found))
        except (ValueError, OverflowError):
            pass
    return [slowly(text) for text in found]


def _float(text: str) -> Any:
    if not text or "_" in text:
        return text or None
    try:
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> Any:
    """A whole number, which pandas writes as 1.0 where others of its column are missing."""
    if not text or "_" in text:
        return text or None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and abs(number) < 2**53 else text


def _json(text: str) -> Any:
    if not text:
        return None
    try:
        return loads(text.encode())
    except InvalidInput:
        return text


def _guessed(text: str) -> Any:
    """A cell of which nothing is known: a number as JSON writes it, nothing, or text."""
    if not text:
        return None
    if (text[0] in "-0123456789") and text[-1].isdigit():
        value = _json(text)
        return value if type(value) in (int, float) else text
    return _NAMES.get(text.lower(), text) if text.lower() in _NAMES else text


def number_form(value: Any) -> Any:
    """A number of a tensor: text of one that is not finite is one as well."""
    if isinstance(value, str) and value in NON_FINITE:
        return float(value)
    return None if value is ABSENT else value
