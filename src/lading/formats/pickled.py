"""What a walk over a pickle keeps instead of objects: names, calls, keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


class Unknown:
    """Some value that does not matter."""

    __slots__ = ()


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Global:
    """Something that a pickle names: a class or a function."""

    module: str
    name: str


@dataclass(slots=True)
class Made:
    """What a call of that class or function would give."""

    maker: object
    arguments: tuple[Any, ...] = ()
    state: object = UNKNOWN


@dataclass(frozen=True, slots=True)
class Persistent:
    """What the pickle's reader finds by that key elsewhere."""

    key: object
