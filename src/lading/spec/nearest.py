"""What a wrong name is perhaps meant to be: for hints, wherever a person wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

# Longer names take long to compare, and nobody meant one.
_LONGEST: Final = 256
_LISTED: Final = 40


def nearest(name: str, known: Collection[str]) -> str:
    """A hint: the name that is perhaps meant, or all that it could be."""
    found = near(name, known)
    if found:
        return f"did you mean {found[0]}?"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return "known are: " + ", ".join(list(known)[:_LISTED]) + more


def near(name: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.5) -> list[str]:
    """The known names that are nearest to a wrong one, in any case; none where none is near.

    ``cutoff`` is how near they must be: 1 is the same.
    """
    import difflib

    spelt: dict[str, list[str]] = {}
    for each in known:
        spelt.setdefault(each.casefold(), []).append(each)
    wrong = name[:_LONGEST].casefold()
    found = difflib.get_close_matches(wrong, spelt, n=most, cutoff=cutoff)
    return [each for folded in found for each in spelt[folded]][:most]
