"""The models that are served, and the servers: how each is started, and what it takes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.load import Body
from bench.measure import Failed
from parts.process import free_port

_HERE: Final = Path(__file__).resolve().parent
_PEERS: Final = _HERE.parents[1] / ".tests" / "peers"
MLSERVER: Final = _PEERS / "mlserver" / "bin" / "mlserver"
BENTOML: Final = _PEERS / "bentoml" / "bin" / "bentoml"
_READY_SECONDS: Final = 90
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """A model: pushed for Lading, a file for the others, and what everybody is asked."""

    name: str
    path: Path
    tensor: Mapping[str, Any]
    body: Body
    # The same with its tensors in binary.
    binary: Body


def made(folder: Path) -> dict[str, Sample]:
    """Two small models, which show the server; three that show what asking together brings."""
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chance = np.random.default_rng(0)
    rows = chance.normal(size=(3000, 32))
    classes = (rows[:, 0] + chance.normal(size=len(rows)) > 0).astype(int)
    small, few = rows[:200, :4], classes[:200]
    array = make_pipeline(StandardScaler(), LogisticRegression()).fit(small, few)
    forest = RandomForestClassifier(100, random_state=0).fit(rows, classes)
    return {
        "array": _fitted(folder, "array", array, small),
        "graph": _graph(folder, "graph", [chance.normal(size=(4, 3))]),
        "forest": _fitted(folder, "forest", forest, rows),
        "layers": _graph(
            folder,
            "layers",
            [chance.normal(size=size) / 30 for size in ((64, 1024), (1024, 1024), (1024, 10))],
        ),
        "filters": _filters(folder, chance),
    }


def _fitted(folder: Path, name: str, model: Any, rows: Any) -> Sample:
    import joblib

    import lading

    path = folder / f"{name}.joblib"
    joblib.dump(model, path)
    lading.save(model, f"bench/{name}:1.0.0", input_example=rows[:5])
    return _sample(path, "input-0", "FP64", rows[:1])


def _graph(folder: Path, name: str, weights: list[Any]) -> Sample:
    from onnx import helper

    nodes, before = [], "x"
    for at, _ in enumerate(weights):
        last = at == len(weights) - 1
        nodes.append(helper.make_node("MatMul", [before, f"w{at}"], [f"h{at}"]))
        after = "y" if last else f"r{at}"
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"h{at}"], [after]))
        before = after
    kept = {f"w{at}": w.astype("f4") for at, w in enumerate(weights)}
    return _saved(folder, name, nodes, kept, (weights[0].shape[0], weights[-1].shape[1]))


def _filters(folder: Path, chance: Any) -> Sample:
    """Convolutions, whose work is the same for each row however many there are."""
    import numpy as np
    from onnx import helper

    one = helper.make_node
    nodes = [
        one("Unsqueeze", ["x", "axes"], ["h0"]),
        one("Conv", ["h0", "w0"], ["h1"], pads=[4, 4]),
        one("Relu", ["h1"], ["h2"]),
        one("Conv", ["h2", "w1"], ["h3"], pads=[4, 4]),
        one("Relu", ["h3"], ["h4"]),
        one("GlobalAveragePool", ["h4"], ["h5"]),
        one("Flatten", ["h5"], ["y"]),
    ]
    kept = {
        "axes": np.array([1]),
        "w0": chance.normal(size=(96, 1, 9)).astype("f4"),
        "w1": (chance.normal(size=(96, 96, 9)) / 30).astype("f4"),
    }
    return _saved(folder, "filters", nodes, kept, (128, 96))


def _saved(
    folder: Path, name: str, nodes: list[Any], kept: Mapping[str, Any], sizes: tuple[int, int]
) -> Sample:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    import lading

    x, y = (
        helper.make_tensor_value_info(end, TensorProto.FLOAT, [None, size])
        for end, size in zip("xy", sizes, strict=True)
    )
    weights = [numpy_helper.from_array(value, end) for end, value in kept.items()]
    graph = helper.make_model(
        helper.make_graph(nodes, name, [x], [y], weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path = folder / f"{name}.onnx"
    onnx.save_model(graph, str(path))
    rows = np.random.default_rng(1).normal(size=(5, sizes[0])).astype("f4")
    lading.save(graph, f"bench/{name}:1.0.0", input_example={"x": rows})
    return _sample(path, "x", "FP32", rows[:1])


def _sample(path: Path, field: str, kind: str, rows: Any) -> Sample:
    folder, name = path.parent, path.stem
    tensor = {"name": field, "datatype": kind, "shape": list(rows.shape)}
    plain = {"inputs": [{**tensor, "data": rows.ravel().tolist()}]}
    raw = rows.astype("<f8" if kind == "FP64" else "<f4").tobytes()
    head = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    return Sample(
        name,
        path,
        tensor,
        Body.written(folder / f"{name}.json", json.dumps(plain).encode()),
        Body.written(folder / f"{name}.bin", head + raw, len(head)),
    )


class Server:
    """A server that runs, with all the processes that it started."""

    def __init__(self, name: str, command: list[Any], port: int, log: Path, **more: str) -> None:
        self.name = name
        self.port = port
        self._log = log.open("ab")
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | more,
            cwd=log.parent,
        )

    def answer(self, body: Body) -> list[float]:
        """The numbers that it answers to JSON, as soon as it does.

        Raises:
            Failed: it never does.
        """
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v2/models/m/infer",
            body.path.read_bytes(),
            {"Content-Type": "application/json"},
        )
        while time.perf_counter() - self._started < _READY_SECONDS:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    numbers: list[float] = json.load(answer)["outputs"][0]["data"]
                    return numbers
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
            if self._process.poll() is not None:
                break
        raise Failed(f"{self.name} does not answer: {Path(self._log.name).read_text()[-500:]}")

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self._started

    @property
    def cpu(self) -> float:
        """Seconds of processor that its processes took so far."""
        return sum(_cpu_of(each) for each in _family(self._process.pid))

    @property
    def memory(self) -> float:
        """Megabytes of its processes; what they share is counted once."""
        return sum(_memory_of(each) for each in _family(self._process.pid)) / 1e3

    def end(self) -> None:
        """In good order."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@contextlib.contextmanager
