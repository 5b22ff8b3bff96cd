"""Serving beside a bare FastAPI handler and MLServer: one request at a time, and many at once.

    PYTHONPATH=src:tests python -m bench.serving [--rounds 9] [--mlserver ENVIRONMENT/bin/mlserver]

The same scikit-learn and ONNX model, the same bytes, the same machine and hour; servers take turns
in every round. Latency is the median of one connection; throughput that of sixteen connections in
two processes. Ends with 1 where Lading takes more than 1.15 times what the typed handler takes, or
answers fewer requests than MLServer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parts.process import free_port

HERE: Final = Path(__file__).resolve().parent
MOST: Final = 1.15
_REQUESTS: Final = 300
_SECONDS: Final = 2.0
_PROCESSES, _CONNECTIONS = 2, 8
PATH: Final = "/v2/models/m/infer"
TENSORS: Final = {
    "array": {"name": "input-0", "datatype": "FP64"},
    "graph": {"name": "x", "datatype": "FP32"},
}


@dataclass(frozen=True, slots=True)
class Server:
    """Who answers, and where."""

    name: str
    port: int


def request(which: str) -> bytes:
    """One row of four numbers, as every server gets it."""
    tensor = {**TENSORS[which], "shape": [1, 4], "data": [1.0, 2.0, 3.0, 4.0]}
    body = json.dumps({"inputs": [tensor]}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def once(connection: socket.socket, raw: bytes) -> None:
    """One request and its answer."""
    connection.sendall(raw)
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(65536)
    head, _, rest = found.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"a server fails: {found[:500]!r}")
    lines = head.lower().split(b"\r\n")
    length = int(next(x for x in lines if x.startswith(b"content-length:")).split(b":")[1])
    while len(rest) < length:
        rest += connection.recv(65536)


def connected(port: int) -> socket.socket:
    """A connection that sends at once."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def latency(server: Server, raw: bytes) -> float:
    """The median of one connection, in seconds."""
    with connected(server.port) as connection:
        took = []
        for _ in range(_REQUESTS):
            started = time.perf_counter()
            once(connection, raw)
            took.append(time.perf_counter() - started)
    return statistics.median(took)


def throughput(server: Server, which: str) -> float:
    """Requests in a second, of all connections together."""
    command = [sys.executable, "-m", "bench.serving", "--client", f"{server.port}", which]
    clients = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(_PROCESSES)
    ]
    return sum(float(client.communicate()[0]) for client in clients)


def client(port: int, which: str) -> float:
    """Requests in a second, of one process's connections."""
    raw, counts = request(which), [0] * _CONNECTIONS
    until = time.monotonic() + _SECONDS

    def work(at: int) -> None:
        with connected(port) as connection:
            while time.monotonic() < until:
                once(connection, raw)
                counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / _SECONDS


def models(folder: Path) -> dict[str, Path]:
    """Both models: pushed for Lading, and as files for the others."""
    import joblib
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import lading

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        rows, (rows.sum(1) > 0).astype(int)
    )
    weights = numpy_helper.from_array(rng.normal(size=(4, 3)).astype("f4"), "w")
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size])
        for name, size in (("x", 4), ("y", 3))
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Softmax", ["h"], ["y"]),
    ]
    graph = helper.make_model(
        helper.make_graph(nodes, "softmax", [x], [y], [weights]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    lading.save(fitted, "bench/array:1.0.0", input_example=rows[:5])
    lading.save(graph, "bench/graph:1.0.0", input_example={"x": rows[:5].astype("f4")})
    joblib.dump(fitted, folder / "array.joblib")
    onnx.save_model(graph, str(folder / "graph.onnx"))
    return {"array": folder / "array.joblib", "graph": folder / "graph.onnx"}


@contextlib.contextmanager
def servers(which: str, path: Path, folder: Path, mlserver: Path | None) -> Iterator[list[Server]]:
    """All of them, ready."""
    found = [Server(name, free_port()) for name in ("lading", "typed", "raw")]
    bare = [sys.executable, HERE / "bare_handler.py"]
    lading = [sys.executable, "-m", "lading", "serve", f"bench/{which}:1.0.0", "--name", "m"]
    commands: list[list[Any]] = [
        [*lading, "--port", found[0].port],
        [*bare, "typed", which, path, found[1].port],
        [*bare, "raw", which, path, found[2].port],
    ]
    if mlserver is not None and which == "array":
        found.append(Server("mlserver", free_port()))
        commands.append([mlserver, "start", _for_mlserver(folder, path, found[-1].port)])
    log = (folder / f"{which}.log").open("ab")
    running = [
        subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        for command in commands
    ]
    try:
        for server in found:
            _wait(server, request(which))
        yield found
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
        log.close()


def _for_mlserver(folder: Path, path: Path, port: int) -> Path:
    own = folder / "mlserver"
    (own / "m").mkdir(parents=True, exist_ok=True)
    (own / "m" / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "m",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": str(path), "version": "1"},
            }
        )
    )
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", **ports}
    (own / "settings.json").write_text(json.dumps(settings))
    return own


def _wait(server: Server, raw: bytes) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with connected(server.port) as connection:
                connection.sendall(raw)
                if connection.recv(65536).startswith(b"HTTP/1.1 200 "):
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.name} does not answer")
        time.sleep(0.2)


def compare(which: str, found: list[Server], rounds: int) -> list[str]:
    """A line for each server; what passes a limit is returned."""
    raw = request(which)
    took: dict[str, list[float]] = {server.name: [] for server in found}
    many: dict[str, list[float]] = {server.name: [] for server in found}
    for server in found:
        latency(server, raw)
    for _ in range(rounds):
        for server in found:
            took[server.name].append(latency(server, raw))
    for _ in range(max(1, rounds // 3)):
        for server in found:
            many[server.name].append(throughput(server, which))
    median = {name: statistics.median(values) for name, values in took.items()}
    rate = {name: statistics.median(values) for name, values in many.items()}
    for name, value in median.items():
        beside = median["lading"] / value
        print(
            f"{which:6} {name:9} {value * 1e6:7.0f} us   {rate[name]:7.0f}/s"
            f"   lading takes {beside:.2f} of it, answers {rate['lading'] / rate[name]:.2f}",
            flush=True,
        )
    passed = []
    if median["lading"] > MOST * median["typed"]:
        passed.append(f"{which}: {median['lading'] / median['typed']:.2f} of the typed handler")
    if "mlserver" in rate and rate["lading"] < rate["mlserver"]:
        passed.append(f"{which}: fewer requests than MLServer")
    return passed


def main() -> int:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mlserver", type=Path)
    parser.add_argument("--client", nargs=2, metavar=("PORT", "MODEL"))
    asked = parser.parse_args()
    if asked.client:
        print(client(int(asked.client[0]), asked.client[1]))
        return 0
    passed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LADING_HOME"] = str(folder / "home")
        os.environ["LADING_CACHE"] = str(folder / "cache")
        for which, path in models(folder).items():
            with servers(which, path, folder, asked.mlserver) as found:
                passed += compare(which, found, asked.rounds)
    for line in passed:
        print(f"LIMIT PASSED: {line}")
    return 1 if passed else 0


if __name__ == "__main__":
    raise SystemExit(main())
