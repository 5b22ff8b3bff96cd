"""Evidence: what hangs on a version as a referrer; its kinds and how they are told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec.digest import Digest

# Words that stand for an artifact type of Lading's own; anything with a slash is one by itself.
EVALUATION: Final = "evaluation"
SCAN: Final = "scan"
HISTORY: Final = "history"

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
    # An evaluation's or a scan's JSON; empty for everything else.
    content: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)


def artifact_type(word: str) -> str:
    """The artifact type that a word stands for: ``evaluation``, or a whole media type.

    Raises:
        InvalidInput: it is neither, or kept for something else.
    """
    if _MEDIA_TYPE.fullmatch(word):
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