def running(name: str, sample: Sample, folder: Path) -> Iterator[Server]:
    """A server of that name, which answers."""
    port, log = free_port(), folder / f"{sample.name}-{name.replace(' ', '')}.log"
    command, environment = _command(name, sample, folder, port)
    server = Server(name, command, port, log, **environment)
    try:
        server.answer(sample.body)
        yield server
    finally:
        server.end()


def _command(
    name: str, sample: Sample, folder: Path, port: int
) -> tuple[list[Any], dict[str, str]]:
    kind = "graph" if sample.path.suffix == ".onnx" else "array"
    if name.startswith("lading"):
        options = name.split()[1:]
        served = f"bench/{sample.name}:1.0.0"
        line = [sys.executable, "-m", "lading", "serve", served, "--name", "m", *options]
        return [*line, "--port", port], {}
    if name in ("typed", "raw"):
        return [sys.executable, _HERE / "bare_handler.py", name, kind, sample.path, port], {}
    if name == "mlserver":
        own = _for_mlserver(folder / f"mlserver-{sample.name}", sample.path, port)
        return [MLSERVER, "start", own], {"PYTHONPATH": str(_HERE)}
    own = folder / f"bentoml-{sample.name}"
    own.mkdir(exist_ok=True)
    service = ["serve", "bento_service:Served", "--working-dir", _HERE]
    environment = {"BENCH_MODEL": str(sample.path), "BENTOML_HOME": str(own), "PYTHONPATH": ""}
    environment |= {"BENTOML_DO_NOT_TRACK": "True"}
    return [BENTOML, *service, "--host", "127.0.0.1", "--port", port], environment


def _for_mlserver(own: Path, path: Path, port: int) -> Path:
    (own / "m").mkdir(parents=True, exist_ok=True)
    kind = "mlserver_onnx.Onnx" if path.suffix == ".onnx" else "mlserver_sklearn.SKLearnModel"
    model = {"name": "m", "implementation": kind}
    model["parameters"] = {"uri": str(path), "version": "1"}  # type: ignore[assignment]  # JSON
    (own / "m" / "model-settings.json").write_text(json.dumps(model))
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    # With workers of its own it takes longer, since each request goes to another process.
    settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", **ports}
    (own / "settings.json").write_text(json.dumps(settings))
    return own


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory_of(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1.024
