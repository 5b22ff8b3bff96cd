"""The words in which a call says something about a model; ``lading.yaml`` has the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from lading.spec.card import Card, Governance
    from lading.spec.document import Framework, Metric
    from lading.spec.lineage import Code, Dataset, Parent, Run, Training
    from lading.spec.signature import Signature


class Words(TypedDict, total=False):
    """What may be said of a model; everything may be left out."""

    description: str | None
    authors: str | Sequence[str]
    licenses: str | Sequence[str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float] | Sequence[Metric | Mapping[str, object]]
    params: Mapping[str, object]
    parents: str | Sequence[str | Parent | Mapping[str, object]]
    datasets: str | Sequence[str | Dataset | Mapping[str, object]]
    # A file with one, or with the JSON Schema of the input.
    signature: Signature | Mapping[str, object] | Path | None
    # A file, or the input itself: a data frame, an array, rows.
    input_example: object
    framework: Framework | Mapping[str, object] | None
    code: Code | Mapping[str, object] | None
    runs: Sequence[Run | Mapping[str, object]]
    training: Training | Mapping[str, object] | None
    environment: Mapping[str, object] | None
    card: Card | Mapping[str, object] | None
    governance: Governance | Mapping[str, object] | None
