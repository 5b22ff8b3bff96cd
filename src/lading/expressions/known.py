"""Names that whoever gives the values knows: what else is written is a mistake, and told at once.

A name that nobody knows would be unknown for ever: a gate that never holds, a search that finds
nothing, and nobody would learn why.
"""

from __future__ import annotations

from collections.abc import Collection

from lading.errors import InvalidInput
from lading.expressions.syntax import Name


def nobody_knows(
    name: Name, known: Collection[str], groups: Collection[str], *, who: str
) -> InvalidInput:
    """The error for a name that nobody knows, with the one that is perhaps meant.

    ``known`` are the names as they are written; of ``groups`` every member is one. ``who`` asks.
    """
    return InvalidInput(
        f"{who} knows nothing called {str(name)[:200]}", hint=_hint(name, known, groups)
    )


def _hint(name: Name, known: Collection[str], groups: Collection[str]) -> str:
    from lading.spec.nearest import near

    first, *rest = name
    if not rest and first in groups:
        return f"its members have names of their own: {first}.NAME"
    # Only a group that is nearly named is meant: its members may be called anything.
    meant = near(first, groups) if rest else []
    members = [str(Name.of(group, *rest)) for group in meant]
    if found := near(str(name), [*members, *known], cutoff=0.6):
        return f"did you mean {found[0]}?"
    return "known are: " + ", ".join([*(f"{group}.NAME" for group in groups), *known])
