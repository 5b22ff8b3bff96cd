"""Evidence that somebody held the packages in an image against the model's lock. Pure.

A gate asks for it (``image.matches``): to look into an image takes minutes, so it is done once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object, encode
from lading.spec.event import moment
from lading.spec.plain import Fields, table, text, texts
from lading.spec.tags import TARGETS, Target

Verdict = Literal["equal", "differs", "incompatible"]

MATCH_VERSION: Final = 1
MATCH_LIMIT: Final = 256 * 1024
MOST_DIFFERENCES: Final = 200
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class ImageMatch:
    """How an image's packages compare with those that the model was made with."""

    index: Digest
    model: Digest | None
    image: Digest
    target: Target
    verdict: Verdict
    # Those that matter, in words; the first of them.
    differences: tuple[str, ...]
    created: str
    actor: str
    tool: str

    def as_json(self) -> dict[str, Any]:
        """The evidence as plain values."""
        subject = {"index": str(self.index)} | ({"model": str(self.model)} if self.model else {})
        return {
            "schema_version": MATCH_VERSION,
            "subject": subject,
            "image": str(self.image),
            "target": self.target,
            "verdict": self.verdict,
            "differences": [each[:_LONGEST] for each in self.differences[:MOST_DIFFERENCES]],
            "created": self.created,
            "actor": self.actor,
            "tool": self.tool,
        }

    def encode(self) -> bytes:
        """The bytes of this evidence.

        Raises:
            InvalidInput: nobody would read it back: a field is none, or too long.
        """
        raw = encode(self.as_json())
        parse_match(raw)
        return raw


def parse_match(raw: bytes | memoryview) -> ImageMatch:
    """What such evidence says.

    Raises:
        InvalidInput: it is none; says which field is wrong.
    """
    if len(raw) > MATCH_LIMIT:
        raise InvalidInput("the evidence of an image's check is too large", cause=f"{len(raw)} B")
    value = decode_object(raw, "the evidence of an image's check")
    check_depth(value, "the evidence of an image's check")
    subject = table(value.get("subject"))
    target, verdict = _text(value, "target"), _text(value, "verdict")
    if target not in TARGETS:
        raise _wrong("target")
    if verdict not in get_args(Verdict):
        raise _wrong("verdict")
    created = _text(value, "created")
    moment(created)
    model = _text(subject, "model") if subject.get("model") is not None else None
    return ImageMatch(
        index=Digest(_text(subject, "index")),
        model=Digest(model) if model else None,
        image=Digest(_text(value, "image")),
        target=target,
        verdict=cast(Verdict, verdict),
        differences=tuple(texts(value.get("differences"))[:MOST_DIFFERENCES]),
        created=created,
        actor=_text(value, "actor"),
        tool=_text(value, "tool"),
    )


def _text(value: Fields, name: str) -> str:
    found = text(value.get(name))
    if found is None or len(found) > _LONGEST:
        raise _wrong(name)
    return found


def _wrong(field: str) -> InvalidInput:
    return InvalidInput(f"the evidence of an image's check is not right: {field}")
