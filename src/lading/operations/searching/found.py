"""What a search answers of each version: what its document says, and evaluations of its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.operations.searching.rows import Later, Row
from lading.spec.plain import text, texts

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.expressions import Value


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version that was found, and what its document says of it, or evaluations of its metrics."""

    reference: str
    name: str
    version: str
    digest: str
    stage: tuple[str, ...]
    deprecated: bool
    # As it was when its registry could last be asked.
    stale: bool
    created: str | None
    description: str | None
    authors: tuple[str, ...]
    licenses: tuple[str, ...]
    framework: str | None
    framework_version: str | None
    format: tuple[str, ...]
    parameters: float | None
    size: float | None
    scan: str | None
    datasets: tuple[str, ...]
    parents: tuple[str, ...]
    metrics: dict[str, float]
    params: dict[str, str | float | bool]
    tags: dict[str, str]
    # The digest of the evaluation that says a metric; the document says those that are not here.
    evidence: dict[str, str]


def in_full(
    catalogue: Catalogue, rows: list[Row], later: Mapping[Row, Mapping[str, Later]]
) -> tuple[tuple[FoundVersion, ...], tuple[str, ...]]:
    """The versions in full, and notes on those of which something was left out."""
    documents = {row.document for row in rows}
    said, cut = catalogue.facts(documents), catalogue.notes(documents)
    versions = tuple(_full(row, said.get(row.document, {}), later.get(row, {})) for row in rows)
    notes = (f"{row.reference} {cut[row.document]}" for row in rows if row.document in cut)
    return versions, tuple(notes)


def _full(row: Row, said: Mapping[str, Value], later: Mapping[str, Later]) -> FoundVersion:
    stated = _below(said, "metrics.", _number)
    measured = {label: told.value for label, told in later.items()}
    return FoundVersion(
        reference=row.reference,
        name=row.name,
        version=row.number,
        digest=row.digest,
        stage=row.stage,
        deprecated=row.deprecated,
        stale=row.looked.stale,
        created=text(said.get("created")),
        description=text(said.get("description")),
        authors=_texts(said, "authors"),
        licenses=_texts(said, "licenses"),
        framework=text(said.get("framework")),
        framework_version=text(said.get("framework.version")),
        format=_texts(said, "format"),
        parameters=_number(said.get("parameters")),
        size=_number(said.get("size")),
        scan=text(said.get("scan")),
        datasets=_texts(said, "datasets"),
        parents=_texts(said, "parents"),
        metrics={label: v for label, v in (stated | measured).items() if v is not None},
        params=_below(said, "params.", lambda v: None if isinstance(v, tuple) else v),
        tags=_below(said, "tags.", text),
        evidence={label: told.evidence for label, told in later.items() if told.value is not None},
    )


def _texts(said: Mapping[str, Value], name: str) -> tuple[str, ...]:
    return tuple(texts(list(value))) if isinstance(value := said.get(name), tuple) else ()


def _number(value: Value | None) -> float | None:
    return value if isinstance(value, int | float) else None


def _below(said: Mapping[str, Value], group: str, kind: Callable[[Value], Any]) -> dict[str, Any]:
    """The values of a group by their own names."""
    return {
        name.removeprefix(group): value
        for name, raw in said.items()
        if name.startswith(group) and (value := kind(raw)) is not None
    }
