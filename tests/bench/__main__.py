"""The benchmark: rounds over the cases, figures at the end; exit code 1 past a limit."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import parts
from bench import cases, report
from bench.cases import Case, Setting, Tool
from bench.measure import Failed, run
from bench.report import Results
from bench.search import search, search_cold
from bench.serving import serve
from bench.tools import Scripts

CASES = cases.CASES | {"search": search}
MORE = cases.MORE | {"search-cold": search_cold}
# What is no command from its start to its end, and takes its own turns.
MEASURED = {"serve": serve}
_PROGRAMS = ("curl", "docker-registry", "openssl", "skopeo")
# Two models of 2 GB, a registry with one of them twice, and what is pulled: with some room.
_DISK = 12e9


def main() -> int:
    options = _options()
    if missing := [program for program in _PROGRAMS if parts.find(program) is None]:
        _say(f"error: missing: {', '.join(missing)}\n  hint:  tests/run installs them")
        return 2
    results = Results(report.machine(), options.size_scale)
    if os.getloadavg()[0] > 0.5:
        _say("this machine is busy: the figures will mean little")
    with _work_folder(options.workdir, keep=options.keep) as work:
        if (free := shutil.disk_usage(work).free) < (need := _DISK * options.size_scale):
            _say(f"error: {work} has {free / 1e9:.0f} GB left, {need / 1e9:.0f} are needed")
            return 2
        setting = Setting(work, options.size_scale, Scripts.made_in(work / "scripts"))
        for name in _chosen(options):
            _measure(name, setting, options.rounds, results)
    print(report.text(results), end="")
    if options.json:
        options.json.write_text(report.as_json(results))
    return 0 if results.good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", description="Lading beside curl, openssl, oras-py and skopeo."
    )
    add = parser.add_argument
    add(
        "--case",
        action="append",
        choices=[*CASES, *MORE, *MEASURED],
        help="only this one; repeatable",
    )
    add("--rounds", type=int, default=5, help="after one to warm up (default 5; start: 21)")
    add("--size-scale", type=float, default=1.0, help="0.05 to try it out (default 1)")
    add("--all", action="store_true", help="the sparse file and serving as well")
    add("--json", type=Path, metavar="FILE", help="write every run there")
    add("--workdir", type=Path, help="where the data is made, or found (default: temporary)")
    add("--keep", action="store_true", help="keep the data for the next time")
    add("--python", metavar="PATH", help="another interpreter than that of .tests/venv")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[str]:
    return options.case or [*CASES, *([*MORE, *MEASURED] if options.all else [])]


@contextlib.contextmanager
def _work_folder(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    work = (chosen or Path(tempfile.mkdtemp(prefix="lading-bench-"))).resolve()
    made = chosen is None or not work.exists()
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    finally:
        # A folder that was there before is not ours to delete.
        if keep or not made:
            _say(f"the data stays in {work}")
        else:
            shutil.rmtree(work)


def _measure(name: str, setting: Setting, rounds: int, results: Results) -> None:
    """One case, whose failure is recorded and keeps no other case from running."""
    _say(f"{name}: data")
    try:
        if name in MEASURED:
            MEASURED[name](setting, rounds, results)
            return
        with {**CASES, **MORE}[name](setting) as case:
            results.titles.update(case.titles)
            _rounds(name, case, setting.work, rounds, results)
    except Failed as failure:
        _fail(results, name, failure)


def _rounds(name: str, case: Case, work: Path, rounds: int, results: Results) -> None:
    tools = list(case.tools)
    rounds = rounds if case.rounds is None else case.rounds
    for number in range(rounds + 1):
        for tool in _shuffled(tools, number):
            _say(f"{name}: round {number} of {rounds}: {tool.name}")
            try:
                if number == 0:
                    tool.prepare()
                # What only looks at memory has no rounds: its warm-up counts.
                _once(case, tool, work, results, warm=number > 0 or rounds == 0, first=number == 0)
            except Failed as failure:
                tools.remove(tool)
                _fail(results, f"{name}: {tool.name}", failure)


def _shuffled(tools: list[Tool], number: int) -> list[Tool]:
    """Another order in every round: what one leaves to the kernel falls to the next.

    The first two are as in the tables, and every benchmark has the same.
    """
    return random.Random(number).sample(tools, len(tools)) if number > 1 else list(tools)


def _once(case: Case, tool: Tool, work: Path, results: Results, *, warm: bool, first: bool) -> None:
    with case.place(work / "place", tool) as place:
        # What the one before left to be written or freed is not this one's to wait for.
        os.sync()
        for step in tool.steps:
            cost, printed = run(step.command(place))
            step.prove(place, printed, first)
            if warm:
                results.record(step.table, tool.name, cost)


def _fail(results: Results, what: str, failure: Failed) -> None:
    _say(f"{what} failed: {failure}")
    results.failures.append(f"{what}: {failure}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
