"""What is said of one metric of a version: by its document, and by evaluations made later."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.catalogue import Measured, measured_in
from lading.errors import InvalidInput, LadingError
from lading.operations import stores
from lading.operations.reading.gathered import gather, kept
from lading.spec.event import moment
from lading.spec.evidence import EVALUATION

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.operations.searching.rows import Row
    from lading.settings import Settings
    from lading.spec.reference import Reference


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


def evaluated(
    place: Reference, rows: Iterable[Row], settings: Settings, notes: list[str]
) -> list[Claim]:
    """What evaluations that hang on versions of one repository say: a request for each version.

    Evidence comes and goes without a sign, so it is asked for every time. What cannot be had is a
    note.
    """
    rows = tuple(rows)
    if place.host and settings.offline:
        notes.append("evaluations that were attached are not known offline")
        return []
    store, cache = stores.open_store(place, settings), kept(place, settings)

    def look(row: Row) -> list[Claim] | str:
        try:
            found = gather(store, row.version.root, keep=cache, jobs=1)
        except LadingError as error:
            return f"evaluations of {row.reference} were not looked at: {error}"
        return [
            Claim(row, measured, piece.digest, piece.created)
            for piece in found.evidence
            if piece.type == EVALUATION
            for measured in measured_in(piece.content)
        ]

    claims: list[Claim] = []
    with ThreadPoolExecutor(settings.jobs) as pool:
        for outcome in pool.map(look, rows):
            if isinstance(outcome, str):
                notes.append(outcome)
            else:
                claims += outcome
    return claims


def standing(claims: Iterable[Claim]) -> list[Claim]:
    """What counts: for each version and split the newest evaluation, else the document's own word.

    Of several values that one of them states, the last counts, as trackers mean it.
    """
    found: dict[tuple[Row, str | None], Claim] = {}
    for claim in claims:
        key = claim.row, claim.measured.split
        if key not in found or _weight(claim) >= _weight(found[key]):
            found[key] = claim
    return list(found.values())


def _weight(claim: Claim) -> tuple[bool, float]:
    return claim.evidence is not None, _made(claim.created)


def _made(created: str | None) -> float:
    """When it was made; long ago, where nobody can tell."""
    try:
        return moment(created).timestamp() if created else 0.0
    except InvalidInput:
        return 0.0
