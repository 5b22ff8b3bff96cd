"""How what runs differs from what was recorded, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lading.cli.table import Line, indented, table

if TYPE_CHECKING:
    from lading.capture.compare import Difference


def differences(found: Iterable[Difference], where: str) -> Iterator[Line]:
    """What differs ``where``, with blank lines around it; what matters comes first."""
    rows = [
        (
            each.name,
            each.recorded or "",
            each.running or "missing",
            "yes" if each.matters else "no",
            each.why or "",
        )
        for each in sorted(found, key=lambda each: not each.matters)
    ]
    yield ""
    yield from indented([table(("WHAT", "RECORDED", where, "MATTERS", "WHY"), rows)])
    yield ""
