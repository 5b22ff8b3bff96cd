"""The protocol over gRPC, asked by public clients: what it answers, refuses and outlives."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import given
from hypothesis import strategies as st
from parts.http_client import ask
from parts.process import free_port
from serving.serving import (
    EXAMPLE,
    ROWS,
    Running,
    digest,
    model,
    row_sums,
    serving,
)
from tritonclient.grpc import service_pb2, service_pb2_grpc

from lading.errors import InvalidInput, LocalFailure
from lading.operations.serve import serve
from lading.serving.failures import Busy
from lading.serving.follow import Followed
from lading.serving.limits import Limits
from lading.serving.plan import Plan
from lading.serving.protocol.datatypes import DATATYPES
from lading.serving.rpc.messages import PROTOCOL, inference
from lading.serving.rpc.receiving import demand_few_fields
from lading.serving.server import run
from lading.spec.signature import Signature, Tensor

INFER = "/inference.GRPCInferenceService/ModelInfer"
LIMITS = Limits(body=200_000, rows=50, answer=0.6, body_seconds=0.6, waiting=2)
SLOW, BROKEN, LARGE = 77.0, 78.0, 79.0


def behaves(data: Any) -> Any:
    """A model that is slow, breaks or answers much, when it is told to."""
    if data[0][0] == SLOW:
        time.sleep(0.9)
    if data[0][0] == BROKEN:
        raise RuntimeError("secret words")
    if data[0][0] == LARGE:
        return np.zeros(20_000)
    return row_sums(data)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(model(behaves, example=EXAMPLE), limits=LIMITS, grpc=True) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[Any]:
    made = triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
    yield made
    made.close()


@pytest.fixture
def channel(server: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as made:
        yield made


def tensor(rows: Any, name: str = "input-0", dtype: str = "float64") -> Any:
    array = np.array(rows, dtype)
    found = triton.InferInput(name, array.shape, triton.np_to_triton_dtype(array.dtype))
    found.set_data_from_numpy(array)
    return found


def request(rows: Any = ((1.0, 2.0),), **named: Any) -> Any:
    """A request in typed contents."""
    asked = service_pb2.ModelInferRequest(model_name="tiny", **named)
    flat = [value for row in rows for value in row]
    asked.inputs.add(name="input-0", datatype="FP64", shape=[len(rows), len(rows[0])])
    asked.inputs[0].contents.fp64_contents.extend(flat)
    return asked


def sent(channel: grpc.Channel, asked: Any, **named: Any) -> Any:
    return service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(asked, timeout=10, **named)


def refusal(channel: grpc.Channel, asked: Any, **named: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        sent(channel, asked, **named)
    return raised.value


def test_a_public_client_is_answered_every_question(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("ml/tiny", "1.0.0")
    assert client.get_server_metadata().name == "lading"
    told = client.get_model_metadata("tiny", as_json=True)
    assert told["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": ["-1", "2"]}]

    answer = client.infer("tiny", [tensor([[1, 2], [3, 4]])], request_id="mine")

    assert answer.as_numpy("output-0").tolist() == [3.0, 7.0]
    assert answer.get_response().id == "mine"
    assert answer.get_response().model_version == "1.0.0"


def test_every_message_has_the_numbers_that_a_public_client_has() -> None:
    theirs = service_pb2.DESCRIPTOR.message_types_by_name
    checked = 0
    for name in PROTOCOL:
        outer, _, inner = name.partition(".")
        peer = theirs[outer].nested_types_by_name[inner] if inner else theirs[outer]

        for field in inference()[name].DESCRIPTOR.fields:
            their = peer.fields_by_name[field.name]
            assert (field.number, field.type, field.is_repeated) == (
                their.number,
                their.type,
                their.is_repeated,
            )
            checked += 1

    assert checked > 50


def test_typed_contents_are_answered_in_typed_contents(channel: grpc.Channel) -> None:
    answer = sent(channel, request([(1.0, 2.0), (float("inf"), 4.0)], id="7"))

    assert list(answer.outputs[0].contents.fp64_contents) == [3.0, float("inf")]
    assert not answer.raw_output_contents
    assert answer.id == "7"


def test_an_answer_is_binary_where_that_is_asked_for(channel: grpc.Channel) -> None:
    asked = request()
    asked.parameters["binary_data_output"].bool_param = True
    one = request()
    one.outputs.add(name="output-0").parameters["binary_data"].bool_param = True

    answers = [sent(channel, asked), sent(channel, one)]

    for answer in answers:
        assert answer.raw_output_contents[0] == np.array([3.0]).tobytes()
        assert not answer.outputs[0].HasField("contents")


def test_parameters_that_nobody_knows_are_passed_over(channel: grpc.Channel) -> None:
    asked = request()
    asked.parameters["flag"].bool_param = True
    asked.parameters["count"].int64_param = -3
    asked.parameters["empty"].SetInParent()
    asked.inputs[0].parameters["much"].double_param = 0.5
    asked.inputs[0].parameters["binary_data_size"].string_param = "not yours"
    asked.outputs.add(name="output-0").parameters["text"].string_param = "x"

    answer = sent(channel, asked)

    assert list(answer.outputs[0].contents.fp64_contents) == [3.0]
    assert not answer.parameters


_FIELDS = {
    "BOOL": ("bool_contents", [True, False]),
    "INT8": ("int_contents", [-128, 127]),
    "INT16": ("int_contents", [-(2**15), 2**15 - 1]),
    "INT32": ("int_contents", [-(2**31), 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 255]),
    "UINT16": ("uint_contents", [0, 2**16 - 1]),
    "UINT32": ("uint_contents", [0, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 2**64 - 1]),
    "FP32": ("fp32_contents", [0.5, -2.0]),
    "FP64": ("fp64_contents", [0.1, 1e300]),
    "BYTES": ("bytes_contents", [b"one", "zwölf".encode()]),
}


@pytest.fixture(scope="module")
def echoes() -> Iterator[dict[str, Running]]:
    """A server for each datatype, whose model answers what it was asked."""
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name, kind in DATATYPES.items():
            dtype: Any = kind.dtype
            both = tuple(Tensor(dtype=dtype, shape=(-1,), name=each) for each in "xy")
            signature = Signature(inputs=both[:1], outputs=both[1:])
            served = serving(model(lambda data: data, signature), grpc=True)
            running[name] = stack.enter_context(served)
        yield running


@pytest.mark.parametrize("name", DATATYPES)
def test_every_datatype_comes_back_as_it_went(name: str, echoes: dict[str, Running]) -> None:
    asked = service_pb2.ModelInferRequest(model_name="tiny")
    asked.inputs.add(name="x", datatype=name, shape=[2])
    raw = service_pb2.ModelInferRequest()
    raw.CopyFrom(asked)
    if name in _FIELDS:
        field, values = _FIELDS[name]
        getattr(asked.inputs[0].contents, field).extend(values)
    raw.raw_input_contents.append(_raw(name))

    with grpc.insecure_channel(f"127.0.0.1:{echoes[name].grpc_port}") as channel:
        back = sent(channel, raw)
        refused = None if name in _FIELDS else refusal(channel, asked)
        typed = sent(channel, asked) if name in _FIELDS else None

    assert back.outputs[0].datatype == name
    assert back.raw_output_contents[0] == _raw(name)
    if typed is None:
        assert refused is not None
        assert refused.details() == f"input 'x': {name} has no contents of its own"
        assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert list(getattr(typed.outputs[0].contents, field)) == values


def _raw(name: str) -> bytes:
    if name == "BYTES":
        return b"\x03\0\0\0one\x06\0\0\0" + "zwölf".encode()
    numbers = {"BF16": [0x3FC0, 0xC000], "FP16": [0.5, -2.0]}.get(name) or _FIELDS[name][1]
    dtype = "uint16" if name == "BF16" else DATATYPES[name].dtype
    return bytes(np.array(numbers, dtype).tobytes())


@pytest.mark.parametrize("name", ["INT8", "UINT16"])
def test_a_number_that_its_datatype_does_not_hold_is_refused(
    name: str, echoes: dict[str, Running]
) -> None:
    asked = service_pb2.ModelInferRequest(model_name="tiny")
    asked.inputs.add(name="x", datatype=name, shape=[2])
    getattr(asked.inputs[0].contents, _FIELDS[name][0]).extend([1, 70_000])

    with grpc.insecure_channel(f"127.0.0.1:{echoes[name].grpc_port}") as channel:
        refused = refusal(channel, asked)

    assert refused.details() == f"input 'x': element 1 is no {name}: got 70000"


def test_text_and_numbers_of_a_table_are_taken() -> None:
    def predict(frame: Any) -> Any:
        return (frame["age"] + frame["city"].str.len()).to_numpy("float64")

    with (
        serving(model(predict, ROWS), grpc=True) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        asked = service_pb2.ModelInferRequest(model_name="tiny")
        asked.inputs.add(name="age", datatype="INT64", shape=[2, 1])
        asked.inputs[0].contents.int64_contents.extend([30, 40])
        asked.inputs.add(name="city", datatype="BYTES", shape=[2])
        asked.inputs[1].contents.bytes_contents.extend([b"Rome", "Köln".encode()])
        answer = sent(channel, asked)

    assert list(answer.outputs[0].contents.fp64_contents) == [34.0, 44.0]


def changed(**of: Any) -> Any:
    """A request of which something is wrong."""
    asked = request()
    for name, value in of.items():
        if name == "shape":
            asked.inputs[0].shape[:] = value
        elif name in ("name", "datatype"):
            setattr(asked.inputs[0], name, value)
        elif name == "raw":
            asked.inputs[0].ClearField("contents")
            asked.raw_input_contents.extend(value)
        elif name == "both":
            asked.raw_input_contents.append(bytes(16))
        elif name == "output":
            asked.outputs.add(name=value)
        elif name == "none":
            del asked.inputs[:]
        elif name == "twice":
            asked.inputs.append(asked.inputs[0])
        else:
            setattr(asked, name, value)
    return asked


_INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("of", "code", "said"),
    [
        ({"model_name": "other"}, grpc.StatusCode.NOT_FOUND, "there is no model 'other' here"),
        ({"model_version": "9.9.9"}, grpc.StatusCode.NOT_FOUND, "of version '9.9.9' here"),
        ({"name": "x"}, _INVALID, "x: expected one of input-0, got an input of another name"),
        ({"datatype": "FP128"}, _INVALID, "input 'input-0' has the datatype 'FP128'"),
        ({"datatype": "INT64"}, _INVALID, "INT64 is written in int64_contents: got fp64_contents"),
        ({"shape": [2, 2]}, _INVALID, "fp64_contents has 2 elements: its shape [2, 2] says 4"),
        ({"shape": [-1, 2]}, _INVALID, "its shape is no list of whole numbers, none negative"),
        ({"shape": [2**62, 2**62]}, _INVALID, "its shape [4611686018427387904"),
        ({"shape": [2**62] * 2000}, _INVALID, "a tensor has more dimensions than any"),
        ({"shape": [2] * 300}, _INVALID, "its shape is larger than any tensor"),
        ({"shape": [2] * 300, "raw": [bytes(16)]}, _INVALID, "its shape is larger than any"),
        ({"shape": [2]}, _INVALID, "expected shape [-1, 2], got shape [2]"),
        ({"raw": [bytes(15)]}, _INVALID, "raw_input_contents[0] has 15 bytes: 2 elements"),
        ({"raw": [bytes(16), b""]}, _INVALID, "raw_input_contents has 2 parts: there are 1"),
        ({"both": True}, _INVALID, "'input-0' has both contents and raw_input_contents"),
        ({"output": "nope"}, _INVALID, "there is no output 'nope': the outputs are output-0"),
        ({"none": True}, _INVALID, "the request has no inputs"),
        ({"twice": True}, _INVALID, "the input 'input-0' is there twice"),
        ({"id": "i" * 600}, _INVALID, "the id is no text of at most 512 characters"),
    ],
)
def test_what_is_wrong_is_named(
    of: dict[str, Any], code: grpc.StatusCode, said: str, channel: grpc.Channel
) -> None:
    refused = refusal(channel, changed(**of))

    assert (refused.code(), said in str(refused.details())) == (code, True), refused.details()
    assert list(sent(channel, request()).outputs[0].contents.fp64_contents) == [3.0]


def test_both_doors_refuse_in_the_same_words(server: Running, channel: grpc.Channel) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}]}

    over_http = ask(server.port, "POST", "/v2/models/tiny/infer", body)
    over_grpc = refusal(channel, changed(name="x"))

    assert over_grpc.details() == over_http.error


def test_every_answer_tells_the_digest(channel: grpc.Channel) -> None:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

    _, call = stub.ModelInfer.with_call(request())
    refused = refusal(channel, changed(name="x"))

    assert dict(call.trailing_metadata())["x-model-digest"] == digest("a")
    assert dict(refused.trailing_metadata())["x-model-digest"] == digest("a")


def test_bytes_that_are_no_message_are_refused(channel: grpc.Channel) -> None:
    raw = channel.unary_unary(INFER)

    with pytest.raises(grpc.RpcError) as raised:
        raw(b"\xff\xff\xff\xff")

    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "the message is no ModelInferRequest"


def test_a_message_that_is_too_large_is_refused(channel: grpc.Channel) -> None:
    refused = refusal(channel, request([(1.0, 2.0)] * 20_000))

    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_too_many_rows_are_refused(channel: grpc.Channel) -> None:
    refused = refusal(channel, request([(1.0, 2.0)] * 51))

    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.details() == "51 rows at once: at most 50 are answered"


def test_a_compressed_message_is_refused(channel: grpc.Channel) -> None:
    asked = request()
    asked.parameters["bomb"].string_param = "0" * 150_000
    assert len(gzip.compress(asked.SerializeToString())) < 1000

    refused = refusal(channel, asked, compression=grpc.Compression.Gzip)

    assert refused.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_message_that_never_comes_is_not_waited_for(channel: grpc.Channel) -> None:
    never = threading.Event()
    stream = channel.stream_unary(INFER)
    started = time.monotonic()

    def nothing() -> Iterator[bytes]:
        never.wait(20)
        yield from ()

    with pytest.raises(grpc.RpcError) as raised:
        stream(nothing())
    never.set()

    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert raised.value.details() == "the message did not come within 0.6 s"
    assert time.monotonic() - started < 5


def test_calls_that_send_nothing_hold_up_nobody() -> None:
    never = threading.Event()

    def nothing() -> Iterator[bytes]:
        never.wait(60)
        yield from ()

    limits = replace(LIMITS, body_seconds=30.0)
    with (
        serving(model(behaves), limits=limits, grpc=True) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as made,
    ):
        stalled = [made.stream_unary(INFER).future(nothing()) for _ in range(70)]
        time.sleep(0.2)
        started = time.monotonic()
        answer = sent(made, request())
        took = time.monotonic() - started
        never.set()
        for each in stalled:
            each.cancel()

    assert list(answer.outputs[0].contents.fp64_contents) == [3.0]
    assert took < 8


def in_field(number: int, inner: bytes) -> bytes:
    """A field of bytes, as messages have it."""
    length = len(inner)
    written = bytearray([number << 3 | 2])
    while length > 127:
        written.append(length & 127 | 128)
        length >>= 7
    return bytes([*written, length]) + inner


@pytest.mark.parametrize(
    "message",
    [
        in_field(5, b"") * 70_000,
        in_field(6, b"") * 70_000,
        in_field(5, in_field(4, b"") * 70_000),
        in_field(5, in_field(2, b"FP64") + in_field(3, b"\x7f" * 150_000)),
    ],
)
def test_a_message_that_grows_when_it_is_parsed_is_refused(
    channel: grpc.Channel, message: bytes
) -> None:
    started = time.monotonic()

    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(INFER)(message)

    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "than any" in str(raised.value.details())
    assert time.monotonic() - started < 2


@given(st.binary(max_size=60), st.integers(0, 2), st.binary(max_size=30))
def test_any_bytes_are_counted_as_the_parser_reads_them(
    some: bytes, number: int, more: bytes
) -> None:
    for message in (some, in_field(5, some) * number + more):
        # What claims more than it has may be refused before the parser sees it.
        with suppress(InvalidInput):
            demand_few_fields(message)


def test_a_call_without_a_message_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.stream_unary(INFER)(iter(()))

    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def idle() -> Iterator[grpc.Channel]:
    """A server that has answered nobody yet, so that it asks its model in a thread."""
    with (
        serving(model(behaves), limits=LIMITS, grpc=True) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as made,
    ):
        yield made


def test_a_slow_model_is_not_waited_for(idle: grpc.Channel) -> None:
    refused = refusal(idle, request([(SLOW, 2.0)]))

    assert refused.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert refused.details() == "the model did not answer within 0.6 s"


def test_too_many_who_wait_are_sent_away(idle: grpc.Channel) -> None:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(idle)

    calls = [stub.ModelInfer.future(request([(SLOW, float(at))])) for at in range(6)]
    found = [call.exception() for call in calls]

    busy = [each for each in found if each.code() == grpc.StatusCode.UNAVAILABLE]
    assert {str(each.details()) for each in busy} == {str(Busy("2 requests wait already"))}


def test_a_model_that_breaks_is_told_of_without_its_words(
    server: Running, channel: grpc.Channel
) -> None:
    refused = refusal(channel, request([(BROKEN, 2.0)]))

    assert refused.code() == grpc.StatusCode.INTERNAL
    assert refused.details() == "the model failed"
    bug = server.events("grpc")[-1]
    assert bug["error"] == "RuntimeError"
    assert "secret words" not in "".join(server.lines)


def test_calls_are_counted_and_told_like_requests(server: Running, channel: grpc.Channel) -> None:
    def count() -> float:
        text = ask(server.port, "GET", "/metrics").body.decode()
        lines = [each for each in text.splitlines() if each.startswith("lading_requests_total{")]
        found = [each for each in lines if 'endpoint="infer"' in each and 'status="200"' in each]
        assert digest("a") in found[0]
        return float(found[0].rpartition(" ")[2])

    sent(channel, request())
    before = count()
    sent(channel, request(), metadata=[("x-request-id", "of-the-proxy")])
    ask(server.port, "POST", "/v2/models/tiny/infer", _json())

    assert count() == before + 2
    line = next(each for each in server.events("request") if each.get("request_id"))
    assert (line["method"], line["path"], line["status"]) == ("gRPC", INFER, 200)
    assert (line["rows"], line["request_id"], line["digest"]) == (1, "of-the-proxy", digest("a"))


def _json() -> Any:
    return {"inputs": [{"name": "input-0", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}]}


def test_a_client_that_gives_up_takes_nobody_with_it(idle: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        service_pb2_grpc.GRPCInferenceServiceStub(idle).ModelInfer(
            request([(SLOW, 1.0)]), timeout=0.1
        )

    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    time.sleep(1)
    assert list(sent(idle, request()).outputs[0].contents.fp64_contents) == [3.0]


def test_an_answer_that_nobody_reads_is_not_held_for_ever() -> None:
    """A proxy between them reads the first half of a large answer, and then nothing more."""
    over = threading.Event()

    def half(listening: socket.socket, port: int) -> None:
        client, _ = listening.accept()
        with client, socket.create_connection(("127.0.0.1", port)) as server:

            def up() -> None:
                with suppress(OSError):
                    while part := client.recv(65536):
                        server.sendall(part)

            threading.Thread(target=up, daemon=True).start()
            passed = 0
            while passed < 1_000_000 and (part := server.recv(1024)):
                client.sendall(part)
                passed += len(part)
            over.wait(20)

    limits = Limits(reading_seconds=0.5)
    with (
        serving(model(lambda data: np.zeros(4_000_000)), limits=limits, grpc=True) as running,
        socket.create_server(("127.0.0.1", 0)) as listening,
        grpc.insecure_channel(
            f"127.0.0.1:{listening.getsockname()[1]}",
            options=[("grpc.max_receive_message_length", -1)],
        ) as channel,
    ):
        thread = threading.Thread(target=half, args=(listening, running.grpc_port), daemon=True)
        thread.start()
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.future(request())
        deadline = time.monotonic() + 10
        while not running.events("request") and time.monotonic() < deadline:
            time.sleep(0.02)
        call.cancel()
        over.set()
        thread.join(10)

    assert running.events("request")[0]["status"] == 408


def test_health_is_what_probes_ask_for(server: Running, channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    serves = health_pb2.HealthCheckResponse.SERVING

    for service in ("", "inference.GRPCInferenceService", "liveness", "readiness"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == serves
    with pytest.raises(grpc.RpcError) as raised:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"))

    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_watched_from_loading_to_the_end() -> None:
    go = threading.Event()
    ports: list[int] = []
    until = threading.Event()

    def load() -> Any:
        assert go.wait(20)
        return model(row_sums)

    plan = Plan(
        load=load, port=0, grpc_port=0, on_grpc=ports.append, until=until, expected=digest("a")
    )
    thread = threading.Thread(target=lambda: run(plan), daemon=True)
    thread.start()
    while not ports:
        time.sleep(0.01)
    with grpc.insecure_channel(f"127.0.0.1:{ports[0]}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        early = refusal(channel, request())
        live = stub.Check(health_pb2.HealthCheckRequest(service="liveness")).status
        seen = []
        for told in stub.Watch(health_pb2.HealthCheckRequest()):
            seen.append(told.status)
            if told.status == health_pb2.HealthCheckResponse.SERVING:
                until.set()
            go.set()
    thread.join(20)

    assert not thread.is_alive()
    assert early.code() == grpc.StatusCode.UNAVAILABLE
    assert dict(early.trailing_metadata())["x-model-digest"] == digest("a")
    assert (live, seen) == (1, [2, 1, 2])


def test_a_moved_stage_loses_no_call() -> None:
    models = {letter: model(row_sums, letter=letter) for letter in "ab"}
    named = ["a"]
    followed = Followed(lambda: digest(named[0]), lambda: models[named[0]], 0.05, "prod")
    seen: list[str] = []

    with (
        serving(models["a"], followed=followed, grpc=True) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for at in range(600):
            if at == 100:
                named[0] = "b"
            answer, call = stub.ModelInfer.with_call(request([(float(at), 1.0)]))
            assert list(answer.outputs[0].contents.fp64_contents) == [at + 1.0]
            seen.append(dict(call.trailing_metadata())["x-model-digest"])

    assert seen[0] == digest("a")
    assert seen[-1] == digest("b")


def test_a_shadow_is_asked_what_comes_over_grpc() -> None:
    def other(data: Any) -> Any:
        return row_sums(data) + 1

    with (
        serving(model(row_sums), shadow=lambda: model(other, letter="b"), grpc=True) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        sent(channel, request())
        time.sleep(0.3)
        text = ask(running.port, "GET", "/metrics").body.decode()

    line = next(each for each in text.splitlines() if 'outcome="different"' in each)
    assert line.endswith(" 1.0")


def test_what_came_is_answered_when_the_server_ends() -> None:
    def slow(data: Any) -> Any:
        time.sleep(0.7)
        return row_sums(data)

    with serving(model(slow), grpc=True) as running:
        channel = grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}")
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.future(request())
        answers: list[Any] = []
        beside = threading.Thread(
            target=lambda: answers.append(ask(running.port, "POST", "/predict", [[1, 2]]))
        )
        beside.start()
        time.sleep(0.3)
        running.until.set()

        assert list(call.result(timeout=10).outputs[0].contents.fp64_contents) == [3.0]
        beside.join(10)
    channel.close()

    assert answers[0].status == 200


def test_a_grpc_port_that_is_taken_is_said_before_the_model_is_loaded(server: Running) -> None:
    with pytest.raises(LocalFailure, match=r"cannot listen at .* for gRPC") as raised:
        run(Plan(load=lambda: pytest.fail("loaded"), port=0, grpc_port=server.grpc_port))

    assert raised.value.hint is not None
    assert "--grpc-port" in raised.value.hint


def test_without_the_extra_the_line_for_pip_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from lading.frameworks import installed

    there = installed.is_installed
    monkeypatch.setattr(installed, "is_installed", lambda name: name != "grpc" and there(name))

    with pytest.raises(LocalFailure) as raised:
        serve("./nowhere", grpc_port=free_port())

    assert raised.value.cause == "grpc"
    assert raised.value.hint == "pip install 'lading[serve-grpc]'"
