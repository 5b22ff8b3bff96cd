"""Several processes behind one port: what they answer together, and what outlives whom."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.http_client import ask
from parts.process import Daemon, answers, free_port
from serving.crew import SLOW
from tritonclient.grpc import service_pb2, service_pb2_grpc

from lading.errors import InvalidInput, LocalFailure
from lading.serving.counted import Family, Sample, added, lasting, read, servers, written
from lading.serving.model import Model
from lading.serving.plan import Plan
from lading.serving.workers.care import MOST_FAILURES, Care
from lading.serving.workers.member import Member
from lading.serving.workers.supervisor import run_several
from lading.serving.workers.totals import Totals

_SOURCE = Path(__file__).parents[2]


class Crew:
    """A server with workers, in processes of its own."""

    def __init__(self, folder: Path, workers: int, *words: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "serving.crew", str(folder), str(workers), *words]
        paths = f"{_SOURCE / 'src'}:{_SOURCE / 'tests'}"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
        self.daemon = Daemon(command, folder / "log", environment=environment)

    def said(self, word: str) -> str:
        """What it printed after a word."""
        found = [each for each in self.printed() if each.startswith(f"{word} ")]
        return found[0].partition(" ")[2] if found else ""

    def printed(self) -> list[str]:
        """Whole lines that it printed."""
        return self.daemon.log.read_text().splitlines()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it told of one kind."""
        told = [json.loads(each) for each in self.printed() if each.startswith("{")]
        return [each for each in told if each["event"] == name]

    @property
    def port(self) -> int:
        return int(self.said("ready"))

    def pids(self) -> dict[int, int]:
        """The process of each worker that was started last."""
        return {
            each["worker"]: each["pid"]
            for each in self.events("worker")
            if each["state"] == "started"
        }

    def metrics(self) -> dict[str, float]:
        """Every series by its name and labels."""
        text = ask(self.port, "GET", "/metrics").body.decode()
        lines = [each for each in text.splitlines() if not each.startswith("#")]
        return {each.rpartition(" ")[0]: float(each.rpartition(" ")[2]) for each in lines}

    def total(self, name: str, *parts: str) -> float:
        """The series of a name that have these parts, added up."""
        found = self.metrics().items()
        return sum(
            value
            for series, value in found
            if series.startswith(f"{name}{{") and all(part in series for part in parts)
        )

    def predictions(self) -> float:
        return self.total("lading_requests_total", 'endpoint="predict"', 'status="200"')


