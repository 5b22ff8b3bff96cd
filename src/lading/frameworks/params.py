"""Hyperparameters as a document may keep them: few, short, and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lading.spec.part import Json

MOST: Final = 500
_LONGEST_NAME: Final = 512
_LONGEST_TEXT: Final = 1000
_LONGEST_LIST: Final = 100
# Beyond it, other readers of JSON lose digits.
_LARGEST: Final = 2**53


def plain(params: Mapping[str, object]) -> tuple[dict[str, Json], int]:
    """Those that JSON can write as they are, and how many were left out.

    Left out is what is no text, number, truth value, null or short list of them, what is too long,
    and everything after the first five hundred.
    """
    kept: dict[str, Json] = {}
    for name, value in params.items():
        if len(kept) == MOST:
            break
        if len(str(name)) <= _LONGEST_NAME:
            fits, simple = _simple(value)
            if fits:
                kept[str(name)] = simple
    return kept, len(params) - len(kept)


def _simple(value: object) -> tuple[bool, Json]:
    if isinstance(value, (list, tuple)):
        parts = [_scalar(part) for part in value[:_LONGEST_LIST]]
        fits = len(value) <= _LONGEST_LIST and all(fits for fits, _ in parts)
        return fits, [part for _, part in parts] if fits else None
    return _scalar(value)


def _scalar(value: object) -> tuple[bool, Json]:
    """Whether a value is a scalar that JSON keeps, and that scalar."""
    value = _from_numpy(value)
    if value is None or isinstance(value, bool):
        return True, value
    # By exact type: subclasses (enumerations, numpy's text) carry more than their value.
    if type(value) is int:
        return abs(value) <= _LARGEST, value
    if type(value) is float:
        return isfinite(value), value
    if type(value) is str:
        return len(value) <= _LONGEST_TEXT and _is_unicode(value), value
    return False, None


def _from_numpy(value: object) -> object:
    """A numpy scalar as Python's own."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        item = getattr(value, "item", None)
        return item() if callable(item) else value
    return value


def _is_unicode(text: str) -> bool:
    """Half of a surrogate pair is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
