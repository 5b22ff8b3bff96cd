"""How one value of each type is written as JSON, and which JSON values a type takes.

=====================  ============================================================
type                   JSON
=====================  ============================================================
bool                   true, false
int8 … uint64          a whole number in the type's range
float16 … float64      a number in range, or the text NaN, Infinity or -Infinity
decimal128             text: ``"12.50"``
string                 text
binary                 text: base64
date32, time64         text: ``"2026-03-01"``, ``"12:30:00.5"``
timestamp              text: ``"2026-03-01T12:30:00"``, with an offset if it has a time zone
duration               a whole number of the field's unit (microseconds where none is said)
=====================  ============================================================

A missing value is null, where the field is nullable. Files and live objects are elsewhere.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from lading.errors import InvalidInput

INTEGERS: Final[dict[str, tuple[int, int]]] = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
FLOATS: Final[dict[str, float]] = {
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float32": 3.4028234663852886e38,
    "float64": sys.float_info.max,
}
NON_FINITE: Final = ("NaN", "Infinity", "-Infinity")
NANOSECONDS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
DEFAULT_UNIT: Final = "us"

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)"
_PATTERNS: Final = {
    "decimal128": r"-?[0-9]{1,76}(\.[0-9]{1,76})?",
    "binary": r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "date32": _DATE,
    "time64": _TIME,
}


def pattern_of(dtype: str, timezone: str | None = None) -> str | None:
    """The regular expression that the text of a type matches, or None where any text will do."""
    if dtype == "timestamp":
        return f"{_DATE}T{_TIME}{_OFFSET if timezone else ''}"
    return _PATTERNS.get(dtype)


def taker_of(dtype: str, timezone: str | None = None) -> Callable[[Any], bool]:
    """A function that says whether a type takes a JSON value; null it never does."""
    if dtype == "bool":
        return lambda value: isinstance(value, bool)
    if bounds := INTEGERS.get(dtype) or (INTEGERS["int64"] if dtype == "duration" else None):
        return lambda value: _is_whole(value) and bounds[0] <= value <= bounds[1]
    if most := FLOATS.get(dtype):
        return lambda value: _is_float(value, most)
    return _text_taker(dtype, timezone)


def _is_whole(value: Any) -> bool:
    """JSON Schema, too, takes 1.0 for an integer."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_float(value: Any, most: float) -> bool:
    if isinstance(value, float):
        return -most <= value <= most or not math.isfinite(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -most <= value <= most
    return value in NON_FINITE if isinstance(value, str) else False


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "date32": dt.date.fromisoformat,
    "time64": dt.time.fromisoformat,
    "timestamp": dt.datetime.fromisoformat,
}
_RESTORERS: Final[dict[str, Callable[[str], object]]] = {
    **_READERS,
    "decimal128": Decimal,
    "binary": base64.b64decode,
}


def _text_taker(dtype: str, timezone: str | None) -> Callable[[Any], bool]:
    pattern = pattern_of(dtype, timezone)
    if pattern is None:
        return lambda value: isinstance(value, str)
    matches = re.compile(pattern, re.ASCII).fullmatch
    read = _READERS.get(dtype)

    def takes(value: Any) -> bool:
        if not isinstance(value, str) or not matches(value):
            return False
        try:
            return read is None or bool(read(value)) or True
        except ValueError:
            return False

    return takes


def expected(dtype: str, timezone: str | None = None) -> str:
    """What a type takes, for people."""
    if bounds := INTEGERS.get(dtype):
        return f"{dtype}, a whole number from {bounds[0]} to {bounds[1]}"
    if dtype in FLOATS:
        return f"{dtype}, a number"
    words = {
        "bool": "bool, true or false",
        "decimal128": 'decimal128, text such as "12.50"',
        "string": "string, text",
        "binary": "binary, base64 text",
        "date32": 'date32, text such as "2026-03-01"',
        "time64": 'time64, text such as "12:30:00"',
        "duration": "duration, a whole number",
        "timestamp": 'timestamp, text such as "2026-03-01T12:30:00'
        + ('Z"' if timezone else '" without an offset'),
    }
    return words.get(dtype, dtype)


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, pandas' NA and NaT, numpy's NaT."""
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, Decimal):
        return value.is_nan()
    kind = type(value)
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.dtype.kind in "fmM" and str(value) in ("nan", "NaT")
    return value is None or kind.__name__ in ("NAType", "NaTType")


def scalar_json(value: Any, unit: str | None = None) -> Any:
    """The JSON form of a Python (or numpy) scalar; what has none is returned as it is.

    A number that is not finite becomes its name; None stays None.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number_json(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, dt.timedelta):
        return _duration_json(value, unit or DEFAULT_UNIT)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    of_numpy = type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "item")
    return _numpy_scalar_json(value, unit) if of_numpy else value


def _number_json(value: int | float) -> int | float | str:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return float(value)
    return int(value)


def _duration_json(value: dt.timedelta, unit: str) -> int:
    # pandas' own class knows nanoseconds, which Python's does not.
    nanos = getattr(value, "value", None)
    if isinstance(nanos, int):
        return nanos // NANOSECONDS[unit]
    micros = (value.days * 86400 + value.seconds) * 10**6 + value.microseconds
    return micros * 1000 // NANOSECONDS[unit]


def _numpy_scalar_json(value: Any, unit: str | None) -> Any:
    if value.dtype.kind == "M":
        return None if str(value) == "NaT" else str(value.astype("datetime64[ns]"))
    if value.dtype.kind == "m":
        return None if str(value) == "NaT" else int(value.astype(f"m8[{unit or 'us'}]").view("i8"))
    return scalar_json(value.item(), unit)


def from_text(text: str, dtype: str) -> Any:
    """The JSON form of a cell of a CSV file, by the type it should have.

    Raises:
        InvalidInput: the text is no such value.
    """
    try:
        if dtype in INTEGERS or dtype == "duration":
            return int(text)
        if dtype in FLOATS:
            return _number_json(float(text))
        if dtype == "bool":
            return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
        if dtype == "timestamp":
            return dt.datetime.fromisoformat(text).isoformat()
    except (ValueError, KeyError) as error:
        raise InvalidInput(f"{text[:80]!r} is no {dtype}") from error
    return text


def from_json(value: Any, dtype: str, unit: str | None = None) -> Any:
    """The Python value of a JSON value that the type takes; null is None."""
    if value is None:
        return None
    if dtype in FLOATS or dtype in INTEGERS:
        return float(value) if dtype in FLOATS else int(value)
    if dtype == "duration":
        return dt.timedelta(microseconds=value * NANOSECONDS[unit or DEFAULT_UNIT] / 1000)
    reader = _RESTORERS.get(dtype)
    return reader(value) if reader else value
