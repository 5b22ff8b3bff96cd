"""Evidence for people: a line for each piece, which several verbs show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lading.cli.output import date
from lading.cli.table import Line, table
from lading.operations.evidence import ListedEvidence
from lading.spec import plain

_METRICS_SHOWN: Final = 4
_LONGEST: Final = 60
_DIGITS: Final = 12


def rows_of(evidence: Sequence[ListedEvidence]) -> Iterator[Line]:
    """A table, newest first."""
    if evidence:
        some = any(piece.signer for piece in evidence)
        # Said in front, for the end of a name may be cut.
        heads = ("TYPE", "CREATED (UTC)", "BY" if some else "BY (UNSIGNED)", "DIGEST", "WHAT")
        rows = [_row(piece, say_signed=some) for piece in evidence]
        yield table(heads, rows, cut=frozenset({2}))


def says(content: Mapping[str, Any]) -> str:
    """What evidence says, in a few words: ``auc=0.91 on s3://data/test``."""
    metrics = plain.tables(content.get("metrics"))
    shown = [_metric(metric) for metric in metrics[:_METRICS_SHOWN]]
    more = len(metrics) - len(shown)
    if image := plain.table(content.get("image")):
        return _image(content, image)
    words = " ".join(shown) + (f" and {more} more" if more > 0 else "")
    datasets = {plain.text(metric.get("dataset")) for metric in metrics}
    if words and len(datasets) == 1 and (dataset := datasets.pop()):
        words += f" on {_cut(dataset)}"
    return words or _cut(plain.text(content.get("verdict")) or "")


def _image(content: Mapping[str, Any], image: Mapping[str, object]) -> str:
    """``serve for linux/amd64, assembled: sha256:4a7d1ed41449…``."""
    platforms = ", ".join(plain.texts(image.get("platforms")))
    digest = str(image.get("digest")).removeprefix("sha256:")[:_DIGITS]
    return _cut(f"{content.get('target')} for {platforms}, {content.get('how')}: {digest}")


def _row(piece: ListedEvidence, *, say_signed: bool) -> tuple[str, ...]:
    by = _cut(piece.actor or "unknown")
    if say_signed:
        by = f"{'signed' if piece.signer else 'unsigned'}: {by}"
    what = says(piece.content) or _cut(piece.title or "")
    return _cut(piece.type), date(piece.created), by, piece.digest, what


def _metric(metric: Mapping[str, object]) -> str:
    split = plain.text(metric.get("split"))
    name = _cut(f"{metric.get('name')}@{split}" if split else f"{metric.get('name')}")
    value = metric.get("value")
    return f"{name}={value:g}" if isinstance(value, (int, float)) else f"{name}=?"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
