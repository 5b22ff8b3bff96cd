"""What people and machines read: safe text, sizes, dates; tables are in :mod:`lading.cli.table`.

Nothing here decides anything, and nothing here writes: see :mod:`lading.cli.console`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# What a registry says may hold anything. These would move the cursor, change the terminal or
# show text in another order than it has: C0, C1, line and paragraph separators, bidirectional
# controls, invisible tag characters, and halves of surrogate pairs (bytes that are not UTF-8).
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?Z", re.ASCII)


def escape(text: str) -> str:
    """The text with everything that could deceive written as an escape."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


_DIGEST = re.compile(r"\b(?:sha256|sha512):([0-9a-f]{12})[0-9a-f]{52,116}\b")


def short(text: str) -> str:
    """A text whose digests are cut to twelve digits: enough for people, and a line of a table."""
    return _DIGEST.sub(r"\1", text)


def size(count: float) -> str:
    """A number of bytes for people: ``1.2 GB``; decimal, as disks and networks are sold."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    digits = 1 if unit and count < 99.95 else 0
    return f"{count:.{digits}f} {_UNITS[unit]}"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def date(text: str | None) -> str:
    """A time as registries hold it, short: ``2026-11-21 10:22``; other text as it is."""
    match = _TIME.fullmatch(text or "")
    return f"{match[1]} {match[2]}" if match else text or ""


def duration(seconds: float) -> str:
    """A stretch of time for people: ``8 s``, ``2 min 5 s``, ``1 h 20 min``."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def fields(pairs: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    """Lines of names and values; what has no value is left out."""
    known = [(name, text) for name, text in pairs if text]
    width = max((len(name) for name, _ in known), default=0)
    for name, text in known:
        yield f"{name:<{width}}  {text}"


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    # Marks stand above the letter before them; those of Thai and Hindi do not even "combine".
    marks = ("Mn", "Me")
    return sum(
        0
        if unicodedata.category(c) in marks
        else 2
        if unicodedata.east_asian_width(c) in "FW"
        else 1
        for c in text
    )
