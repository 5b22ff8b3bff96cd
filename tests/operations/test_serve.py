"""Serving for real: another process, versions of a registry, a stage that moves under load."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import jsonschema
import numpy as np
import onnx
import pandas as pd
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton
from onnx import TensorProto, helper
from parts.command import Command
from parts.http_client import Client, ask
from parts.process import Daemon
from parts.registry import DockerRegistry
from sklearn.linear_model import LogisticRegression

from lading.errors import InvalidInput, LadingError, NotFound, PolicyRefused
from lading.operations.answering.folder import as_path, open_folder
from lading.operations.answering.models import Consent, model_of
from lading.operations.inspect import inspect
from lading.operations.open import open as open_version
from lading.operations.promote import promote
from lading.operations.publishing.captured import NOTHING
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.save import save
from lading.operations.serve import serve
from lading.settings import Settings

ROWS = pd.DataFrame(
    {"amount": [1.0, 20.0, 3.0, 40.0] * 10, "age": [20, 30, 40, 50] * 10, "city": [1, 2, 3, 4] * 10}
)
FRAUD = pd.Series([0, 1, 0, 1] * 10)


def fraud(*, flipped: bool = False) -> Any:
    return LogisticRegression().fit(ROWS, 1 - FRAUD if flipped else FRAUD)


def graph() -> Any:
    """Doubles an array, and adds two others."""
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")
    )
    doubled = helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [None, 2])
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, [None, 2])
    nodes = [
        helper.make_node("Add", ["x", "x"], ["doubled"]),
        helper.make_node("Add", ["x", "y"], ["total"]),
    ]
    return helper.make_model(
        helper.make_graph(nodes, "sums", [x, y], [doubled, total]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


class Served:
    """``lading serve`` in a process of its own."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon = daemon
        self._folder = folder
        self.port = 0
        self.result: dict[str, Any] = {}

    def lines(self) -> list[dict[str, Any]]:
        """What it said: one JSON object a line, the answer among them."""
        found = []
        for line in self.daemon.log.read_text().splitlines():
            found.append(json.loads(line))
        return found

    def is_ready(self) -> bool:
        """Whether it printed where it is."""
        told = [line for line in self.lines() if "url" in line]
        if told:
            self.result = told[0]
            self.port = int(self.result["url"].rpartition(":")[2])
        return bool(told)


@contextmanager
def served(lading: Command, *arguments: str | Path, **environment: str) -> Iterator[Served]:
    command = lading.line("serve", *arguments, "--port", "0", "--json")
    log = lading.folder / f"serve-{time.monotonic_ns()}.log"
    daemon = Daemon(command, log, environment=lading.environment | environment)
    running = Served(daemon, lading.folder)
    try:
        assert daemon.wait_for(running.is_ready, seconds=60), daemon.printed()
        yield running
    finally:
        daemon.stop()


