"""What is said of one metric of a version: by its document, and by evaluations made later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lading.catalogue import Measured, measured_in
from lading.errors import InvalidInput
from lading.operations.searching.attached import attached
from lading.spec.event import moment
from lading.spec.evidence import is_ahead

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.operations.searching.rows import Row
    from lading.settings import Settings
    from lading.spec.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Claim:
    """A value of a metric, and who said so."""

    row: Row
    measured: Measured
    # The digest of the evaluation; None where the document says so itself.
    evidence: str | None = None
    created: str | None = None


def stated(catalogue: Catalogue, rows: Iterable[Row]) -> list[Claim]:
    """What documents say of themselves."""
    rows = tuple(rows)
    said = catalogue.metrics({row.document for row in rows})
    return [Claim(row, measured) for row in rows for measured in said.get(row.document, ())]


def evaluated(rows: Iterable[Row], settings: Settings, notes: list[str]) -> list[Claim]:
    """What evaluations say that hang on versions: a request for each version."""
    made = attached(rows, claimed, settings, notes)
    return [claim for claims in made.values() for claim in claims]


def claimed(row: Row, evaluations: Sequence[Evidence]) -> list[Claim]:
    """What evaluations of a version, the newest first, say: the newest last."""
    return [
        Claim(row, measured, piece.digest, piece.created)
        # Of those that are equally new, gates take the first.
        for piece in reversed(evaluations)
        for measured in measured_in(piece.content)
    ]


def standing(claims: Iterable[Claim]) -> list[Claim]:
    """What counts: for each version and split the newest evaluation, else the document's own word.

    Of several values that one of them states, the last counts, as trackers mean it. What the
    newest says is not known where that is from the future.
    """
    now = datetime.now(UTC)
    found: dict[tuple[Row, str | None], Claim] = {}
    for claim in claims:
        key = claim.row, claim.measured.split
        if key not in found or _weight(claim) >= _weight(found[key]):
            found[key] = claim
    return [claim for claim in found.values() if not is_ahead(claim.created, now)]


def _weight(claim: Claim) -> tuple[bool, float]:
    return claim.evidence is not None, _made(claim.created)


def _made(created: str | None) -> float:
    """When it was made; long ago, where nobody can tell."""
    try:
        return moment(created).timestamp() if created else 0.0
    except InvalidInput:
        return 0.0
