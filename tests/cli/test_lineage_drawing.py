"""A graph of lineage is drawn, and names in it stay names in every language."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from lading.cli.lineage_drawing import dot, mermaid, tree
from lading.cli.output import escape
from lading.operations.ancestry.result import LineageEdge, LineageNode, LineageResult

DIGEST = "sha256:" + "a" * 64


def node(id_: str, label: str, kind: str = "model", **more: object) -> LineageNode:
    fields = {"digest": None, "status": "found", "why": None, "details": {}} | more
    return LineageNode(id=id_, kind=kind, label=label, **fields)  # type: ignore[arg-type]


def graph(*nodes: LineageNode, edges: str = "", direction: str = "up") -> LineageResult:
    """Edges are written ``n1>n0``: what was there first, and what was made from it."""
    pairs = [edge.split(">") for edge in edges.split()]
    return LineageResult(
        nodes[0].label,
        DIGEST,
        direction,  # type: ignore[arg-type]
        nodes,
        tuple(LineageEdge(up, down, "finetuned") for up, down in pairs),
        (),
    )


FAMILY = (
    node("n0", "ml/fraud:1.2.0", digest=DIGEST),
    node("n1", "ml/base:1.0.0"),
    node("n2", "ml/other:1.0.0"),
    node("n3", "ml/root:1.0.0"),
    node("n4", "rows", "dataset", details={"rows": "9 rows"}),
)


def test_a_tree_shows_a_diamond_once_in_full_and_once_in_passing() -> None:
    result = graph(*FAMILY, edges="n1>n0 n2>n0 n3>n1 n3>n2 n4>n3")

    assert list(tree(result)) == [
        "ml/fraud:1.2.0  sha256:aaaaaaaaaaaa",
        "├─ finetuned: ml/base:1.0.0",
        "│  └─ finetuned: ml/root:1.0.0",
        "│     └─ finetuned: rows  (9 rows)",
        "└─ finetuned: ml/other:1.0.0",
        "   └─ finetuned: ml/root:1.0.0 (see above)",
    ]


def test_downwards_the_tree_hangs_the_other_way_round() -> None:
    result = graph(*FAMILY[:3], edges="n0>n1 n1>n2", direction="down")

    assert list(tree(result)) == [
        "ml/fraud:1.2.0  sha256:aaaaaaaaaaaa",
        "└─ finetuned: ml/base:1.0.0",
        "   └─ finetuned: ml/other:1.0.0",
    ]


def test_what_could_not_be_reached_is_drawn_with_the_reason() -> None:
    gone = node("n1", "ml/gone:1", status="unreachable", why="there is no ml/gone:1")
    result = graph(FAMILY[0], gone, edges="n1>n0")

    assert list(tree(result))[1].endswith("[unreachable: there is no ml/gone:1]")
    assert any("style=dashed" in line for line in dot(result))
    assert "  class n1 unknown" in list(mermaid(result))


def test_a_graph_is_drawn_for_graphviz() -> None:
    assert list(dot(graph(*FAMILY[:2], edges="n1>n0"))) == [
        "digraph lineage {",
        "  rankdir=LR;",
        "  node [fontname=Helvetica];",
        '  n0 [label="ml/fraud:1.2.0\\nsha256:aaaaaaaaaaaa", shape=box];',
        '  n1 [label="ml/base:1.0.0", shape=box];',
        '  n1 -> n0 [label="finetuned"];',
        "}",
    ]


def test_a_graph_is_drawn_for_mermaid() -> None:
    assert list(mermaid(graph(*FAMILY[:2], edges="n1>n0"))) == [
        "flowchart LR",
        '  n0["ml/fraud:1.2.0<br>sha256:aaaaaaaaaaaa"]',
        '  n1["ml/base:1.0.0"]',
        '  n1 -->|"finetuned"| n0',
    ]


_HOSTILE = st.text(
    st.sampled_from('"\\`#;<>&|[](){}\n\r\t\x00\x1b\u202e\u2028-=%@/ ab1é模🦊\ud800'), max_size=30
)
_DOT_NODE = re.compile(r'  n0 \[label="((?:[^"\\\n]|\\.)*)", shape=box\];')
_MERMAID_NODE = re.compile(r'  n0\["([^"\n<>`\[\]{}|]*)"\]')


@given(_HOSTILE)
def test_whatever_a_name_holds_graphviz_reads_it_as_one_label(label: str) -> None:
    line = list(dot(graph(node("n0", label))))[3]

    match = _DOT_NODE.fullmatch(line)

    assert match is not None
    # Graphviz takes entities for what they stand for, after it has read its own escapes.
    read = re.sub(r"\\(.)", r"\1", match[1])
    assert "&" not in read.replace("&amp;", "")
    assert unescape(read) == escape(label)


@given(_HOSTILE)
def test_whatever_a_name_holds_mermaid_reads_it_as_one_label(label: str) -> None:
    line = list(mermaid(graph(node("n0", label))))[1]

    match = _MERMAID_NODE.fullmatch(line)

    assert match is not None
    assert unescape(re.sub(r"#(\d+);", r"&#\1;", match[1])) == escape(label)


@given(_HOSTILE)
def test_a_relation_is_quoted_like_a_name(relation: str) -> None:
    edge = LineageEdge("n1", "n0", relation)
    result = LineageResult("x", DIGEST, "up", FAMILY[:2], (edge,), ())

    assert re.fullmatch(r'  n1 -> n0 \[label="((?:[^"\\\n]|\\.)*)"\];', list(dot(result))[-2])
    assert re.fullmatch(r'  n1 -->\|"([^"\n|]*)"\| n0', list(mermaid(result))[-1])
