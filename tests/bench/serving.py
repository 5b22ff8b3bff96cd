"""Serving beside a bare FastAPI handler, MLServer and BentoML; and what asking together brings.

All servers of a model run at once and take turns, in another order in each round, so that whatever
else happens on the machine happens to all of them. See ``load`` for the client.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.cases import Setting
from bench.load import Body, load
from bench.measure import Cost, Failed
from bench.report import Results
from bench.served import BENTOML, MLSERVER, Sample, Server, made, running

_CONNECTIONS: Final = 32
_TOGETHER: Final = (1, 8, 32, 64)
_TITLES: Final = {"array": "scikit-learn, 4 numbers", "graph": "ONNX, 4 numbers"}
_BATCHED: Final = {
    "forest": "a forest of 100 trees",
    "layers": "an ONNX network of a million weights",
    "filters": "ONNX convolutions, which profit little",
}


def serve(setting: Setting, rounds: int, results: Results) -> None:
    """Everything that is measured of serving.

    Raises:
        Failed: a server does not answer, or not as the others do.
    """
    with setting.folder("serve") as folder:
        os.environ["LADING_HOME"] = str(folder / "home")
        os.environ["LADING_CACHE"] = str(folder / "cache")
        samples = made(folder)
        for name in _TITLES:
            _beside(samples[name], folder, setting.scale, rounds, results)
        for name in _BATCHED:
            _together(samples[name], folder, setting.scale, max(1, rounds // 2), results)


def _beside(sample: Sample, folder: Path, scale: float, rounds: int, results: Results) -> None:
    """One model, all servers: until it answers, one at a time, many at once."""
    name, seconds = sample.name, max(1, round(2 * scale))
    peers = [each for each, path in (("mlserver", MLSERVER), ("bentoml", BENTOML)) if path.exists()]
    if len(peers) < 2:
        _say("serve: fewer peers than there are; tests/bench/peers installs them")
    for table, title in (
        ("start", "until it answers, and its memory then"),
        ("1", "one connection, the median request"),
        ("1-p99", "one connection, the slowest hundredth"),
        (f"{_CONNECTIONS}", f"{_CONNECTIONS} connections, seconds for each request"),
    ):
        _titled(results, f"serve-{name}-{table}", f"serve {_TITLES[name]}: {title}")
    with contextlib.ExitStack() as stack:
        found = []
        for each in ("lading", "typed", "raw", *peers):
            _say(f"serve-{name}: {each}")
            server = stack.enter_context(running(each, sample, folder))
            cost = Cost(server.age, server.cpu, server.memory)
            results.record(f"serve-{name}-start", each, cost)
            found.append(server)
        _demand_alike(found, sample)
        for number in range(rounds + 1):
            _say(f"serve-{name}: round {number} of {rounds}")
            for server in random.Random(number).sample(found, len(found)):
                into = results if number else None
                _asked(server, server.name, sample.body, seconds, model=name, into=into)
                if server.name == "lading":
                    line = "lading, binary"
                    _asked(server, line, sample.binary, seconds, model=name, into=into)


def _asked(
    server: Server, line: str, body: Body, seconds: int, *, model: str, into: Results | None
) -> None:
    """One server's turn; the first is only for warming up, and goes nowhere."""
    for connections in (1, _CONNECTIONS):
        before = server.cpu
        found = load(server.port, body, connections, seconds)
        cpu = (server.cpu - before) / (found.rate * seconds)
        if into is None:
            continue
        memory = server.memory
        wall = found.median if connections == 1 else 1 / found.rate
        into.record(f"serve-{model}-{connections}", line, Cost(wall, cpu, memory))
        if connections == 1:
            into.record(f"serve-{model}-1-p99", line, Cost(found.slow, cpu, memory))


def _together(sample: Sample, folder: Path, scale: float, rounds: int, results: Results) -> None:
    """One model, with and without asking together, and as it is found out."""
    names = ("lading", "lading --batch", "lading --no-batch")
    told = (("rate", "seconds for each request"), ("p50", "the median"), ("p99", "the slowest 1%"))
    for connections in _TOGETHER:
        for word, title in told:
            what = f"batch {_BATCHED[sample.name]}: {connections} connections, {title}"
            _titled(results, f"batch-{sample.name}-{connections}-{word}", what)
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(running(each, sample, folder)) for each in names]
        for number in range(rounds + 1):
            _say(f"batch-{sample.name}: round {number} of {rounds}")
            for server in random.Random(number).sample(found, len(found)):
                for connections in _TOGETHER:
                    _batched(server, sample, connections, scale, results, warm=number > 0)


def _batched(
    server: Server, sample: Sample, connections: int, scale: float, results: Results, *, warm: bool
) -> None:
    seconds = max(1, round(2 * scale))
    before = server.cpu
    found = load(server.port, sample.body, connections, seconds)
    cpu = (server.cpu - before) / (found.rate * seconds)
    if warm:
        walls = {"rate": 1 / found.rate, "p50": found.median, "p99": found.slow}
        for word, wall in walls.items():
            table = f"batch-{sample.name}-{connections}-{word}"
            results.record(table, server.name, Cost(wall, cpu, server.memory))


def _demand_alike(servers: Sequence[Server], sample: Sample) -> None:
    """Hold every answer against the first's: a server that does less is no peer."""
    first = servers[0].answer(sample.body)
    for server in servers[1:]:
        other = server.answer(sample.body)
        if len(first) != len(other) or any(
            abs(a - b) > 1e-5 for a, b in zip(first, other, strict=True)
        ):
            raise Failed(f"{server.name} answers {other}, {servers[0].name} {first}")


def _titled(results: Results, table: str, title: str) -> None:
    results.titles[table] = title
    results.small.add(table)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
