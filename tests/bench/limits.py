"""What Lading may cost, as ratios to its peers, and its memory.

These are the figures of the issues "The core", "What is known about a model travels with it" and
"Stages, approval, history, search" and "Serving images".
The benchmark fails where one is passed. Ratios are of medians in the same rounds: a slow machine
is slow for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.measure import Cost

# Table and tool, and what the tool typically cost there.
Costs = Mapping[tuple[str, str], Cost]

_MEMORY_MB = 80.0


@dataclass(frozen=True, slots=True)
class Limit:
    """``tool`` may cost at most ``at_most`` times what ``peer`` does; or seconds more than it."""

    table: str
    tool: str
    peer: str
    at_most: float
    measure: Literal["wall", "cpu", "memory"] = "wall"
    more: bool = False


LIMITS = (
    Limit("startup", "lading --version", "empty Typer", 1.25),
    Limit("startup", "lading pull", "empty Typer", 2),
    Limit("small-push", "lading", "oras-py", 0.1),
    Limit("small-pull", "lading", "oras-py", 0.1),
    Limit("pull", "lading", "curl", 1.35),
    Limit("pull", "lading", "oras-py", 0.65),
    Limit("pull", "lading", "skopeo", 0.6),
    Limit("pull", "lading", "curl+openssl", 0.95, "cpu"),
    Limit("pull", "lading to cache", "curl", 1.35),
    Limit("pull", "lading to cache", "oras-py", 0.65),
    Limit("pull", "lading to cache", "skopeo", 0.6),
    Limit("pull", "lading to cache", "curl+openssl", 0.95, "cpu"),
    Limit("single", "lading", "curl", 1.75),
    Limit("push", "lading", "openssl+curl", 0.75),
    Limit("push", "lading", "oras-py", 0.7),
    Limit("again", "lading", "oras-py", 0.1),
    # One file that is written once, beside a folder that is then put into a file.
    Limit("bundle", "lading", "skopeo", 0.8),
    Limit("unbundle", "lading", "skopeo", 0.7),
    Limit("tls-pull", "lading", "curl", 1.3),
    Limit("tls-push", "lading", "curl", 1.3),
    # What comes on top of one request for each repository, a whole process included.
    Limit("search", "lading", "curl", 0.5, more=True),
    Limit("search", "lading", "curl", 0.5, "cpu", more=True),
    *(
        Limit(f"serve-{model}-{table}", "lading", peer, at_most)
        for model in ("array", "graph")
        for table, peer, at_most in (
            ("1", "typed", 1.15),
            ("1", "raw", 1.15),
            *((table, peer, 1.0) for table in ("1", "32") for peer in ("mlserver", "bentoml")),
        )
    ),
    # Asking together is worth it where it is done, and nobody pays for finding that out.
    *(
        Limit(f"batch-{model}-{connections}-rate", "lading", "lading --no-batch", at_most)
        for model, connections, at_most in (
            ("forest", 1, 1.15),
            ("forest", 8, 0.7),
            ("forest", 32, 0.5),
            ("forest", 64, 0.5),
            ("layers", 1, 1.15),
            ("layers", 32, 0.8),
            *(("filters", connections, 1.15) for connections in (1, 8, 32, 64)),
        )
    ),
    *(Limit(f"serve-{m}-start", "lading", "raw", 1.75, "memory") for m in ("array", "graph")),
    Limit("capture", "lading", "lading, nothing captured", 0.3, more=True),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A limit, and what was found."""

    what: str
    found: float
    at_most: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.found <= self.at_most


def judge(costs: Costs) -> Iterator[Verdict]:
    """Every limit whose both sides were measured, then Lading's memory everywhere."""
    for limit in LIMITS:
        ours, theirs = costs.get((limit.table, limit.tool)), costs.get((limit.table, limit.peer))
        if ours is not None and theirs is not None:
            yield _verdict(limit, getattr(ours, limit.measure), getattr(theirs, limit.measure))
    for (table, tool), cost in costs.items():
        # A server has its model's framework, too, and is held against a handler that has it.
        if tool.startswith("lading") and not table.startswith(("serve-", "batch-")):
            yield Verdict(f"{table}: memory of {tool}", cost.memory, _MEMORY_MB, " MB")


def _verdict(limit: Limit, ours: float, theirs: float) -> Verdict:
    sign = "-" if limit.more else "/"
    what = f"{limit.table}: {limit.measure} of {limit.tool} {sign} {limit.peer}"
    if limit.more:
        return Verdict(what, ours - theirs, limit.at_most, " s")
    return Verdict(what, ours / max(theirs, 1e-9), limit.at_most)
