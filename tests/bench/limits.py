"""What Lading may cost, as ratios to its peers, and its memory.

These are the figures of the issues "The core", "What is known about a model travels with it" and
"Stages, approval, history, search".
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
    measure: Literal["wall", "cpu"] = "wall"
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
    Limit("tls-pull", "lading", "curl", 1.3),
    Limit("tls-push", "lading", "curl", 1.3),
    # What comes on top of one request for each repository, a whole process included.
    Limit("search", "lading", "curl", 0.5, more=True),
    Limit("search", "lading", "curl", 0.5, "cpu", more=True),
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
        if tool.startswith("lading"):
            yield Verdict(f"{table}: memory of {tool}", cost.memory, _MEMORY_MB, " MB")


def _verdict(limit: Limit, ours: float, theirs: float) -> Verdict:
    sign = "-" if limit.more else "/"
    what = f"{limit.table}: {limit.measure} of {limit.tool} {sign} {limit.peer}"
    if limit.more:
        return Verdict(what, ours - theirs, limit.at_most, " s")
    return Verdict(what, ours / max(theirs, 1e-9), limit.at_most)
