"""Where an event stands: its number is one more than the highest of the events it came after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lading.ledger.fold import Border
from lading.ledger.line import Line, mark
from lading.spec.event import SEQ_LIMIT

# What an event whose parents are gone may claim at most: nine tenths are left to who comes after.
FARTHEST: Final = SEQ_LIMIT // 10


def sound(lines: Iterable[Line], border: Border | None = None) -> dict[str, Line]:
    """The lines that stand where their parents put them, by their marks."""
    places = {mark(border.head): border.seq} if border else {}
    kept: dict[str, Line] = {}
    for line in sorted(lines, key=lambda line: line.order):
        above = [places[parent] for parent in line.parents if parent in places]
        if _stands(line, above):
            kept[line.mark] = line
            places[line.mark] = line.seq
    return kept


def _stands(line: Line, above: list[int]) -> bool:
    """Whether an event may claim its number; ``above`` are those of the parents that are there."""
    if len(above) == len(line.parents):
        return line.seq == 1 + max(above, default=0)
    # Events were deleted, so nobody can tell. Numbers are not to run out over that.
    return max(above, default=0) < line.seq < FARTHEST