@pytest.fixture
def lading(tmp_path: Path, settings: Settings) -> Command:
    (tmp_path / "home").mkdir(exist_ok=True)
    return Command(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of the process, too."""
    return Settings(home=tmp_path / "data", cache=tmp_path / "cache", retries=1)


def test_a_version_of_a_registry_is_served_and_answers_as_the_notebook_did(
    lading: Command, registry: DockerRegistry, repository: str, settings: Settings
) -> None:
    name = f"{registry.host}/{repository}"
    model = fraud()
    digest = save(model, f"{name}:1.0.0", input_example=ROWS.head(), settings=settings).digest

    with served(lading, f"{name}:1.0.0") as server:
        rows = json.loads(ROWS.to_json(orient="records"))
        told = ask(server.port, "POST", "/predict", rows)
        split = ask(server.port, "POST", "/predict", json.loads(ROWS.to_json(orient="split")))
        wrong = ask(server.port, "POST", "/predict", [{**rows[0], "amout": 1}])
        server.daemon.stop()

    assert told.headers["x-model-digest"] == digest
    assert told.json["predictions"] == model.predict(ROWS).tolist()
    # pandas writes an index beside columns and data, which nobody asked for.
    assert split.status == 400
    assert "amout" in wrong.error
    assert server.result["digest"] == digest
    schema = Path(__file__).parents[2] / "schemas" / "serve.schema.json"
    jsonschema.validate(server.result, json.loads(schema.read_text()))
    assert server.daemon._process.returncode == 0


def test_a_public_client_of_the_protocol_is_answered(lading: Command, settings: Settings) -> None:
    example = {"x": np.ones((2, 2), "f4"), "y": np.zeros((2, 2), "f4")}
    save(graph(), "ml/sums:1.0.0", input_example=example, settings=settings)

    with served(lading, "ml/sums:1.0.0") as server:
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("sums")
        assert client.is_model_ready("sums", "1.0.0")
        assert client.get_server_metadata()["name"] == "lading"
        described = client.get_model_metadata("sums")
        x = np.array([[1, 2], [3, 4], [5, 6]], "f4")
        for binary_in in (True, False):
            for binary_out in (True, False):
                inputs = [triton.InferInput(name, x.shape, "FP32") for name in ("x", "y")]
                for each in inputs:
                    each.set_data_from_numpy(x, binary_data=binary_in)
                wanted = [
                    triton.InferRequestedOutput(name, binary_data=binary_out)
                    for name in ("total", "doubled")
                ]
                found = client.infer("sums", inputs, request_id="7", outputs=wanted)
                whole = client.infer("sums", inputs)

                assert found.as_numpy("doubled").tolist() == (2 * x).tolist()
                assert found.as_numpy("total").dtype == np.float32
                assert found.get_response()["id"] == "7"
                assert whole.as_numpy("total").tolist() == (2 * x).tolist()
        with pytest.raises(triton.InferenceServerException, match="x: expected FP32, got INT64"):
            wrong = triton.InferInput("x", x.shape, "INT64")
            wrong.set_data_from_numpy(x.astype("i8"))
            client.infer("sums", [wrong, inputs[1]])
        with pytest.raises(triton.InferenceServerException, match="there is no model 'other'"):
            client.infer("other", inputs)
        client.close()

    assert [each["name"] for each in described["inputs"]] == ["x", "y"]
    assert described["inputs"][0]["shape"] == [-1, 2]


def test_a_public_client_sends_text_to_a_model_of_columns(
    lading: Command, settings: Settings
) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.DataFrame({"city": ["Bonn", "Köln"] * 10, "age": [30, 50] * 10})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
        LogisticRegression(),
    ).fit(rows, ["no", "yes"] * 10)
    save(model, "ml/cities:1.0.0", input_example=rows.head(), settings=settings)

    with served(lading, "ml/cities:1.0.0") as server:
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        city = triton.InferInput("city", [2, 1], "BYTES")
        city.set_data_from_numpy(np.array([["Köln"], ["Bonn"]], dtype=object))
        age = triton.InferInput("age", [2, 1], "INT64")
        age.set_data_from_numpy(np.array([[50], [30]]), binary_data=False)
        found = client.infer("cities", [city, age])
        client.close()

    assert found.as_numpy("output-0").tolist() == [b"yes", b"no"]


def test_a_stage_moves_under_load_and_no_request_is_lost(
    lading: Command, registry: DockerRegistry, repository: str, settings: Settings
) -> None:
    name = f"{registry.host}/{repository}"
    models = {
        save(fraud(), f"{name}:1.0.0", input_example=ROWS.head(), settings=settings).digest: 1,
        save(
            fraud(flipped=True), f"{name}:2.0.0", input_example=ROWS.head(), settings=settings
        ).digest: 0,
    }
    promote(f"{name}:1.0.0", "prod", settings=settings)
    first = inspect(f"{name}:prod", settings=settings).digest
    stop = threading.Event()
    lost: list[Any] = []
    seen: list[str] = []
    row = [{"amount": 40.0, "age": 50, "city": 4}]

    def many() -> None:
        with Client(server.port) as client:
            while not stop.is_set():
                told = client.ask("POST", "/predict", row)
                digest = told.headers["x-model-digest"]
                seen.append(digest)
                if told.status != 200 or told.json["predictions"] != [models[digest]]:
                    lost.append(told)

    with served(lading, name, "--reload-stage", "prod", "--reload-interval", "1s") as server:
        threads = [threading.Thread(target=many) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in ("2.0.0", "1.0.0"):
            promote(f"{name}:{version}", "prod", settings=settings)
            wanted = inspect(f"{name}:{version}", settings=settings).digest
            deadline = time.monotonic() + 60
            while seen[-1:] != [wanted]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join(20)

    assert lost == []
    assert set(seen) == set(models)
    assert server.result["digest"] == first


def test_a_stage_that_names_what_cannot_be_loaded_leaves_the_old_one(
    lading: Command, tmp_path: Path, settings: Settings
) -> None:
    save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(), settings=settings)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "notes.txt").write_text("no model")
    push(tmp_path / "broken", "ml/fraud:2.0.0", capture=NOTHING, settings=settings)
    promote("ml/fraud:1.0.0", "prod", settings=settings)

    with served(lading, "ml/fraud", "--reload-stage", "prod", "--reload-interval", "1s") as server:
        promote("ml/fraud:2.0.0", "prod", settings=settings)
        deadline = time.monotonic() + 30
        while not any(line.get("event") == "kept" for line in server.lines()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        still = ask(server.port, "GET", "/v2/health/ready")

    (kept,) = [line for line in server.lines() if line.get("event") == "kept"]
    assert still.status == 200
    assert still.headers["x-model-digest"] == server.result["digest"]
    assert kept["refused"] == inspect("ml/fraud:2.0.0", settings=settings).digest
    assert "not known what loads this model" in kept["error"]


def test_a_folder_with_its_document_is_served_as_an_image_would_be(
    lading: Command, tmp_path: Path, settings: Settings
) -> None:
    pushed = save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(), settings=settings)
    folder = tmp_path / "image" / "models"
    pull("ml/fraud:1.0.0", folder, settings=settings)
    with open_version("ml/fraud:1.0.0", settings=settings) as opened:
        (folder / "lading.json").write_text(json.dumps(opened.document.as_json()))

    environment = {
        "LADING_MODEL_DIGEST": pushed.digest,
        "LADING_MODEL_REFERENCE": "ghcr.io/acme/fraud:1.0.0",
        "LADING_HOME": str(tmp_path / "nothing"),
    }
    with served(lading, folder.parent, **environment) as server:
        told = ask(server.port, "POST", "/predict", json.loads(ROWS.to_json(orient="records")))

    assert told.json["predictions"] == fraud().predict(ROWS).tolist()
    assert told.headers["x-model-digest"] == pushed.digest
    assert server.result["reference"] == "ghcr.io/acme/fraud:1.0.0"
    assert server.result["version"] == "1.0.0"


def test_a_folder_that_comes_later_is_waited_for_and_may_be_a_link(
    lading: Command, tmp_path: Path, settings: Settings
) -> None:
    pushed = save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(2), settings=settings)
    pull(f"ml/fraud@{pushed.digest}", tmp_path / "real", document=True, settings=settings)
    late = tmp_path / "mnt" / "models"
    late.parent.mkdir()
    comes = threading.Timer(2, lambda: late.symlink_to(tmp_path / "real"))
    comes.start()

    with served(lading, str(late), "--wait", "1m", "--name", "late") as server:
        comes.join()

        assert server.result["name"] == "late"
        assert ask(server.port, "GET", "/v2/health/ready").status == 200


def test_a_folder_that_never_comes_is_said_when_it_is_overdue(
    lading: Command, tmp_path: Path
) -> None:
    began = time.monotonic()

    done = lading("serve", str(tmp_path / "never"), "--wait", "1s", "--port", "0")

    assert done.returncode == 3
    assert "there is no folder" in done.stderr
    assert time.monotonic() - began >= 1


def test_a_plain_folder_is_served_by_what_its_headers_say(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    onnx.save_model(graph(), str(folder / "sums.onnx"))

    model = model_of(str(folder), Consent(), settings)

    x = np.ones((1, 2), "f4")
    assert model.name == "plain"
    assert model.digest == "unknown"
    assert model.signature is not None
    assert model.predict({"x": x, "y": x})["doubled"].tolist() == [[2.0, 2.0]]


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("hello")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "lading.json").write_text("{")

    with pytest.raises(InvalidInput, match="is empty"):
        open_folder(tmp_path / "empty")
    with pytest.raises(InvalidInput, match="not known what loads"):
        model_of(str(tmp_path / "text"), Consent(), settings)
    with pytest.raises(InvalidInput, match="the document"):
        open_folder(tmp_path / "damaged")
    with pytest.raises(NotFound, match="there is no folder"):
        open_folder(tmp_path / "missing")


@pytest.mark.parametrize("text", ["/models", "./model", "../model", "~/model", ".", ".."])
def test_a_path_is_told_from_a_name(text: str) -> None:
    assert as_path(text) is not None
    assert as_path("ml/fraud:1.0.0") is None


def test_a_folder_that_was_written_like_a_name_is_told_of(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context" / "model").mkdir(parents=True)

    with pytest.raises(NotFound) as caught:
        model_of("context/model", Consent(), settings)

    assert caught.value.hint == "the folder of that name is ./context/model"


def in_a_thread(reference: str, **named: Any) -> tuple[list[str], list[LadingError]]:
    """What came of serving: where it was ready, and what ended it."""
    until = threading.Event()
    ready: list[str] = []
    raised: list[LadingError] = []

    def on_ready(result: Any) -> None:
        ready.append(result.url)
        until.set()

    def work() -> None:
        try:
            serve(reference, port=0, until=until, on_ready=on_ready, **named)
        except LadingError as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return ready, raised


def test_a_pickle_is_served_with_consent_only(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    joblib.dump(fraud(), folder / "model.joblib")
    push(folder, "ml/pickled:1.0.0", settings=settings)

    for place in ("ml/pickled:1.0.0", str(folder)):
        ready, raised = in_a_thread(place, adapter="sklearn", settings=settings)
        assert ready == []
        assert [type(each) for each in raised] == [PolicyRefused]

        ready, raised = in_a_thread(place, adapter="sklearn", allow_pickle=True, settings=settings)
        assert len(ready) == 1
        assert raised == []


def test_a_stage_and_a_version_at_once_are_refused(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="names a version"):
        serve("ml/fraud:1.0.0", reload_stage="prod", settings=settings)
    with pytest.raises(InvalidInput, match="a folder has no stages"):
        serve("./model", reload_stage="prod", settings=settings)
    with pytest.raises(NotFound):
        serve("ml/nothing", port=0, reload_stage="prod", settings=settings)


def test_the_command_line_says_why_it_does_not_serve(lading: Command) -> None:
    done = lading("serve", "ml/nothing:1.0.0", "--port", "0")

    assert done.returncode == 3
    assert "error: there is no ml/nothing on this machine" in done.stderr
    assert done.stdout == ""


def test_what_is_missing_here_is_said_in_each_verbs_own_words(
    lading: Command, settings: Settings, tmp_path: Path
) -> None:
    save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(), settings=settings)
    folder = tmp_path / "model"
    pull("ml/fraud:1.0.0", folder, settings=settings)
    with open_version("ml/fraud:1.0.0", settings=settings) as opened:
        told = opened.document.as_json()
    told["environment"]["direct"].append("helper-of-the-model")
    told["environment"]["requirements"] += ["helper-of-the-model==1.0", "tuner==2.0"]
    (folder / "lading.json").write_text(json.dumps(told))
    rows = tmp_path / "rows.csv"
    ROWS.head().to_csv(rows, index=False)
    wanted = (
        "the model was saved in another environment: helper-of-the-model missing instead of 1.0 ("
    )

    # Every line of it is JSON, or this would not end well.
    with served(lading, folder) as server:
        notes = [line["note"] for line in server.lines() if line.get("event") == "environment"]
    done = lading("predict", folder, "-i", rows, "-o", tmp_path / "scored.csv")

    assert [note.startswith(wanted) for note in notes] == [True]
    assert done.returncode == 0, done.stderr
    assert f"warning: {wanted}" in done.stderr
    assert "EnvironmentWarning" not in done.stderr


def test_several_workers_serve_what_a_tag_named_when_they_began(
    lading: Command, settings: Settings
) -> None:
    first = save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(), settings=settings).digest

    with served(lading, "ml/fraud", "--workers", "2", "--grpc-port", "0") as server:
        save(fraud(flipped=True), "ml/fraud:2.0.0", input_example=ROWS.head(), settings=settings)
        workers = [line for line in server.lines() if line.get("event") == "worker"]
        os.kill(workers[1]["pid"], signal.SIGKILL)
        server.daemon.wait_for(
            lambda: sum(line.get("event") == "ready" for line in server.lines()) == 3, seconds=30
        )
        rows = json.loads(ROWS.head(3).to_json(orient="records"))
        told = {
            ask(server.port, "POST", "/predict", rows).headers["x-model-digest"] for _ in range(20)
        }
        client = triton_grpc.InferenceServerClient(server.result["grpc"])
        assert client.is_model_ready("fraud")
        client.close()
        server.daemon.stop()

    assert server.result["workers"] == 2
    assert told == {first}
    assert server.daemon._process.returncode == 0


def test_workers_that_cannot_load_end_as_one_does(lading: Command, settings: Settings) -> None:
    model = fraud()
    save(model, "ml/pickled:1.0.0", input_example=ROWS.head(), settings=settings)

    done = lading("serve", "ml/pickled:9.9.9", "--workers", "2", "--port", "0")

    assert done.returncode == NotFound.exit_code
    assert done.stderr.splitlines()[-1].startswith(("error:", "  ")), done.stderr
    assert "9.9.9" in done.stderr
