"""The figures as a page of text and as JSON; and the machine that they were taken on."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.limits import Costs, Verdict, judge
from bench.measure import Cost

_VERSIONS = {
    "curl": ("curl", "--version"),
    "openssl": ("openssl", "version"),
    "skopeo": ("skopeo", "--version"),
    "docker-registry": ("docker-registry", "--version"),
}


@dataclass(slots=True)
class Results:
    """Every run, by table and tool in the order in which they were measured."""

    machine: Mapping[str, str]
    scale: float
    titles: dict[str, str] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[Cost]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    # Tables whose figures are told in thousandths.
    small: set[str] = field(default_factory=set)

    def record(self, table: str, tool: str, cost: Cost) -> None:
        self.runs.setdefault((table, tool), []).append(cost)

    @property
    def costs(self) -> Costs:
        """What each tool typically cost."""
        return {key: Cost.typical(runs) for key, runs in self.runs.items()}

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(judge(self.costs))

    @property
    def good(self) -> bool:
        """Whether everything ran and every limit holds."""
        return not self.failures and all(verdict.holds for verdict in self.verdicts)


def machine() -> dict[str, str]:
    """What the figures depend on, as far as it can be read."""
    versions = {name: _version(command) for name, command in _VERSIONS.items()}
    for package in ("oras", "typer"):
        versions[package] = importlib.metadata.version(package)
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
        **versions,
    }


def text(results: Results) -> str:
    """Tables of medians, then the limits, then what failed."""
    parts = [", ".join(f"{name} {value}" for name, value in results.machine.items())]
    if results.scale != 1:
        parts.append(f"Sizes are {results.scale:g} of what the limits are meant for.")
    parts += ["\n".join(_table(results, name)) for name in results.titles]
    parts.append("\n".join(_limits(results.verdicts)))
    if results.failures:
        parts.append("\n".join(["failed", *(f"  {failure}" for failure in results.failures)]))
    parts.append("every limit holds" if results.good else "NOT GOOD ENOUGH: see above")
    return "\n\n".join(parts) + "\n"


def as_json(results: Results) -> str:
    """Everything, every single run included."""
    tables = [
        {"name": name, "title": title, "tools": list(_tools(results, name))}
        for name, title in results.titles.items()
    ]
    document: dict[str, Any] = {
        "machine": dict(results.machine),
        "scale": results.scale,
        "tables": tables,
        "limits": [dataclasses.asdict(item) | {"holds": item.holds} for item in results.verdicts],
        "failures": results.failures,
        "good": results.good,
    }
    return json.dumps(document, indent=1) + "\n"


def _tools(results: Results, table: str) -> Iterator[dict[str, Any]]:
    for (name, tool), cost in results.costs.items():
        if name == table:
            runs = [dataclasses.asdict(run) for run in results.runs[name, tool]]
            yield {"name": tool, **dataclasses.asdict(cost), "runs": runs}


def _table(results: Results, table: str) -> Iterator[str]:
    yield results.titles[table]
    unit, times = ("ms", 1e3) if table in results.small else ("s", 1)
    yield f"  {'':18}{f'wall {unit}':>9}{'min':>9}{'max':>9}{f'CPU {unit}':>9}{'peak MB':>9}"
    for (name, tool), cost in results.costs.items():
        if name == table:
            walls = [run.wall for run in results.runs[name, tool]]
            figures = (cost.wall, min(walls), max(walls), cost.cpu)
            columns = "".join(f"{figure * times:9.3f}" for figure in figures)
            yield f"  {tool:18}{columns}{cost.memory:9.1f}"


def _limits(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "limits"
    for verdict in verdicts:
        word = "ok" if verdict.holds else "OVER"
        found = f"{verdict.found:8.3f}{verdict.unit:3} (at most {verdict.at_most:g})"
        yield f"  {word:5} {verdict.what:48}{found}"


def _version(command: tuple[str, ...]) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "missing"
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return found[0] if found else "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
