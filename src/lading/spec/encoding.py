"""JSON as Go writes it.

Podman re-serialises artifact manifests; only bytes that Go itself would have written keep
their digest. So: compact, fields in Go's order, maps sorted, ``<>&`` and U+2028/9 escaped.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

from lading.errors import InvalidInput

# Deeper than any value that people write; shallower than any stack.
DEEPEST: Final = 64

_GO_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in ("<", ">", "&", "\u2028", "\u2029")})


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def encode(value: object) -> bytes:
    """The bytes of a JSON value; fields in the order given."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_GO_ESCAPES).encode()


def check_depth(value: object, what: str) -> None:
    """Refuse a bomb of brackets before anything walks it by recursion.

    Raises:
        InvalidInput: it is nested deeper than any value that people write.
    """
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise InvalidInput(f"{what} is nested too deeply", cause=f"over {DEEPEST} levels")
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting += ((part, depth + 1) for part in parts)


def decode_object(raw: bytes | memoryview, what: str) -> dict[str, object]:
    """The JSON object in some bytes.

    Raises:
        InvalidInput: it is not JSON, is nested too deeply, or is no object.
    """
    try:
        text = bytes(raw).decode()
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if _SURROGATE.search(text):
            # Half of a pair is no character; it could be neither printed nor written again.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON", cause=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is not a JSON object", cause=f"got {type(value).__name__}")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
