"""What follows from the events: which version each stage names, and what is in dispute.

Pure. The same set of events gives the same state, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_

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
    names = dict.fromkeys(border.stages if border else ())
    names |= dict.fromkeys(line.stage for line in ordered if line.moves and line.stage)
    stages = {
        name: _stage(name, graph.moves_of(name, refused), graph, name in protected)
        for name in sorted(names)
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
    for move in graph.moves:
        if move.stage is None or move.digest in refused:
            continue
        moves = so_far.setdefault(move.stage, [])
        moves.append(move)
        yield move, _stage(move.stage, moves, graph, move.stage in protected)


class _Graph:
    """Which move was written knowing of which: a bit for each move, a number for each event."""

    def __init__(self, ordered: list[Line], border: Border | None) -> None:
        self._ordered = ordered
        self.border = border
        self.moves = [line for line in ordered if line.moves]
        self._bit = {line.mark: 1 << at for at, line in enumerate(self.moves)}
        self._before: dict[str, int] = {}
        known = {line.mark for line in ordered} | ({mark(border.head)} if border else set())
        self.missing = frozenset(
            parent for line in ordered for parent in line.parents if parent not in known
        )
        for line in ordered:
            self._before[line.mark] = reduce(or_, map(self._with, line.parents), 0)

    def moves_of(self, stage: str, refused: Collection[Digest]) -> list[Line]:
        """The moves of a stage that count."""
        return [m for m in self.moves if m.stage == stage and m.digest not in refused]

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

    def _with(self, parent: str) -> int:
        # A parent that is not among the earlier lines tells nothing.
        if parent not in self._before:
            return 0
        return self._before[parent] | self._bit.get(parent, 0)


def _stage(name: str, moves: list[Line], graph: _Graph, protected: bool) -> Stage:
    start = graph.border.stages.get(name, ()) if graph.border else ()
    if not moves:
        return Stage(name, start, start[-1].event if start else None)
    last = _unsurpassed(moves, graph)
    members = _replayed(moves, start)
    moved = moves[-1].digest
    if not _disputed(last):
        return Stage(name, members, moved)
    fork = tuple(line.digest for line in last)
    if not (protected or any(line.protected for line in last)):
        return Stage(name, members, moved, fork)
    agreed = reduce(and_, (graph.before(line) for line in last))
    kept = _replayed([move for move in moves if graph.bit(move) & agreed], start)
    return Stage(name, kept, moved, fork, kept=True)


def _unsurpassed(moves: list[Line], graph: _Graph) -> list[Line]:
    """The moves that no later move of this stage knew of."""
    surpassed = reduce(or_, (graph.before(move) for move in moves), 0)
    return [move for move in moves if not graph.bit(move) & surpassed]


def _disputed(last: list[Line]) -> bool:
    """Whether moves that did not know of each other want different things."""
    if all(move.shared for move in last):
        # Each takes out or puts in its own version; only about one version can they differ.
        wanted = {(move.subject, move.kind) for move in last}
        return len({subject for subject, _ in wanted}) < len(wanted)
    return len({(move.kind, move.kind == "assigned" and move.subject) for move in last}) > 1


def _replayed(moves: Iterable[Line], start: tuple[Member, ...]) -> tuple[Member, ...]:
    members = start
    for move in moves:
        others = tuple(m for m in members if m.digest != move.subject) if move.shared else ()
        members = (*others, Member.of(move)) if move.kind == "assigned" else others
    return members