@contextmanager
def crew(folder: Path, workers: int, *words: str) -> Iterator[Crew]:
    running = Crew(folder, workers, *words)
    try:
        assert running.daemon.wait_for(lambda: bool(running.said("ready")), seconds=40), (
            running.daemon.printed()
        )
        yield running
    finally:
        running.daemon.stop()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait(condition: Any, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


class Load:
    """Clients that ask without end, each over a connection that it keeps, and what came of it."""

    def __init__(self, port: int, clients: int = 6) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        again = True
        while again and not self._over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                connection.connect()
                again = self._ask_over(connection)
            except OSError:
                self.outcomes["refused"] += 1
                return
            finally:
                connection.close()

    def _ask_over(self, connection: http.client.HTTPConnection) -> bool:
        """Requests over one connection; whether to come back over another."""
        while not self._over.is_set():
            try:
                connection.request("POST", "/predict", "[[1, 2]]")
                response = connection.getresponse()
                right = json.loads(response.read())["predictions"] == [3.0]
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[type(error).__name__] += 1
                return True
            self.outcomes["right" if response.status == 200 and right else "wrong"] += 1
            if response.will_close:
                return True
        return False


def test_every_worker_answers_and_metrics_speak_for_all(tmp_path: Path) -> None:
    with crew(tmp_path, 3) as running:
        with Load(running.port, clients=12) as load:
            time.sleep(1.5)

        asked = sum(load.outcomes.values())
        by_worker = Counter(each["worker"] for each in running.events("request"))
        counted = running.predictions()
        alive = running.total("lading_workers")
        live = ask(running.port, "GET", "/v2/health/ready").status

    assert load.outcomes == {"right": asked}
    assert set(by_worker) == {1, 2, 3}
    assert counted == asked
    assert (alive, live) == (3, 200)
    assert running.daemon._process.returncode == 0


def test_a_burst_of_connections_is_shared_evenly(tmp_path: Path) -> None:
    with crew(tmp_path, 4) as running, ExitStack() as stack:
        connections = [socket.socket() for _ in range(60)]
        for each in connections:
            stack.enter_context(each).setblocking(False)
            each.connect_ex(("127.0.0.1", running.port))
        time.sleep(0.5)
        for each in connections:
            each.setblocking(True)
            each.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(4096).startswith(b"HTTP/1.1 200")
        wait(lambda: len(running.events("request")) == 60)
        by_worker = Counter(each["worker"] for each in running.events("request"))

    assert min(by_worker[number] for number in (1, 2, 3, 4)) >= 8, by_worker


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    with crew(tmp_path, 2) as running:
        with Load(running.port) as load:
            time.sleep(0.5)
            first = running.pids()[2]
            os.kill(first, signal.SIGKILL)
            wait(lambda: len(running.events("ready")) == 3)
            time.sleep(0.5)

        right = load.outcomes["right"]
        counted = running.predictions()
        wait(lambda: running.total("lading_workers") == 2)
        restarts = running.total("lading_worker_restarts_total", "digest")
        again = running.predictions()

    # Whoever was asking the dead one lost its connection, and nobody else did.
    lost = sum(load.outcomes.values()) - right
    assert load.outcomes["wrong"] == load.outcomes["refused"] == 0
    assert lost <= 6
    # What the dead one counted in its last second is not known.
    assert right * 0.5 < counted <= right + lost
    assert again >= counted
    assert restarts == 1
    died = next(each for each in running.events("worker") if each["state"] == "died")
    assert (died["pid"], died["error"]) == (
        first,
        "worker 2 does not live: it ended by signal 9",
    )


def test_counts_never_fall_when_workers_die(tmp_path: Path) -> None:
    with crew(tmp_path, 2) as running:
        for _ in range(20):
            assert ask(running.port, "POST", "/predict", [[1, 2]]).status == 200
        before = running.predictions()

        for number, pid in running.pids().items():
            os.kill(pid, signal.SIGKILL)
            wait(lambda number=number, pid=pid: running.pids()[number] != pid)
            wait(lambda: running.total("lading_workers") == 2)

        assert before == 20
        assert running.predictions() == 20


def test_no_worker_outlives_a_parent_that_is_killed_under_load(tmp_path: Path) -> None:
    with crew(tmp_path, 3) as running:
        port, pids = running.port, running.pids().values()
        with Load(port) as load:
            time.sleep(0.5)
            running.daemon.kill()
            wait(lambda: not any(map(lives, pids)))

        assert load.outcomes["right"] > 0
        assert load.outcomes["wrong"] == 0
        assert not answers(port)


def test_even_a_worker_that_is_busy_ends_without_its_parent(tmp_path: Path) -> None:
    with crew(tmp_path, 2) as running:
        pids = running.pids().values()
        body = [[SLOW, 600.0]]
        asking = threading.Thread(target=lambda: _quietly(running.port, body), daemon=True)
        asking.start()
        time.sleep(0.3)

        running.daemon.kill()

        wait(lambda: not any(map(lives, pids)), seconds=20)


def _quietly(port: int, body: Any) -> None:
    try:
        ask(port, "POST", "/predict", body)
    except OSError:
        return


def test_no_request_is_lost_when_all_end(tmp_path: Path) -> None:
    with crew(tmp_path, 3) as running, Load(running.port, clients=12) as load:
        answered: list[int] = []
        slow = threading.Thread(
            target=lambda: answered.append(
                ask(running.port, "POST", "/predict", [[SLOW, 1.5]]).status
            )
        )
        time.sleep(0.7)
        slow.start()
        time.sleep(0.3)

        running.daemon.stop()
        slow.join()

    assert running.daemon._process.returncode == 0
    assert answered == [200]
    assert set(load.outcomes) == {"right", "refused"}
    assert load.outcomes["refused"] == 12
    assert len(running.events("ended")) == 3


def test_a_moved_stage_reaches_every_worker_and_loses_nothing(tmp_path: Path) -> None:
    with crew(tmp_path, 3) as running:
        with Load(running.port, clients=12) as load:
            time.sleep(0.4)
            (tmp_path / "stage").write_text("b")
            wait(lambda: len(running.events("swapped")) == 3)
            time.sleep(0.3)
        served = {ask(running.port, "GET", "/v2").headers["x-model-digest"] for _ in range(30)}
        old = running.total("lading_ready", "aaaa")
        new = running.total("lading_workers", "bbbb")

    assert set(load.outcomes) == {"right"}
    assert served == {f"sha256:{'b' * 64}"}
    assert (old, new) == (0, 3)


def test_a_model_that_does_not_load_ends_all_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()

    running = Crew(tmp_path, 3)
    ended = not running.daemon.wait_for(lambda: bool(running.said("ready")), seconds=20)

    assert ended
    assert running.said("error") == "LocalFailure: the model is broken: on purpose (mend it)"
    assert running.daemon._process.returncode == LocalFailure.exit_code
    assert list(running.pids()) == [1]


class Told:
    """Hears what a worker is told."""

    def __init__(self) -> None:
        self.families: list[Family] = []

    def say(self, told: dict[str, Any]) -> None:
        self.families = read(told["families"])


@pytest.mark.parametrize("loaded", [False, True])
def test_no_series_is_told_before_there_is_a_model_to_name(*, loaded: bool) -> None:
    told, totals = Told(), Totals()
    worker = Member(1, 0, told)  # type: ignore[arg-type]  # a channel, as far as it is used
    model = Model(name="tiny", version="1", digest="d", reference="r", predict=sum)

    totals.ask(worker, 1, [])
    totals.answer([], model if loaded else None)

    samples = [each for family in told.families for each in family.samples]
    assert len(samples) == loaded
    assert all({"digest", "model", "version"} <= dict(each.labels).keys() for each in samples)


def test_workers_that_never_start_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "killed").touch()

    running = Crew(tmp_path, 2)
    ended = not running.daemon.wait_for(lambda: bool(running.said("ready")), seconds=40)

    assert ended
    assert "worker 1 does not live: it ended by signal 9" in running.said("error")
    started = [each for each in running.events("worker") if each["state"] == "started"]
    assert len(started) == MOST_FAILURES


