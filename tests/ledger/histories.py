"""Histories for the laws: drawn at will, and what must follow from them in the design's words.

The model here is naive on purpose: sets of ancestors instead of bits, no borders, no index. It is
written from what the design says, not from the code that it is held against.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from lading.ledger.line import Line
from lading.spec.digest import Digest

STAGES = ("dev", "prod")
VERSIONS = tuple(Digest.of(f"version {number}".encode()) for number in range(4))
NOWHERE = Digest.of(b"an event that nobody has")


def event_line(
    name: object, seq: int, parents: Sequence[Line | Digest] = (), **fields: object
) -> Line:
    """A line of the ledger; its digest follows from its name."""
    digests = [parent.digest if isinstance(parent, Line) else parent for parent in parents]
    said: dict[str, object] = {
        "digest": Digest.of(f"event {name}".encode()),
        "size": 900,
        "kind": "noted",
        "seq": seq,
        "parents": tuple(digest.hex[:16] for digest in digests),
        "subject": VERSIONS[0],
        "actor": "ada",
        "time": "2026-03-01T12:00:00Z",
    }
    return Line(**(said | fields))  # type: ignore[arg-type]  # fields of a line


def after(name: object, *parents: Line, **fields: object) -> Line:
    """A line that comes after these, at the place that they give it."""
    seq = 1 + max((parent.seq for parent in parents), default=0)
    return event_line(name, seq, parents, **fields)


def put(
    name: object, *parents: Line, stage: str = "prod", version: int = 0, **more: object
) -> Line:
    """A version is assigned to a stage."""
    return after(name, *parents, kind="assigned", stage=stage, subject=VERSIONS[version], **more)


@st.composite
def histories(draw: st.DrawFn, *, shares: bool = True, most: int = 14) -> tuple[Line, ...]:
    """Events of writers who each knew some of what was there, forks and all."""
    lines: list[Line] = []
    for number in range(draw(st.integers(0, most))):
        known = draw(st.lists(st.sampled_from(lines), max_size=3, unique=True)) if lines else []
        kind = draw(st.sampled_from(("assigned", "assigned", "cleared", "noted", "deprecated")))
        moves = kind in ("assigned", "cleared")
        lines.append(
            after(
                number,
                *known,
                kind=kind,
                subject=draw(st.sampled_from(VERSIONS)),
                stage=draw(st.sampled_from(STAGES)) if moves else None,
                shared=shares and moves and draw(st.booleans()),
                protected=moves and draw(st.sampled_from((False, False, True))),
            )
        )
    return tuple(lines)


@st.composite
def chains(draw: st.DrawFn, *, most: int = 14) -> tuple[Line, ...]:
    """A history in which everybody knew everything."""
    lines: list[Line] = []
    for number in range(draw(st.integers(0, most))):
        lines.append(
            after(
                number,
                *lines[-1:],
                kind=draw(st.sampled_from(("assigned", "cleared", "noted"))),
                subject=draw(st.sampled_from(VERSIONS)),
                stage=draw(st.sampled_from(STAGES)),
                shared=draw(st.booleans()),
                protected=draw(st.booleans()),
            )
        )
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a stage must be: the events of its members, what is in dispute, whether it waits."""

    members: tuple[Digest, ...]
    events: tuple[Digest, ...]
    fork: frozenset[Digest]
    kept: bool


class Model:
    """The design, word by word."""

    def __init__(self, lines: Collection[Line], refused: Collection[Digest] = ()) -> None:
        self.lines = sorted(lines, key=lambda line: (line.seq, line.digest))
        self.refused = frozenset(refused)
        self._by_mark = {line.digest.hex[:16]: line for line in lines}
        self._ancestors = {line: self._above(line) for line in self.lines}

    def above(self, line: Line) -> frozenset[Line]:
        """Everything that the writer of a line knew of."""
        return self._ancestors[line]

    def _above(self, line: Line) -> frozenset[Line]:
        """Everything that its writer knew of: its parents, theirs, and so on."""
        found: set[Line] = set()
        waiting = [line]
        while waiting:
            for parent in waiting.pop().parents:
                known = self._by_mark.get(parent)
                if known is not None and known not in found:
                    found.add(known)
                    waiting.append(known)
        return frozenset(found)

    @property
    def missing(self) -> frozenset[str]:
        return frozenset(p for line in self.lines for p in line.parents if p not in self._by_mark)

    @property
    def heads(self) -> frozenset[Digest]:
        named = {parent for line in self.lines for parent in line.parents}
        return frozenset(line.digest for line in self.lines if line.digest.hex[:16] not in named)

    def stages(self, protected: Collection[str] = ()) -> Mapping[str, Expected]:
        names = {line.stage for line in self.lines if line.kind in ("assigned", "cleared")}
        return {name: self.stage(name, name in protected) for name in names if name}

    def stage(self, name: str, protected: bool) -> Expected:
        moves = [
            line
            for line in self.lines
            if line.stage == name
            and line.kind in ("assigned", "cleared")
            and line.digest not in self.refused
        ]
        fork = self._fork(moves)
        waits = bool(fork) and (protected or any(line.protected for line in fork))
        members = self._before_any_dispute(moves) if waits else _replay(moves)
        return Expected(
            tuple(line.subject for line in members),
            tuple(line.digest for line in members),
            frozenset(line.digest for line in fork),
            waits,
        )

    def _last(self, moves: Sequence[Line]) -> list[Line]:
        """The moves that no other of them came after."""
        return [m for m in moves if not any(m in self._ancestors[other] for other in moves)]

    def _about(self, moves: Sequence[Line], version: Digest) -> list[Line]:
        """What says whether a version is in the stage: its own moves, and what replaces all."""
        return [move for move in moves if not move.shared or move.subject == version]

    def _fork(self, moves: Sequence[Line]) -> set[Line]:
        """The last moves about some version, where they disagree whether it is in the stage."""
        found: set[Line] = set()
        for version in {move.subject for move in moves}:
            last = self._last(self._about(moves, version))
            if len({_wants(move, version) for move in last}) > 1:
                found |= set(last)
        return found

    def _before_any_dispute(self, moves: Sequence[Line]) -> list[Line]:
        fork = self._fork(moves)
        if not fork:
            return _replay(moves)
        if any(not move.shared for move in fork):
            known = [m for m in moves if all(m in self._ancestors[line] for line in fork)]
            return self._before_any_dispute(known)
        # In a shared stage every version is a question of its own.
        kept: list[Line] = []
        for version in {move.subject for move in moves}:
            about = self._about(moves, version)
            while len({_wants(m, version) for m in self._last(about)}) > 1:
                last = self._last(about)
                about = [m for m in about if all(m in self._ancestors[line] for line in last)]
            kept += [line for line in _replay(about) if line.subject == version]
        return sorted(kept, key=lambda line: (line.seq, line.digest))


def _wants(move: Line, version: Digest) -> bool:
    return move.kind == "assigned" and move.subject == version


def _replay(moves: Sequence[Line]) -> list[Line]:
    """One move after the other, by seq and then digest."""
    members: list[Line] = []
    for move in moves:
        members = [m for m in members if m.subject != move.subject] if move.shared else []
        if move.kind == "assigned":
            members.append(move)
    return members
