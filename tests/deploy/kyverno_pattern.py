"""Reads the patterns of Kyverno's that the examples use: ``*``, ``?`` and ``=(…)``, in any depth.

A key in ``=( )`` counts where it is there; each entry of a list fits the pattern's one entry.
"""

from __future__ import annotations

import re
from typing import Any

_ANCHOR = re.compile(r"=\((\w+)\)")


def fits(pattern: Any, value: Any) -> bool:
    """Whether a document is as a pattern wants it."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            _part_fits(key, part, value) for key, part in pattern.items()
        )
    if isinstance(pattern, list):
        (wanted,) = pattern
        return isinstance(value, list) and all(fits(wanted, each) for each in value)
    assert isinstance(pattern, str)
    assert not pattern.startswith(("!", ">", "<")), "not read here"
    assert "|" not in pattern
    assert "&" not in pattern
    return isinstance(value, str) and _matches(pattern, value)


def _part_fits(key: str, pattern: Any, value: dict[str, Any]) -> bool:
    anchor = _ANCHOR.fullmatch(key)
    if anchor is None:
        assert "(" not in key, "not read here"
        return key in value and fits(pattern, value[key])
    return anchor[1] not in value or fits(pattern, value[anchor[1]])


def _matches(pattern: str, text: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text) is not None
