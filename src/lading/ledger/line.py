"""A line of the ledger: an event as far as folding needs it, and how the index writes it down.

The index's lines are hints: they save an ordinary writer from reading every event, and whoever
protects something reads the events themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, optional_text, text_field
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object
from lading.spec.event import (
    KINDS,
    MOST_PARENTS,
    MOVES,
    SEQ_LIMIT,
    Kind,
    Recorded,
    stage_name,
)
from lading.spec.tags import event_tag

HINT: Final = "dev.lading.event"


@dataclass(frozen=True, slots=True)
class Line:
    """One event: where it stands, and what it does to stages."""

    digest: Digest
    size: int
    kind: Kind
    seq: int
    # The first digits of the parents' digests, as tags have them.
    parents: tuple[str, ...]
    subject: Digest
    actor: str
    time: str
    version: str | None = None
    stage: str | None = None
    shared: bool = False
    protected: bool = False
    policy: str | None = None
    # No part of the event: a reader whose policy was asked found that this move does not count.
    refused: bool = False

    @property
    def mark(self) -> str:
        """What other lines call it."""
        return mark(self.digest)

    @property
    def tag(self) -> str:
        """The tag that makes it true."""
        return event_tag(self.seq, self.digest)

    @property
    def order(self) -> tuple[int, str]:
        """Parents come before children, and everybody sorts alike."""
        return self.seq, self.digest

    @property
    def moves(self) -> bool:
        """Whether it moves a stage."""
        return self.kind in MOVES

    @classmethod
    def of(cls, recorded: Recorded, size: int) -> Line:
        """The line of an event that was read."""
        event = recorded.event
        return cls(
            digest=recorded.digest,
            size=size,
            kind=event.kind,
            seq=event.seq,
            parents=tuple(map(mark, event.parents)),
            subject=event.digest,
            actor=event.actor,
            time=event.time,
            version=event.version,
            stage=event.stage,
            shared=event.shared,
            protected=event.protected,
            policy=mark(event.policy) if event.policy else None,
        )

    def descriptor(self) -> Descriptor:
        """The event's manifest, with this line as a hint."""
        return Descriptor(
            mediatypes.IMAGE_MANIFEST, self.digest, self.size, annotations={HINT: _written(self)}
        )


def mark(digest: Digest) -> str:
    """The first digits of a digest: what a tag shows of it."""
    return digest.hex[:16]


def read_line(descriptor: Descriptor) -> Line:
    """The line that an entry of the index carries.

    Raises:
        InvalidInput: it carries none.
    """
    hint = decode_object(descriptor.annotations.get(HINT, "").encode(), "the ledger's hint")
    kind, seq = text_field(hint, "kind"), hint.get("seq")
    stage = optional_text(hint, "stage")
    if kind not in KINDS or not isinstance(seq, int) or isinstance(seq, bool):
        raise InvalidInput("the ledger's hint is no event", cause=f"{kind[:40]} {seq!r}"[:80])
    if not 0 < seq < SEQ_LIMIT:
        raise InvalidInput("the ledger's hint is no event", cause=f"{kind[:40]} {seq!r}"[:80])
    return Line(
        digest=descriptor.digest,
        size=descriptor.size,
        kind=kind,  # type: ignore[arg-type]  # it is one of KINDS
        seq=seq,
        parents=_marks(hint.get("parents")),
        subject=Digest(text_field(hint, "subject")),
        actor=text_field(hint, "actor"),
        time=text_field(hint, "time"),
        version=optional_text(hint, "version"),
        stage=stage_name(stage) if stage else None,
        shared=hint.get("shared") is True,
        protected=hint.get("protected") is True,
        policy=optional_text(hint, "policy"),
        refused=hint.get("refused") is True,
    )


def _written(line: Line) -> str:
    hint: dict[str, Any] = {"kind": line.kind, "seq": line.seq, "parents": list(line.parents)}
    hint |= {"subject": str(line.subject), "actor": line.actor, "time": line.time}
    optional: Mapping[str, Any] = {
        "version": line.version,
        "stage": line.stage,
        "shared": line.shared,
        "protected": line.protected,
        "policy": line.policy,
        "refused": line.refused,
    }
    hint |= {name: value for name, value in optional.items() if value}
    return json.dumps(hint, ensure_ascii=False, separators=(",", ":"))


def _marks(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput("the ledger's hint has no list of parents")
    if len(value) > MOST_PARENTS:
        raise InvalidInput("the ledger's hint has too many parents", cause=f"{len(value)}")
    return tuple(value)
