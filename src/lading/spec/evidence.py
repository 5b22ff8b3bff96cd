"""Evidence: what hangs on a version as a referrer; its kinds and how they are told apart.

What the kinds that rules look at may say is read here, as plain JSON: anybody may have written it.
The whole shape of an evaluation is in :mod:`lading.spec.evaluation`, that of an image in
:mod:`lading.spec.image`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object
from lading.spec.event import moment
from lading.spec.image import parse_image
from lading.spec.image_match import parse_match
from lading.spec.mediatypes import MANIFESTS
from lading.spec.plain import Fields, table, text

# Words that stand for an artifact type of Lading's own; anything with a slash is one by itself.
EVALUATION: Final = "evaluation"
SCAN: Final = "scan"
HISTORY: Final = "history"
# What a scan can find.
VERDICTS: Final = ("clean", "suspicious", "dangerous")
IMAGE: Final = "image"
IMAGE_CHECK: Final = "image-check"
# Those whose content is read, and held against its shape.
READ: Final = frozenset({EVALUATION, SCAN, IMAGE, IMAGE_CHECK})
# What is read whole, and what others read whole: some verifiers fetch all evidence of a version.
CONTENT_LIMIT: Final = 1024 * 1024
MOST_READ: Final = 200
ENOUGH: Final = 20
# Clocks differ. What is dated later than this would never grow old.
_AHEAD: Final = timedelta(hours=1)

ACTOR: Final = "dev.lading.actor"
MODEL: Final = "dev.lading.model"

_WORD = re.compile(r"[a-z][a-z0-9-]{0,40}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,126}/[A-Za-z0-9][\w!#$&^.+-]{0,126}", re.ASCII)
_OWN = re.compile(r"application/vnd\.lading\.([a-z][a-z0-9-]*)\.v1\+json", re.ASCII)
# What is stored under Lading's types but is no evidence.
_TAKEN: Final = frozenset({"model", "event", "tombstone", "ledger"})
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One referrer, and what it says where it is one of Lading's own kinds."""

    digest: Digest
    # ``evaluation``, ``scan``, …, or the artifact type where it is none of ours.
    type: str
    created: str | None
    actor: str | None
    title: str | None
    size: int
    # An evaluation's, a scan's or an image's JSON; empty for everything else.
    content: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)


def is_ahead(created: str | None, now: datetime) -> bool:
    """Whether evidence claims to be from the future.

    It may say the worse, so that nobody may take it for missing, and nobody can believe it.
    """
    try:
        return created is not None and moment(created) - now > _AHEAD
    except InvalidInput:
        return False


def artifact_type(word: str) -> str:
    """The artifact type that a word stands for: ``evaluation``, or a whole media type.

    Raises:
        InvalidInput: it is neither, or kept for something else.
    """
    if _MEDIA_TYPE.fullmatch(word) and word_of(word) not in _TAKEN and word not in MANIFESTS:
        return word
    if _WORD.fullmatch(word) is None or word in _TAKEN:
        raise InvalidInput(
            f"not a type of evidence: {word[:60]!r}",
            hint="evaluation, scan, sbom, report, a word of your own, or a media type",
        )
    return f"application/vnd.lading.{word}.v1+json"


def word_of(artifact_type: str) -> str:
    """The word for an artifact type; the type itself where it is none of Lading's."""
    match = _OWN.fullmatch(artifact_type)
    return match[1] if match else artifact_type


def media_type(text: str) -> str:
    """A media type that every registry takes for content.

    Raises:
        InvalidInput: it is none, has parameters, or is a manifest's.
    """
    if _MEDIA_TYPE.fullmatch(text) is None or text in MANIFESTS:
        raise InvalidInput(
            f"not a media type for a file: {text[:80]!r}",
            hint="application/pdf, no parameters",
        )
    return text


def content_of(word: str, raw: bytes) -> Mapping[str, Any]:
    """What an evaluation, a scan or the evidence of an image says; empty for other kinds.

    Each metric of an evaluation names the dataset and the split that hold for all.

    Raises:
        InvalidInput: it is not what such evidence must be.
    """
    if word not in READ:
        return _NOTHING
    if word == IMAGE:
        # As this Lading knows it: nothing else of it is believed.
        return parse_image(raw).as_json()
    if word == IMAGE_CHECK:
        return parse_match(raw).as_json()
    if len(raw) > CONTENT_LIMIT:
        raise InvalidInput(f"the {word} is larger than 1 MiB", cause=f"{len(raw)} bytes")
    value = decode_object(raw, f"the {word}")
    check_depth(value, f"the {word}")
    if word == EVALUATION:
        return {**value, "metrics": list(_metrics(value))}
    if text(value.get("verdict")) is None:
        raise InvalidInput(
            "the scan has no verdict", hint="lading scan REF --json; other reports: --type report"
        )
    return value


def names_another(word: str, content: Fields, index: Digest, model: Digest | None) -> str | None:
    """The version that evidence names in its own text, where that is not this one.

    The index of a copy that was compressed is another, its model manifest is the same.
    """
    subject = content if word == SCAN else table(content.get("subject"))
    said = subject.get("digest" if word == SCAN else "index")
    if said is None or said == index or (model and subject.get("model") == model):
        return None
    return str(said)[:80]


def _metrics(value: Fields) -> Iterator[dict[str, Any]]:
    metrics = value.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        raise InvalidInput("the evaluation has no metrics")
    for_all = {word: value[word] for word in ("dataset", "split") if text(value.get(word))}
    for metric in metrics:
        if not isinstance(metric, dict) or text(metric.get("name")) is None:
            raise InvalidInput("the evaluation has a metric without a name")
        if not _is_number(metric.get("value")):
            raise InvalidInput(f"the metric {str(metric['name'])[:60]!r} is not a number")
        yield for_all | metric


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
