"""Values from headers, made small and harmless before anything keeps them.

Whoever wrote a header chose them: texts are cut, lists end, numbers are numbers. JSON is read
here, too, since its size says little about the memory that it takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.formats.cursor import Broken

TEXT: Final = 512
MANY: Final = 64
_DEEP: Final = 4
_HIGHEST: Final = 2**63 - 1
# Empty lists take twenty times the memory of their two bytes and a comma.
JSON_LIMIT: Final = 2 * 1024 * 1024


def text(value: object, limit: int = TEXT) -> str | None:
    """The text, cut, in characters that can be written again; None if it is none, or empty."""
    if not isinstance(value, str):
        return None
    return value[:limit].encode(errors="replace").decode() or None


def decoded(raw: bytes, limit: int = TEXT) -> str:
    """Text in some bytes, cut; what is no UTF-8 becomes question marks."""
    # Four bytes make a character at most.
    return raw[: 4 * limit].decode(errors="replace")[:limit]


def count(value: object) -> int | None:
    """The number, if it counts something that can be."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _HIGHEST else None


def product(dims: Iterable[int]) -> int:
    """How many elements an array of that shape has.

    Raises:
        Broken: more than any machine can hold, or a length below 0.
    """
    elements = 1
    for length in dims:
        if length < 0:
            raise Broken("A shape has a length below 0.")
        elements *= length
        if elements > _HIGHEST:
            raise Broken("A shape has more elements than any machine can hold.")
    return elements


@dataclass(slots=True)
class Room:
    """How much of one file's values is kept in all."""

    values: int = 512
    characters: int = 16 * 1024

    def take(self, characters: int) -> bool:
        """Whether there is room for one value more, of so many characters."""
        self.values -= 1
        self.characters -= characters
        return self.values >= 0 and self.characters >= 0


def plain(value: object, room: Room, depth: int = 0) -> Any:
    """The value as short JSON: what is too long is cut, what is too deep is left out."""
    if isinstance(value, str):
        short = text(value) or ""
        return short if room.take(len(short)) else ""
    if not room.take(0):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) <= _HIGHEST else None
    return _plain_container(value, room, depth + 1) if depth < _DEEP else None


def _plain_container(value: object, room: Room, depth: int) -> Any:
    if isinstance(value, Mapping):
        pairs = zip(value.items(), range(MANY), strict=False)
        return {
            name: plain(part, room, depth)
            for (key, part), _ in pairs
            if (name := text(str(key))) and room.take(len(name))
        }
    if isinstance(value, (list, tuple)):
        return [plain(part, room, depth) for part in value[:MANY]]
    return None


def read_json(raw: bytes, what: str = "It") -> Any:
    """The value in some JSON.

    Raises:
        Broken: it is no JSON, too large, or nested too deeply.
    """
    if len(raw) > JSON_LIMIT:
        raise Broken(f"{what} is larger than {JSON_LIMIT >> 20} MiB and was not read.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Broken(f"{what} is not JSON that can be read.") from error


def read_object(raw: bytes, what: str = "It") -> dict[str, Any]:
    """The JSON object in some bytes.

    Raises:
        Broken: there is none.
    """
    value = read_json(raw, what)
    if not isinstance(value, dict):
        raise Broken(f"{what} is not a JSON object.")
    return value


def part(value: object, *names: str) -> Any:
    """What lies there in nested objects; None where nothing does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
