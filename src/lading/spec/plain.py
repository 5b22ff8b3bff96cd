"""Values of a document as JSON knows them, for those who do not pay for the models.

What an existing version says may be anything: who asks for an object here gets one, an empty one if
need be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Fields = Mapping[str, object]


def plain(value: Any) -> Any:
    """A part, or what holds parts, as objects, arrays, text, numbers, true, false and null."""
    if as_json := getattr(value, "as_json", None):
        return as_json()
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    return value


def table(value: object) -> Fields:
    """The value, if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def read_table(raw: bytes) -> dict[str, Any]:
    """The object that some JSON is; an empty one where it is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[Fields]:
    """The objects in a list, if it is one."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """The value, if it is text with something in it."""
    return value if isinstance(value, str) and value else None


def texts(value: object) -> list[str]:
    """The texts in a list, if it is one."""
    return [part for part in value if text(part)] if isinstance(value, list) else []