def test_a_worker_that_cannot_be_replaced_leaves_the_others_at_work(tmp_path: Path) -> None:
    with crew(tmp_path, 2) as running:
        (tmp_path / "broken").touch()
        os.kill(running.pids()[2], signal.SIGKILL)
        wait(lambda: len([e for e in running.events("worker") if e["state"] == "died"]) >= 3)

        assert {ask(running.port, "POST", "/predict", [[1, 2]]).status for _ in range(10)} == {200}

        (tmp_path / "broken").unlink()
        wait(lambda: running.total("lading_workers") == 2)


def test_grpc_is_answered_by_workers_and_by_none_twice(tmp_path: Path) -> None:
    with crew(tmp_path, 2, "grpc") as running:
        port = int(running.said("grpc"))
        for _ in range(12):
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                asked = service_pb2.ModelInferRequest(model_name="tiny")
                asked.inputs.add(name="input-0", datatype="FP64", shape=[1, 2])
                asked.inputs[0].contents.fp64_contents.extend([1.0, 2.0])
                stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
                answer = stub.ModelInfer(asked, timeout=10)
                assert list(answer.outputs[0].contents.fp64_contents) == [3.0]
        by_worker = Counter(each["worker"] for each in running.events("request"))
        counted = running.total("lading_requests_total", 'endpoint="infer"')

    assert sum(by_worker.values()) == counted == 12


