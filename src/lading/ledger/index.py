"""The index under the tag ``ledger``: the events of a repository, newest last, and what follows.

A cache: it can be made again from the events, and is never believed where it matters. Its
annotations hold the folded state, so that a reader who has it and the stage's tag has seen both
sides in two requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lading.errors import InvalidInput
from lading.ledger.fold import Border, Member, Stage, State
from lading.ledger.line import Line, read_line
from lading.spec.descriptor import optional_text, text_field
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object
from lading.spec.event import SEQ_LIMIT, stage_name
from lading.spec.manifest import Index
from lading.spec.plain import Fields, table, tables
from lading.spec.tags import is_segment

LEDGER_TYPE: Final = "application/vnd.lading.ledger.v1+json"
CHECKPOINT: Final = "dev.lading.checkpoint"
BEFORE: Final = "dev.lading.before"
SEGMENTS: Final = "dev.lading.segments"
# Two million events; each part may have to be read.
MOST_SEGMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Segment:
    """A full part of the ledger, put away under a tag of its own."""

    tag: str
    digest: Digest
    count: int


@dataclass(frozen=True, slots=True)
class LedgerIndex:
    """What the index says."""

    lines: tuple[Line, ...]
    stages: Mapping[str, Stage]
    border: Border | None
    segments: tuple[Segment, ...]
    digest: Digest
    deprecated: frozenset[Digest] = frozenset()


def build(
    lines: Iterable[Line],
    state: State,
    border: Border | None = None,
    segments: tuple[Segment, ...] = (),
) -> Index:
    """The index of these events."""
    annotations = {CHECKPOINT: _compact(_checkpoint(state))}
    if border:
        annotations[BEFORE] = _compact(_border(border))
    if segments:
        annotations[SEGMENTS] = _compact(
            [{"tag": s.tag, "digest": str(s.digest), "count": s.count} for s in segments]
        )
    ordered = sorted(lines, key=lambda line: line.order)
    judged = (replace(line, refused=line.digest in state.refused) for line in ordered)
    return Index.build(
        tuple(line.descriptor() for line in judged),
        artifact_type=LEDGER_TYPE,
        annotations=annotations,
    )


def read_index(index: Index) -> LedgerIndex:
    """What an index says.

    Raises:
        InvalidInput: it is no ledger, or a damaged one; the events are still there.
    """
    annotations = index.annotations
    checkpoint = _object(annotations.get(CHECKPOINT), "the ledger's checkpoint")
    border = annotations.get(BEFORE)
    stages = table(checkpoint.get("stages"))
    return LedgerIndex(
        lines=tuple(read_line(descriptor) for descriptor in index.manifests),
        stages={
            stage_name(name): _read_stage(name, table(value)) for name, value in stages.items()
        },
        border=_read_border(_object(border, "the ledger's border")) if border else None,
        segments=_read_segments(annotations.get(SEGMENTS)),
        digest=index.descriptor.digest,
        deprecated=frozenset(_digests(checkpoint.get("deprecated"))),
    )


def border_after(state: State) -> Border | None:
    """The border behind these events; None where nothing can be put away yet.

    That is while something is in dispute, or events stand side by side: what came after which would
    be lost. An event that is gone is no reason: it will not come back to dispute anything.
    """
    if len(state.heads) != 1 or state.forks:
        return None
    return Border(
        seq=state.seq,
        head=state.heads[0].digest,
        count=state.count,
        stages={name: stage.members for name, stage in state.stages.items()},
        deprecated=state.deprecated,
        marks=state.marks,
        moved={name: stage.moved for name, stage in state.stages.items() if stage.moved},
    )


def _checkpoint(state: State) -> dict[str, Any]:
    return {
        "seq": state.seq,
        "count": state.count,
        "heads": [str(digest) for digest in state.parents],
        "stages": {name: _stage(stage) for name, stage in state.stages.items()},
        "deprecated": sorted(state.deprecated),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    value: dict[str, Any] = {"members": [_member(member) for member in stage.members]}
    if stage.moved:
        value["moved"] = str(stage.moved)
    if stage.fork:
        value |= {"fork": [str(digest) for digest in stage.fork], "kept": stage.kept}
    return value


def _member(member: Member) -> dict[str, Any]:
    value: dict[str, Any] = {"digest": str(member.digest), "event": str(member.event)}
    if member.version:
        value["version"] = member.version
    return value | {"seq": member.seq, "actor": member.actor, "time": member.time}


def _border(border: Border) -> dict[str, Any]:
    return {
        "seq": border.seq,
        "head": str(border.head),
        "count": border.count,
        "stages": {name: [_member(m) for m in members] for name, members in border.stages.items()},
        "deprecated": sorted(border.deprecated),
        "marks": f"{border.marks:016x}",
        "moved": {name: str(event) for name, event in border.moved.items()},
    }


def _read_stage(name: str, value: Fields) -> Stage:
    moved = optional_text(value, "moved")
    return Stage(
        name,
        tuple(map(_read_member, tables(value.get("members")))),
        Digest(moved) if moved else None,
        _digests(value.get("fork")),
        value.get("kept") is True,
    )


def _read_member(value: Fields) -> Member:
    return Member(
        digest=Digest(text_field(value, "digest")),
        version=optional_text(value, "version"),
        event=Digest(text_field(value, "event")),
        seq=_number(value.get("seq")),
        actor=text_field(value, "actor"),
        time=text_field(value, "time"),
    )


def _read_border(value: Fields) -> Border:
    stages = table(value.get("stages"))
    return Border(
        seq=_number(value.get("seq")),
        head=Digest(text_field(value, "head")),
        count=_number(value.get("count")),
        stages={
            stage_name(name): tuple(map(_read_member, tables(v))) for name, v in stages.items()
        },
        deprecated=frozenset(_digests(value.get("deprecated"))),
        marks=_marks(text_field(value, "marks")),
        moved={
            name: Digest(event)
            for name, event in table(value.get("moved")).items()
            if isinstance(event, str)
        },
    )


def _read_segments(text: str | None) -> tuple[Segment, ...]:
    if text is None:
        return ()
    wrapped = _object(f'{{"segments":{text}}}', "the ledger's list of segments")
    entries = tables(wrapped.get("segments"))
    if len(entries) > MOST_SEGMENTS:
        raise InvalidInput("the ledger has too many segments", cause=f"{len(entries)}")
    return tuple(map(_read_segment, entries))


def _read_segment(value: Fields) -> Segment:
    tag = text_field(value, "tag")
    if not is_segment(tag):
        raise InvalidInput(f"not the tag of a part of the ledger: {tag[:60]!r}")
    return Segment(tag, Digest(text_field(value, "digest")), _number(value.get("count")))


def _object(text: str | None, what: str) -> Fields:
    if text is None:
        raise InvalidInput(f"{what} is missing")
    value = decode_object(text.encode(), what)
    check_depth(value, what)
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < SEQ_LIMIT:
        raise InvalidInput("the ledger's index has a number that is none", cause=f"{value!r}"[:60])
    return value


def _marks(text: str) -> int:
    try:
        return int(text[:16], 16)
    except ValueError as error:
        raise InvalidInput("the ledger's border has no marks", cause=text[:60]) from error


def _digests(value: object) -> tuple[Digest, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(Digest(item) for item in value if isinstance(item, str))


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
