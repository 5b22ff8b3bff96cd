"""A graph of lineage drawn as text, for Graphviz and for Mermaid. Pure.

Names in it come from registries and may hold anything: each language has its own way to quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lading.cli.output import escape
from lading.operations.ancestry.result import LineageEdge, LineageNode, LineageResult

# Drawing a node again under each of its children would grow without end.
_AGAIN: Final = "(see above)"
# Everything else is written by its number: Mermaid gives meaning to most signs, even in quotes.
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 _.,:/@=+\u00a1-\uffff-]")
_DOT_SIGNS: Final = str.maketrans({"&": "&amp;", "\\": "\\\\", '"': '\\"'})
_SHAPES: Final = {"model": "box", "dataset": "cylinder", "code": "note", "run": "ellipse"}
_BRACKETS: Final = {
    "model": ("[", "]"),
    "dataset": ("[(", ")]"),
    "code": ("[/", "/]"),
    "run": ("([", "])"),
}


# Who looks down sees the other end of an edge.
_DOWN: Final = {"parent": "made from it"}


def tree(result: LineageResult) -> Iterator[str]:
    """Lines of a tree, the version that was asked for at the top."""
    nodes = {node.id: node for node in result.nodes}
    branches = _branches(result)
    root = result.nodes[0]
    yield _label(root)
    drawn = {root.id}
    waiting = _below(branches, root.id, "")
    while waiting:
        edge, here, prefix, is_last = waiting.pop()
        node = nodes[here]
        again = here in drawn and here in branches
        word = (
            edge.relation if result.direction == "up" else _DOWN.get(edge.relation, edge.relation)
        )
        text = f"{word}: {_label(node)}" + (f" {_AGAIN}" if again else "")
        yield f"{prefix}{'└─ ' if is_last else '├─ '}{text}"
        if not again:
            drawn.add(here)
            waiting += _below(branches, here, prefix + ("   " if is_last else "│  "))


_Branch = tuple[LineageEdge, str, str, bool]


def _branches(result: LineageResult) -> dict[str, list[tuple[LineageEdge, str]]]:
    """What hangs under each node: what it was made from, or what was made from it."""
    found: dict[str, list[tuple[LineageEdge, str]]] = {}
    for edge in result.edges:
        if result.direction == "up":
            found.setdefault(edge.downstream, []).append((edge, edge.upstream))
        else:
            found.setdefault(edge.upstream, []).append((edge, edge.downstream))
    return found


def _below(
    branches: dict[str, list[tuple[LineageEdge, str]]], id_: str, prefix: str
) -> list[_Branch]:
    """The branches of a node, the last one first: they are taken from the end."""
    found = branches.get(id_, [])
    last = len(found) - 1
    return [(edge, to, prefix, at == last) for at, (edge, to) in enumerate(found)][::-1]


def _label(node: LineageNode) -> str:
    parts = [node.label]
    if node.digest and node.digest not in node.label:
        parts.append(_short(node.digest))
    told = [value for name, value in node.details.items() if name in ("rows", "state", "licence")]
    parts += [f"({', '.join(told)})"] if told else []
    parts += [f"[{node.status}: {node.why}]"] if node.status != "found" else []
    return "  ".join(parts)


def _short(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:12]}"


def dot(result: LineageResult) -> Iterator[str]:
    """A directed graph in Graphviz' language; arrows lead from what was there first."""
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield "  node [fontname=Helvetica];"
    for node in result.nodes:
        style = "" if node.status == "found" else ", style=dashed"
        shape = _SHAPES[node.kind]
        yield f"  {node.id} [label={_dot_text(*_two_lines(node))}, shape={shape}{style}];"
    for edge in result.edges:
        yield f"  {edge.upstream} -> {edge.downstream} [label={_dot_text(edge.relation)}];"
    yield "}"


def _dot_text(*lines: str) -> str:
    # In Graphviz' quotes these mean something: entities, escapes and the end. `\n` breaks a line.
    quoted = [escape(line).translate(_DOT_SIGNS) for line in lines]
    return '"' + "\\n".join(quoted) + '"'


def mermaid(result: LineageResult) -> Iterator[str]:
    """A flow chart in Mermaid's language; arrows lead from what was there first."""
    yield "flowchart LR"
    for node in result.nodes:
        left, right = _BRACKETS[node.kind]
        text = "<br>".join(map(_mermaid_text, _two_lines(node)))
        yield f'  {node.id}{left}"{text}"{right}'
    for edge in result.edges:
        yield f'  {edge.upstream} -->|"{_mermaid_text(edge.relation)}"| {edge.downstream}'
    unknown = [node.id for node in result.nodes if node.status != "found"]
    if unknown:
        yield "  classDef unknown stroke-dasharray: 4 4"
        yield f"  class {','.join(unknown)} unknown"


def _mermaid_text(text: str) -> str:
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", escape(text))


def _two_lines(node: LineageNode) -> tuple[str, ...]:
    second = _short(node.digest) if node.digest else ""
    if node.status != "found":
        second = f"{second} {node.status}".strip()
    return (node.label, second) if second else (node.label,)
