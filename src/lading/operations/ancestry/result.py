"""What lineage answers: a graph of models and of what they were made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]
NodeKind = Literal["model", "dataset", "code", "run"]
NodeStatus = Literal["found", "unreachable", "not followed"]


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A model, or what one was made with. ``why`` says why nothing more is known of it."""

    id: str
    kind: NodeKind
    label: str
    digest: str | None
    status: NodeStatus
    why: str | None
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """``downstream`` was made from, or with, ``upstream``; both are ids of nodes."""

    upstream: str
    downstream: str
    relation: str


@dataclass(frozen=True, slots=True)
class LineageResult:
    """A graph without cycles, the version that was asked for first."""

    reference: str
    digest: str
    direction: Direction
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    notes: tuple[str, ...]
