"""A real server on loopback: what KServe and Triton expect of one, and what nobody may do to it."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import pytest
from parts.http_client import ask
from prometheus_client.parser import text_string_to_metric_families
from serving.serving import EXAMPLE, MATRIX, ROWS, digest, model, row_sums, serving

from lading.errors import InvalidInput, LocalFailure, Unsupported
from lading.serving.asking import named_in
from lading.serving.limits import Limits
from lading.serving.model import Example
from lading.serving.plan import Plan
from lading.serving.server import run
from lading.spec.signature import Signature, Tensor

INFER = "/v2/models/tiny/infer"
TWO = {"name": "input-0", "datatype": "FP64", "shape": [2, 2], "data": [1, 2, 3, 4]}


def test_server_and_model_say_what_they_are() -> None:
    with serving(model(row_sums, example=EXAMPLE)) as server:
        told = ask(server.port, "GET", "/v2").json
        described = ask(server.port, "GET", "/v2/models/tiny").json
        same = ask(server.port, "GET", "/v2/models/ml%2Ftiny/versions/1.0.0").json

    assert told["name"] == "lading"
    assert told["extensions"] == ["binary_tensor_data"]
    assert described == same
    assert described["versions"] == ["1.0.0"]
    assert described["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 2]}]
    assert described["outputs"] == [{"name": "output-0", "datatype": "FP64", "shape": [-1]}]


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready"])
def test_health_is_200_when_the_model_answers(path: str) -> None:
    with serving(model(row_sums)) as server:
        assert ask(server.port, "GET", path).status == 200


def test_before_the_model_is_loaded_the_server_is_live_and_not_ready() -> None:
    going_on, ports = threading.Event(), []
    until = threading.Event()

    def load() -> Any:
        going_on.wait(30)
        return model(row_sums)

    from socket import create_server

    with create_server(("127.0.0.1", 0)) as probe:
        ports.append(probe.getsockname()[1])
    lines: list[str] = []
    plan = Plan(load=load, port=ports[0], expected=digest("a"), until=until, on_line=lines.append)
    thread = threading.Thread(target=run, args=(plan,))
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                live = ask(ports[0], "GET", "/v2/health/live")
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        ready = ask(ports[0], "GET", "/v2/health/ready")
        asked = ask(ports[0], "POST", INFER, {"inputs": [TWO]})
    finally:
        going_on.set()
        until.set()
        thread.join(30)

    assert (live.status, ready.status, asked.status) == (200, 503, 503)
    assert ready.headers["x-model-digest"] == digest("a")
    assert asked.headers["retry-after"] == "1"
    requests = [told for told in map(json.loads, lines) if told["event"] == "request"]
    assert [(told["status"], told["digest"]) for told in requests] == [(503, digest("a"))]


def test_an_inference_is_answered_with_name_version_id_and_outputs() -> None:
    with serving(model(row_sums)) as server:
        told = ask(server.port, "POST", INFER, {"id": "7", "inputs": [TWO]}).json

    assert told == {
        "model_name": "tiny",
        "model_version": "1.0.0",
        "id": "7",
        "outputs": [{"name": "output-0", "datatype": "FP64", "shape": [2], "data": [3.0, 7.0]}],
    }


def test_outputs_are_those_that_are_wanted_in_that_order() -> None:
    signature = Signature(
        inputs=MATRIX.inputs,
        outputs=tuple(Tensor(name=name, dtype="float64", shape=(-1,)) for name in "abc"),
    )

    def predict(data: Any) -> Any:
        return {name: data.sum(axis=1) + at for at, name in enumerate("abc")}

    with serving(model(predict, signature)) as server:
        wanted = {"inputs": [TWO], "outputs": [{"name": "c"}, {"name": "a"}]}
        told = ask(server.port, "POST", INFER, wanted).json
        unknown = ask(server.port, "POST", INFER, {**wanted, "outputs": [{"name": "z"}]})

    assert [each["name"] for each in told["outputs"]] == ["c", "a"]
    assert unknown.status == 400
    assert "there is no output 'z'" in unknown.error


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"name": "input-1"}, 400, "input-1"),
        ({"datatype": "FP32"}, 400, "input-0: expected FP64, got FP32"),
        ({"shape": [4, 1]}, 400, "input-0: expected shape [-1, 2], got shape [4, 1]"),
        ({"shape": [1, 2]}, 400, "input 'input-0': data has 4 elements"),
        ({"data": [1, 2, 3, None]}, 400, "element 3 is no FP64: got null"),
    ],
)
def test_what_is_wrong_is_400_and_named(change: dict[str, Any], status: int, said: str) -> None:
    with serving(model(row_sums)) as server:
        told = ask(server.port, "POST", INFER, {"inputs": [{**TWO, **change}]})
        alive = ask(server.port, "POST", INFER, {"inputs": [TWO]})

    assert told.status == status
    assert said in told.error
    assert alive.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/tiny/versions/9.9.9", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/nothing", 404),
        ("GET", INFER, 405),
        ("POST", "/predict", 400),
    ],
)
def test_every_answer_is_json_and_carries_the_digest(method: str, path: str, status: int) -> None:
    with serving(model(row_sums)) as server:
        told = ask(server.port, method, path, b"no JSON" if method == "POST" else None)

    assert told.status == status
    assert told.error
    assert told.headers["x-model-digest"] == digest("a")


def test_a_browser_at_the_wrong_door_is_told_the_right_one() -> None:
    with serving(model(row_sums)) as server:
        told = ask(server.port, "GET", "/predict").json
        nothing = ask(server.port, "GET", "/predct").json

    assert told["error"] == "GET is not what is asked here: this address takes POST"
    assert told["hint"] == nothing["hint"] == "GET /docs says what there is"


def test_rows_are_answered_plainly() -> None:
    def predict(frame: Any) -> Any:
        return frame["age"] + frame["city"].str.len()

    with serving(model(predict, ROWS, example=Example([{"age": 1, "city": "Rom"}], "table"))) as it:
        told = ask(it.port, "POST", "/predict", [{"age": 30, "city": "Bonn"}]).json
        split = {"columns": ["city", "age"], "data": [["Bonn", 30], ["Rom", 1]]}
        other = ask(it.port, "POST", "/predict", split).json
        wrong = ask(it.port, "POST", "/predict", [{"age": 30, "town": "Bonn"}]).json

    assert told["predictions"] == [34]
    assert (told["model"], told["version"], told["digest"]) == ("tiny", "1.0.0", digest("a"))
    assert other["predictions"] == [34, 4]
    assert {each["field"] for each in wrong["problems"]} == {"town", "city"}


def test_a_number_that_is_not_finite_is_answered_as_text() -> None:
    with serving(model(lambda data: data[:, 0] * -np.inf)) as server:
        told = ask(server.port, "POST", "/predict", [[1, 2]]).json

    assert told["predictions"] == ["-Infinity"]


class Odd(Exception):
    """What no framework would raise."""


class Base(BaseException):
    """What nothing that catches exceptions catches."""


@pytest.mark.parametrize(
    "error",
    [
        Odd,
        Base,
        KeyboardInterrupt,
        SystemExit,
        StopIteration,
        MemoryError,
        GeneratorExit,
        asyncio.CancelledError,
    ],
)
def test_whatever_a_model_raises_the_server_lives_on_and_keeps_its_words(
    error: type[BaseException],
) -> None:
    def predict(data: Any) -> Any:
        if data[0][0] == 13:
            raise error("Ada Lovelace's income")
        return row_sums(data)

    with serving(model(predict)) as server:
        failed = ask(server.port, "POST", "/predict", [[13, 1]])
        fine = ask(server.port, "POST", "/predict", [[1, 1]])
        deadline = time.monotonic() + 5
        while not server.events("server") and time.monotonic() < deadline:
            time.sleep(0.01)

    assert failed.status == 500
    assert failed.headers["x-model-digest"] == digest("a")
    assert "Ada" not in failed.body.decode()
    assert fine.json["predictions"] == [2.0]
    assert "Ada" not in "".join(server.lines)
    assert server.events("server")[0]["level"] == "error"


def test_an_input_that_the_model_refuses_is_400() -> None:
    def predict(data: Any) -> Any:
        raise InvalidInput("the model does not answer this input", cause="negative")

    with serving(model(predict)) as server:
        told = ask(server.port, "POST", "/predict", [[1, 1]])

    assert (told.status, told.error) == (400, "the model does not answer this input: negative")


@pytest.mark.parametrize(("path", "body"), [(INFER, {"inputs": [TWO]}), ("/predict", [[1, 2]])])
def test_an_answer_that_cannot_be_sent_is_500(path: str, body: Any) -> None:
    with serving(model(lambda data: (each for each in data))) as server:
        told = ask(server.port, "POST", path, body)

    assert told.status == 500
    assert "no form in JSON" in told.error


def test_large_bodies_and_many_rows_are_413() -> None:
    limits = Limits(body=1000, rows=3)
    with serving(model(row_sums), limits=limits) as server:
        large = ask(server.port, "POST", "/predict", b" " * 1001)
        many = ask(server.port, "POST", "/predict", [[1, 2]] * 4)
        fine = ask(server.port, "POST", "/predict", [[1, 2]] * 3)

    assert (large.status, many.status, fine.status) == (413, 413, 200)
    assert all(each.headers["x-model-digest"] == digest("a") for each in (large, many, fine))
    assert large.headers["connection"] == "close"
    assert "4 rows at once: at most 3" in many.error


@pytest.mark.parametrize("rows", [b'[1,"a"]', b'{"age":1}', b"{}", b"[]", b"7"])
def test_too_many_rows_are_refused_before_they_are_looked_at(rows: bytes) -> None:
    # Each would be wrong, but looking at a million of them takes seconds.
    body = b"[" + b",".join([rows] * 11) + b"]"

    with serving(model(row_sums, ROWS), limits=Limits(rows=10)) as server:
        told = ask(server.port, "POST", "/predict", body)

    assert (told.status, told.error.partition(":")[0]) == (413, "11 rows at once")


def test_a_compressed_body_is_415() -> None:
    with serving(model(row_sums)) as server:
        told = ask(server.port, "POST", "/predict", b"\x1f\x8b", content_encoding="gzip")

    assert told.status == 415
    assert told.headers["x-model-digest"] == digest("a")


def test_a_model_that_takes_too_long_is_504_and_those_who_wait_in_vain_are_503() -> None:
    going_on = threading.Event()

    def predict(data: Any) -> Any:
        going_on.wait(20)
        return row_sums(data)

    answers: list[int] = []

    def one() -> None:
        answers.append(ask(server.port, "POST", "/predict", [[1, 1]]).status)

    with serving(model(predict), limits=Limits(answer=1.0, waiting=2)) as server:
        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        live = ask(server.port, "GET", "/v2/health/live")
        for thread in threads:
            thread.join(20)
        going_on.set()
        time.sleep(0.2)
        fine = ask(server.port, "POST", "/predict", [[1, 1]])

    assert live.status == 200
    assert set(answers) == {503, 504}
    assert answers.count(504) == 3
    assert fine.status == 200


def test_a_model_that_never_comes_back_is_not_live() -> None:
    for_ever = threading.Event()
    limits = Limits(answer=0.2, shutdown=1)
    with serving(model(lambda data: for_ever.wait(60)), limits=limits) as server:
        asked = ask(server.port, "POST", "/predict", [[1, 1]])
        deadline = time.monotonic() + 10
        while ask(server.port, "GET", "/v2/health/live").status == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    for_ever.set()
    assert asked.status == 504


def test_every_series_names_model_version_and_digest() -> None:
    with serving(model(row_sums, example=EXAMPLE)) as server:
        ask(server.port, "POST", INFER, {"inputs": [TWO]})
        ask(server.port, "POST", "/predict", b"no JSON")
        told = ask(server.port, "GET", "/metrics")

    families = list(text_string_to_metric_families(told.body.decode()))
    samples = [sample for family in families for sample in family.samples]
    assert samples
    for sample in samples:
        assert sample.labels["model"] == "tiny"
        assert sample.labels["version"] == "1.0.0"
        assert sample.labels["digest"] == digest("a")
    counted = {
        (s.labels["endpoint"], s.labels["status"]): s.value
        for s in samples
        if s.name == "lading_requests_total"
    }
    assert counted["infer", "200"] == 1
    assert counted["predict", "400"] == 1
    assert {s.value for s in samples if s.name == "lading_rows_total"} == {2.0}


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    evil = "<script>alert(1)</script>"
    signature = Signature(inputs=(Tensor(name=evil, dtype="float64", shape=(-1,)),))
    with serving(model(lambda data: [1], signature, description=evil)) as server:
        page = ask(server.port, "GET", "/docs")
        described = ask(server.port, "GET", "/openapi.json")

    text = page.body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert described.json["openapi"].startswith("3.1")
    assert "/v2/models/tiny/infer" in described.json["paths"]


def test_the_example_on_the_page_is_copied_and_answered(tmp_path: Path) -> None:
    def predict(frame: Any) -> Any:
        return frame["age"] + frame["city"].str.len()

    parts.require("curl")
    marker = tmp_path / "marker"
    rows = [{"age": 1, "city": f"Rom'; touch {marker}; '"}]
    with serving(model(predict, ROWS, example=Example(rows, "table"))) as server:
        text = ask(server.port, "GET", "/docs").body.decode()
        strange = ask(server.port, "GET", "/docs", host="x;id").body.decode()
        command = html.unescape(text.partition("<pre>")[2].partition("</pre>")[0])
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["predictions"] == [1 + len(str(rows[0]["city"]))]
    assert not marker.exists()
    assert "http://HOST:PORT/predict" in strange


def test_references_in_the_openapi_document_lead_somewhere() -> None:
    with serving(model(row_sums, ROWS)) as server:
        document = ask(server.port, "GET", "/openapi.json").json

    def led(value: Any) -> None:
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, (dict, list)):
                led(each)
        reference = value.get("$ref") if isinstance(value, dict) else None
        if reference:
            found = document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~").replace("%20", " ")]

    led(document)


def test_the_log_says_who_answered_and_nothing_of_what() -> None:
    with serving(model(row_sums)) as server:
        ask(server.port, "POST", "/predict", [[4711.5, 1]], x_request_id="abc-1")
        ask(server.port, "GET", "/v2/health/ready")
        ask(server.port, "POST", "/predict", [[1, 1]], x_request_id="a b\tc")

    (first, second) = server.events("request")
    assert first["digest"] == digest("a")
    assert (first["status"], first["rows"], first["request_id"]) == (200, 1, "abc-1")
    assert "request_id" not in second
    assert "4711" not in "".join(server.lines)
    assert [line["event"] for line in server.told][-1] == "ended"


def test_a_model_that_does_not_answer_its_example_is_never_served() -> None:
    def predict(data: Any) -> Any:
        raise InvalidInput("the model does not answer this input")

    with serving(model(predict, example=EXAMPLE)) as server:
        pass

    assert isinstance(server.failure, InvalidInput)
    assert not server.events("ready")


def test_a_model_that_does_not_load_ends_the_server_with_its_reason() -> None:
    def load() -> Any:
        raise Unsupported("scikit-learn cannot load this model", cause="another version")

    with serving(load) as server:
        pass

    assert isinstance(server.failure, Unsupported)


def test_an_example_that_is_answered_otherwise_than_before_is_told_without_its_values() -> None:
    example = Example([[4711.0, 2.0]], "tensor", answer=[1.0])
    with serving(model(row_sums, example=example)) as server:
        pass

    (told,) = server.events("loaded")
    assert "otherwise than when it was saved" in told["note"]
    assert "4711" not in "".join(server.lines)


def test_a_taken_address_is_said_before_anything_is_loaded() -> None:
    with serving(model(row_sums)) as server:

        def load() -> Any:
            pytest.fail("it was loaded")

        with pytest.raises(LocalFailure, match="cannot listen at"):
            run(Plan(load=load, port=server.port))


def test_requests_that_came_are_answered_before_the_server_ends() -> None:
    asked, going_on = threading.Event(), threading.Event()

    def predict(data: Any) -> Any:
        asked.set()
        going_on.wait(20)
        return row_sums(data)

    answers: list[Any] = []
    with serving(model(predict)) as server:
        thread = threading.Thread(
            target=lambda: answers.append(ask(server.port, "POST", "/predict", [[1, 1]]))
        )
        thread.start()
        assert asked.wait(20)
        server.until.set()
        time.sleep(0.3)
        going_on.set()
        thread.join(20)

    assert answers[0].json["predictions"] == [2.0]


def test_rows_are_asked_together_where_that_pays_and_everybody_gets_their_own() -> None:
    sizes: list[int] = []

    def predict(data: Any) -> Any:
        sizes.append(len(data))
        time.sleep(0.02)
        return row_sums(data)

    wrong: list[Any] = []

    def many(start: int) -> None:
        for at in range(start, start + 10):
            told = ask(server.port, "POST", "/predict", [[at, at]] * (1 + at % 3)).json
            if told["predictions"] != [2.0 * at] * (1 + at % 3):
                wrong.append((at, told))

    with serving(model(predict, example=EXAMPLE, by_row=True)) as server:
        threads = [threading.Thread(target=many, args=(100 * at,)) for at in range(8)]
        sizes.clear()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert server.events("ready")[0]["batches"] is True
    assert wrong == []
    assert max(sizes) > 3
    assert len(sizes) < 80


def test_whether_it_pays_is_found_out_with_one_row_from_each() -> None:
    def predict(data: Any) -> Any:
        # What a row costs hides what a question costs, where the example has many rows.
        time.sleep(0.004 + 0.003 * len(data))
        return row_sums(data)

    with serving(
        model(predict, example=Example([[1.0, 2.0]] * 10, "tensor"), by_row=True)
    ) as server:
        pass

    assert server.events("ready")[0]["batches"] is True


def test_one_bad_row_in_a_batch_is_nobody_elses_failure() -> None:
    def predict(data: Any) -> Any:
        time.sleep(0.02)
        if (data == 13).any():
            raise InvalidInput("the model does not answer this input")
        return row_sums(data)

    answers: dict[int, int] = {}

    def one(at: int) -> None:
        answers[at] = ask(server.port, "POST", "/predict", [[at, at]]).status

    with serving(model(predict, example=EXAMPLE, by_row=True)) as server:
        threads = [threading.Thread(target=one, args=(at,)) for at in range(10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert {at for at, status in answers.items() if status == 400} == {13}
    assert {status for at, status in answers.items() if at != 13} == {200}


def test_a_model_whose_rows_depend_on_each_other_is_asked_one_request_at_a_time() -> None:
    def predict(data: Any) -> Any:
        time.sleep(0.002)
        return (data - data.mean(axis=0)).sum(axis=1)

    with serving(model(predict, example=EXAMPLE, by_row=True)) as server:
        pass

    assert server.events("ready")[0]["batches"] is False


def test_json_lines_are_json() -> None:
    with serving(model(row_sums)) as server:
        ask(server.port, "GET", '/"quoted"%0a%ff')

    assert all(json.loads(line)["time"].endswith("Z") for line in server.lines)


def test_what_the_loop_says_is_told_without_its_words() -> None:
    with serving(model(row_sums)) as server:
        try:
            raise ValueError("Ada Lovelace's income")
        except ValueError:
            logging.getLogger("asyncio").exception("Task exception was never retrieved")

    assert server.events("server")[0]["error"] == "ValueError"
    assert "Ada" not in "".join(server.lines)


@pytest.mark.parametrize("error", [SystemExit, Base, asyncio.CancelledError])
def test_a_quick_model_that_exits_fails_its_answer_and_not_the_server(
    error: type[BaseException],
) -> None:
    def predict(data: Any) -> Any:
        if data[0][0] == 13:
            raise error("enough")
        return row_sums(data)

    with serving(model(predict)) as server:
        for _ in range(40):
            ask(server.port, "POST", "/predict", [[1, 1]])
        failed = ask(server.port, "POST", "/predict", [[13, 1]])
        fine = ask(server.port, "POST", "/predict", [[1, 1]])

    assert failed.status == 500
    assert fine.json["predictions"] == [2.0]


def test_a_name_with_slashes_is_told_from_a_version() -> None:
    assert named_in("/v2/models/tiny/infer") == ("tiny", None)
    assert named_in("/v2/models/ml/tiny/infer") == ("ml/tiny", None)
    assert named_in("/v2/models/ml/tiny/versions/1.0.0/infer") == ("ml/tiny", "1.0.0")
    assert named_in("/v2/models/a/versions/b/c/infer") == ("a/versions/b/c", None)
    assert named_in("/v2/models//infer") == ("", None)
