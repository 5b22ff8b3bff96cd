"""A graph of lineage while it is drawn up: each thing once, however many ways lead to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.operations.ancestry.result import (
    Direction,
    LineageEdge,
    LineageNode,
    LineageResult,
    NodeKind,
    NodeStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.operations.open import Opened
    from lading.spec.document import Document
    from lading.spec.lineage import Code, Dataset, Parent, Run

# What a graph may hold, and what a text in it may.
MOST_NODES: Final = 2000
_LONGEST: Final = 500


class Graph:
    """Nodes, edges and notes. Ids are ``n0``, ``n1``, …, in the order in which things were met."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._nodes: dict[str, LineageNode] = {}
        self._edges: dict[tuple[str, str], LineageEdge] = {}
        self._ids: dict[str, str] = {}
        self._below: dict[str, list[str]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it holds as much as it may."""
        return len(self._nodes) >= MOST_NODES

    def known(self, key: str) -> str | None:
        """The id of what was added under a key."""
        return self._ids.get(key)

    def add(
        self,
        key: str,
        kind: NodeKind,
        label: str,
        *,
        digest: str | None = None,
        status: NodeStatus = "found",
        why: str | None = None,
        details: dict[str, str] | None = None,
    ) -> str:
        """The id of a node, which is made where there is none under this key."""
        if known := self._ids.get(key):
            return known
        id_ = f"n{len(self._nodes)}"
        self._ids[key] = id_
        cut = {name: value[:_LONGEST] for name, value in (details or {}).items()}
        self._nodes[id_] = LineageNode(
            id_, kind, label[:_LONGEST], digest, status, why and why[:_LONGEST], cut
        )
        return id_

    def also(self, key: str, id_: str) -> None:
        """Another key of a node."""
        self._ids.setdefault(key, id_)

    def join(self, upstream: str, downstream: str, relation: str) -> bool:
        """Draw an edge; False where it would close a circle."""
        if upstream == downstream or self._leads(downstream, upstream):
            return False
        pair = (upstream, downstream)
        if pair not in self._edges:
            self._edges[pair] = LineageEdge(upstream, downstream, relation[:_LONGEST])
            self._below.setdefault(upstream, []).append(downstream)
        return True

    def note(self, sentence: str) -> None:
        """Say something about the graph, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def result(self, reference: str, digest: str, direction: Direction) -> LineageResult:
        """The graph as it stands."""
        return LineageResult(
            reference,
            digest,
            direction,
            tuple(self._nodes.values()),
            tuple(self._edges.values()),
            tuple(self.notes),
        )

    def _leads(self, start: str, goal: str) -> bool:
        """Whether edges lead down from one node to another."""
        seen, waiting = {start}, [start]
        while waiting:
            new = set(self._below.get(waiting.pop(), ())) - seen
            seen |= new
            waiting += new
        return goal in seen


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a version that was opened."""

    digest: str
    model_digest: str
    parents: tuple[Parent, ...]
    details: dict[str, str]

    @classmethod
    def of(cls, version: Opened) -> Seen:
        """Of a version that is open.

        Raises:
            LadingError: its document cannot be read.
        """
        document = version.document
        details = {
            "name": document.name,
            "version": document.version,
            "created": document.created,
            "licence": ", ".join(document.licenses) or None,
        }
        parents = document.lineage.parents if document.lineage else ()
        return cls(version.digest, version.artifact.model.digest, parents, _known(details))


def add_model(graph: Graph, seen: Seen, label: str) -> str:
    """The node of a version, known by the digests of its index and of its model manifest."""
    id_ = graph.add(seen.digest, "model", label, digest=seen.digest, details=seen.details)
    graph.also(seen.model_digest, id_)
    return id_


def add_leaves(graph: Graph, document: Document, model: str) -> None:
    """What a model was made with, apart from other models."""
    for key, kind, label, relation, details in _leaves(document):
        if graph.is_full and graph.known(key) is None:
            graph.note(f"only the first {MOST_NODES} things are shown")
            return
        digest = details.pop("digest", None)
        graph.join(graph.add(key, kind, label, digest=digest, details=details), model, relation)


_Leaf = tuple[str, "NodeKind", str, str, dict[str, str]]


def _leaves(document: Document) -> Iterator[_Leaf]:
    found = document.lineage
    if found is None:
        return
    yield from map(_dataset, found.datasets)
    if found.code is not None and (leaf := _code(found.code)):
        yield leaf
    yield from map(_run, found.runs)


def _dataset(data: Dataset) -> _Leaf:
    label = data.name or data.uri or data.digest or "a dataset without a name"
    details = {
        "digest": data.digest,
        "uri": data.uri if data.uri != label else None,
        "split": data.split,
        "rows": f"{data.rows:,} rows" if data.rows is not None else None,
        "licence": data.license,
    }
    key = f"dataset {data.digest or ''} {label}"
    return key, "dataset", label, data.split or "data", _known(details)


def _code(code: Code) -> _Leaf | None:
    if not (code.repository or code.commit):
        return None
    label = f"{code.repository or 'a repository'}@{code.commit or 'unknown'}"
    details = {
        "branch": code.branch,
        "path": code.path,
        "state": "changed beyond the commit" if code.dirty else None,
    }
    return f"code {label} {code.path}", "code", label, "code", _known(details)


def _run(run: Run) -> _Leaf:
    label = f"{run.tracker} {run.id or run.name or run.uri or ''}".strip()
    details = {
        "name": run.name,
        "experiment": run.experiment,
        "uri": run.uri,
        "user": run.user,
        "status": run.status,
    }
    return f"run {label}", "run", label, "run", _known(details)


def _known(details: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}
