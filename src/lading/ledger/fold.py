"""What follows from the events: which version each stage names, and what is in dispute.

Pure. The same set of events gives the same state, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_, xor

from lading.ledger.line import Line, mark
from lading.spec.digest import Digest
from lading.spec.event import MOST_PARENTS


@dataclass(frozen=True, slots=True)
class Member:
    """A version in a stage, and the event that put it there."""

    digest: Digest
    version: str | None
    event: Digest
    seq: int
    actor: str
    time: str

    @classmethod
    def of(cls, line: Line) -> Member:
        """The version that an event assigned."""
        return cls(line.subject, line.version, line.digest, line.seq, line.actor, line.time)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage names, and why."""

    name: str
    # The newest last; one at most, but in a shared stage.
    members: tuple[Member, ...] = ()
    # The event that moved it last: the highest of them where it is in dispute.
    moved: Digest | None = None
    # Moves of which none knew the other; empty while there is no dispute.
    fork: tuple[Digest, ...] = ()
    # In a dispute a protected stage keeps what it named before, an open one takes the highest.
    kept: bool = False

    @property
    def value(self) -> Digest | None:
        """The version that the stage's tag should name; None where the stage is empty."""
        return self.members[-1].digest if self.members else None


@dataclass(frozen=True, slots=True)
class Border:
    """What held where the lines at hand begin: a full part of the ledger was put away there."""

    seq: int
    # The one event that everything later comes after.
    head: Digest
    count: int
    stages: Mapping[str, tuple[Member, ...]]
    deprecated: frozenset[Digest] = frozenset()
    # Which events were put away, in one number: see `combined`.
    marks: int = 0
    # Which of them moved a stage last; it may have left it empty.
    moved: Mapping[str, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What follows from a set of events."""

    count: int
    seq: int
    # The events that no other comes after, highest first: whoever writes next names them.
    heads: tuple[Line, ...]
    stages: Mapping[str, Stage]
    deprecated: frozenset[Digest]
    # Moves that do not count.
    refused: frozenset[Digest]
    # Parents that are named and not there: events were deleted.
    missing: frozenset[str]
    # Which events these are, in one number, those behind the border included.
    marks: int = 0
    border: Border | None = field(default=None, repr=False)

    @property
    def parents(self) -> tuple[Digest, ...]:
        """What the next event comes after."""
        if not self.heads and self.border:
            return (self.border.head,)
        return tuple(line.digest for line in self.heads[:MOST_PARENTS])

    def stage(self, name: str) -> Stage:
        """A stage, an empty one where nothing ever moved it."""
        return self.stages.get(name) or Stage(name)

    @property
    def forks(self) -> tuple[Stage, ...]:
        """The stages in dispute."""
        return tuple(stage for stage in self.stages.values() if stage.fork)


def fold(
    lines: Iterable[Line],
    *,
    border: Border | None = None,
    protected: Collection[str] = frozenset(),
    refused: Collection[Digest] | None = None,
) -> State:
    """What follows from some events.

    ``protected`` are the stages that the reader's policy protects; an event says so, too, where its
    writer's did. ``refused`` are moves that a policy does not let count; without it, those that
    an earlier reader found so.
    """
    ordered = sorted(lines, key=lambda line: line.order)
    if refused is None:
        refused = {line.digest for line in ordered if line.refused}
    graph = _Graph(ordered, border)
    moves: dict[str, list[Line]] = {name: [] for name in (border.stages if border else ())}
    for line in graph.moves:
        if line.stage:
            moves.setdefault(line.stage, [])
            if line.digest not in refused:
                moves[line.stage].append(line)
    stages = {
        name: _stage(name, moves[name], graph, border, name in protected) for name in sorted(moves)
    }
    deprecated = {line.subject for line in ordered if line.kind == "deprecated"}
    return State(
        count=len(ordered) + (border.count if border else 0),
        seq=max([line.seq for line in ordered] + ([border.seq] if border else [0])),
        heads=tuple(sorted(graph.heads(), key=lambda line: line.order, reverse=True)),
        stages=stages,
        deprecated=frozenset(deprecated) | (border.deprecated if border else frozenset()),
        refused=frozenset(refused),
        missing=graph.missing,
        marks=combined((line.mark for line in ordered), border.marks if border else 0),
        border=border,
    )


def timeline(
    lines: Iterable[Line],
    *,
    protected: Collection[str] = frozenset(),
    refused: Collection[Digest] = frozenset(),
) -> Iterator[tuple[Line, Stage]]:
    """Every move that counts, in order, and what its stage was after it."""
    graph = _Graph(sorted(lines, key=lambda line: line.order), None)
    so_far: dict[str, list[Line]] = {}
    bits: dict[str, int] = {}
    was: dict[str, Stage] = {}
    for move in graph.moves:
        name = move.stage
        if name is None or move.digest in refused:
            continue
        so_far.setdefault(name, []).append(move)
        stage, known = was.get(name, Stage(name)), bits.get(name, 0)
        bits[name] = known | graph.bit(move)
        # Who knew all that there was adds to no dispute, and ends one where it replaces all.
        if not known & ~graph.before(move) and not (stage.fork and move.shared):
            was[name] = Stage(name, _replayed([move], stage.members), move.digest)
        else:
            was[name] = _stage(name, so_far[name], graph, None, name in protected)
        yield move, was[name]


def agreed_before(lines: Iterable[Line], chosen: Collection[Digest]) -> frozenset[Digest]:
    """The moves that every one of the chosen events knew of; all of them where none is chosen.

    An event that is not among the lines knew of nothing.
    """
    graph = _Graph(sorted(lines, key=lambda line: line.order), None)
    return frozenset(move.digest for move in graph.agreed(map(mark, chosen)))


def combined(marks: Iterable[str], others: int = 0) -> int:
    """A set of events in one number, whichever came first."""
    return reduce(xor, (int(mark, 16) for mark in marks), others)


class _Graph:
    """Which move was written knowing of which: a bit for each move, a number for each event."""

    def __init__(self, ordered: list[Line], border: Border | None) -> None:
        self._ordered = ordered
        self.moves = [line for line in ordered if line.moves]
        self._bit = {line.mark: 1 << at for at, line in enumerate(self.moves)}
        self._before: dict[str, int] = {}
        known = {line.mark for line in ordered} | ({mark(border.head)} if border else set())
        self.missing = frozenset(
            parent for line in ordered for parent in line.parents if parent not in known
        )
        for line in ordered:
            self._before[line.mark] = reduce(or_, map(self._with, line.parents), 0)

    def before(self, line: Line) -> int:
        """The moves that its writer knew of."""
        return self._before[line.mark]

    def bit(self, line: Line) -> int:
        """The move's own bit."""
        return self._bit[line.mark]

    def heads(self) -> list[Line]:
        """The events that no other names as its parent."""
        named = {parent for line in self._ordered for parent in line.parents}
        return [line for line in self._ordered if line.mark not in named]

    def covered(self, moves: int) -> int:
        """The bits of what the writers of some moves knew of."""
        covered, left = 0, moves
        while left:
            # The highest is known to none of the others, and tells what all those below it knew.
            at = left.bit_length() - 1
            covered |= self._before[self.moves[at].mark]
            left &= ~(covered | 1 << at)
        return covered

    def known_to_all(self, moves: int) -> int:
        """The bits of what all the writers of some moves knew of."""
        return reduce(and_, map(self.before, self.lines(moves)))

    def lines(self, moves: int) -> list[Line]:
        """The moves with these bits, in order."""
        found = []
        while moves:
            at = moves.bit_length() - 1
            found.append(self.moves[at])
            moves ^= 1 << at
        return found[::-1]

    def agreed(self, marks: Iterable[str]) -> list[Line]:
        """The moves that all the writers of these events knew of."""
        agreed = reduce(and_, (self._before.get(each, 0) for each in marks), -1)
        return [move for move in self.moves if self.bit(move) & agreed]

    def _with(self, parent: str) -> int:
        # A parent that is not among the earlier lines tells nothing.
        if parent not in self._before:
            return 0
        return self._before[parent] | self._bit.get(parent, 0)


def _stage(
    name: str, moves: list[Line], graph: _Graph, border: Border | None, protected: bool
) -> Stage:
    start = border.stages.get(name, ()) if border else ()
    if not moves:
        return Stage(name, start, border.moved.get(name) if border else None)
    moved = moves[-1].digest
    history = _Moves(moves, graph, start)
    fork = graph.lines(history.fork())
    named = tuple(line.digest for line in fork)
    if fork and (protected or any(line.protected for line in fork)):
        return Stage(name, history.undisputed(), moved, named, kept=True)
    return Stage(name, _replayed(moves, start), moved, named)


class _Moves:
    """The moves of a stage, as bits: who replaced all, who let a version join or leave.

    What can be in dispute by itself is each version: whether it is there. About it speak its own
    moves in a shared stage, and whoever replaced all. Bits, because anybody may write thousands of
    moves of as many versions.
    """

    def __init__(self, moves: list[Line], graph: _Graph, start: tuple[Member, ...]) -> None:
        self._moves = moves
        self._graph = graph
        self._start = start
        self._alone = 0
        self._shared: dict[Digest, int] = {}
        self._puts: dict[Digest, int] = {}
        for move in moves:
            bit, version = graph.bit(move), move.subject
            if move.shared:
                self._shared[version] = self._shared.get(version, 0) | bit
            else:
                self._alone |= bit
            if move.kind == "assigned":
                self._puts[version] = self._puts.get(version, 0) | bit
        self._all = reduce(or_, self._shared.values(), self._alone)
        # What those who replaced all knew of, among some moves: asked again and again.
        self._covered: dict[int, int] = {}

    def fork(self, among: int = -1) -> int:
        """The moves in dispute: they did not know of each other and want different things."""
        tips = self._alone & among & ~self._covered_alone(among)
        asked = {version for version, own in self._shared.items() if own & among}
        asked.update(line.subject for line in self._graph.lines(tips))
        return reduce(or_, (self._dispute(version, among) for version in asked), 0)

    def undisputed(self) -> tuple[Member, ...]:
        """What the stage named before anybody disputed it."""
        among = self._all
        while fork := self.fork(among):
            if not fork & self._alone:
                found = (self._undisputed(version, among) for version in self._versions())
                return tuple(sorted(filter(None, found), key=lambda each: (each.seq, each.event)))
            # Each would have put out what was there: none of it is to go before they agree.
            among &= self._graph.known_to_all(fork)
        return _replayed(self._graph.lines(among), self._start)

    def _versions(self) -> set[Digest]:
        return {each.digest for each in self._start} | {move.subject for move in self._moves}

    def _undisputed(self, version: Digest, among: int) -> Member | None:
        """A version as it was in the stage before anybody disputed that; None where it was not."""
        while dispute := self._dispute(version, among):
            among &= self._graph.known_to_all(dispute)
        among &= self._alone | self._shared.get(version, 0)
        if not among:
            return next((each for each in self._start if each.digest == version), None)
        last = self._graph.moves[among.bit_length() - 1]
        return Member.of(last) if last.kind == "assigned" and last.subject == version else None

    def _dispute(self, version: Digest, among: int) -> int:
        """The last moves about a version, where some want it there and some do not."""
        own = self._shared.get(version, 0) & among
        known = self._covered_alone(among) | self._graph.covered(own)
        last = (self._alone & among | own) & ~known
        return last if last & self._puts.get(version, 0) not in (0, last) else 0

    def _covered_alone(self, among: int) -> int:
        alone = self._alone & among
        if alone not in self._covered:
            self._covered[alone] = self._graph.covered(alone)
        return self._covered[alone]


def _replayed(moves: Iterable[Line], start: tuple[Member, ...]) -> tuple[Member, ...]:
    members: dict[Digest, Member | Line] = {member.digest: member for member in start}
    for move in moves:
        if move.shared:
            members.pop(move.subject, None)
        else:
            members.clear()
        if move.kind == "assigned":
            members[move.subject] = move
    return tuple(Member.of(each) if isinstance(each, Line) else each for each in members.values())