def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    with crew(tmp_path, 2) as running:
        pids = running.pids().values()
        threading.Thread(target=lambda: _quietly(running.port, [[SLOW, 60.0]]), daemon=True).start()
        time.sleep(0.3)
        os.kill(running.daemon.pid, signal.SIGTERM)
        time.sleep(0.5)
        started = time.monotonic()
        os.kill(running.daemon.pid, signal.SIGTERM)

        wait(lambda: running.daemon.ended)

        assert time.monotonic() - started < 2
        assert not any(map(lives, pids))


def test_workers_are_refused_where_a_fork_would_not_hold() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()

    with pytest.raises(InvalidInput, match="cannot be started from here"):
        run_several(Plan(load=lambda: pytest.fail("loaded"), port=0), 2, lambda digest: pytest.fail)

    over.set()
    thread.join()


def figures(requests: float, ready: float = 1.0, *window: float) -> list[Family]:
    labels = (("digest", "sha256:a"), ("model", "m"), ("version", "1"))
    counted = Sample("lading_requests_total", labels, requests)
    median = Sample("lading_shadow_difference", (*labels, ("quantile", "0.5")), 9.0)
    return [
        Family("lading_requests", "counter", "", (counted,)),
        Family("lading_ready", "gauge", "", (Sample("lading_ready", labels, ready),)),
        Family("lading_shadow_difference", "summary", "", (median,), tuple(window)),
    ]


def value(families: list[Family], name: str) -> float:
    return next(each.value for f in families for each in f.samples if each.name == name)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_counts_are_added_and_whether_it_is_ready_is_not(counts: list[int]) -> None:
    parts = [read(json.loads(json.dumps(written(figures(each))))) for each in counts]

    together = added(parts)

    assert value(together, "lading_requests_total") == sum(counts)
    assert value(together, "lading_ready") == 1.0
    assert value([servers(parts)], "lading_workers") == len(counts)


def test_a_process_that_ended_leaves_its_counts_only() -> None:
    left = lasting(figures(5, 1.0, 0.5))

    assert [each.name for each in left] == ["lading_requests", "lading_shadow_difference"]
    assert not left[1].samples
    assert value(added([left, figures(2)]), "lading_requests_total") == 7


def test_quantiles_are_those_of_all_last_values() -> None:
    together = added([figures(1, 1.0, 1.0, 2.0), figures(1, 1.0, 3.0)])

    assert value(together, "lading_shadow_difference") == 2.0


def test_pauses_grow_and_who_had_settled_begins_anew() -> None:
    care = Care()
    pauses = []
    for _ in range(9):
        care = care.after(None)
        pauses.append(care.pause)

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 30.0
    assert care.is_hopeless(0)
    assert not care.is_hopeless(1)
    assert care.after(60.0).pause == 0.0
    assert care.after(1.0).failures == 10


ALONE = """
import sys
from serving.crew import MATRIX, answer
from lading.serving.model import Model
from lading.serving.plan import Plan
from lading.serving.workers.supervisor import run_several
def load():
    return Model(name="tiny", version="1.0.0", digest="unknown", reference="tiny",
                 predict=answer, signature=MATRIX)
run_several(Plan(load=load, port=int(sys.argv[1])), 2, lambda digest: load)
"""


def test_workers_start_where_nobody_listens_to_what_is_printed(tmp_path: Path) -> None:
    port = free_port()
    command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-c", ALONE, str(port)]
    paths = f"{_SOURCE / 'src'}:{_SOURCE / 'tests'}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
    daemon = Daemon(command, tmp_path / "log", environment=environment)

    try:
        found = daemon.wait_for(lambda: answers(port))
    finally:
        daemon.stop()

    assert found
