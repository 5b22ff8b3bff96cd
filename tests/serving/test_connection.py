"""Clients that dawdle, flood or never read: each is hung up on, and others never notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import uvicorn
from parts.http_client import Client, ask, raw, rest
from serving.serving import Running, digest, model, row_sums, serving
from uvicorn.server import ServerState

from lading.serving.connection import bounded
from lading.serving.limits import Limits
from lading.serving.present import Present

LIMITS = Limits(
    body=100_000,
    bodies=150_000,
    head=4096,
    head_seconds=0.6,
    body_seconds=0.8,
    reading_seconds=0.5,
    connections=20,
)
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    def predict(data: Any) -> Any:
        # An answer that no socket's buffer holds.
        return np.zeros((4_000_000,)) if data[0][0] == 99 else row_sums(data)

    with serving(model(predict), limits=LIMITS) as running:
        yield running


@pytest.fixture(autouse=True)
def lives_on(server: Running) -> Iterator[None]:
    yield
    assert ask(server.port, "POST", "/predict", [[1, 2]]).json["predictions"] == [3.0]


def drip(connection: socket.socket, text: bytes, *, seconds: float) -> float:
    """How long a client may send a letter at a time."""
    started = time.monotonic()
    try:
        for letter in text:
            connection.sendall(bytes([letter]))
            connection.settimeout(0.05)
            try:
                if connection.recv(4096) is not None:
                    break
            except TimeoutError:
                pass
            assert time.monotonic() - started < seconds
    except OSError:
        pass
    return time.monotonic() - started


def test_a_head_that_comes_drop_by_drop_is_cut_off(server: Running) -> None:
    with raw(server.port) as connection:
        took = drip(connection, HEAD + b"X: " + b"y" * 200, seconds=5)

    assert took < 2


def test_a_client_that_says_nothing_is_hung_up_on(server: Running) -> None:
    with raw(server.port, timeout=5) as connection:
        assert rest(connection) == b""


def test_empty_lines_keep_no_connection_open(server: Running) -> None:
    with raw(server.port) as connection:
        took = drip(connection, b"\r\n" * 200, seconds=5)

    assert took < 2


def test_empty_lines_after_an_answer_keep_none_open_either(server: Running) -> None:
    with raw(server.port) as connection:
        connection.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in connection.recv(4096)
        took = drip(connection, b"\r\n" * 200, seconds=5)

    assert took < 2


def test_a_body_that_comes_drop_by_drop_is_408(server: Running) -> None:
    with raw(server.port, timeout=5) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n[")

        answer = rest(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"x-model-digest" in answer


def test_who_was_refused_cannot_go_on_sending(server: Running) -> None:
    started = time.monotonic()
    with raw(server.port, timeout=20) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n")
        assert b" 404 " in connection.recv(4096)
        try:
            while time.monotonic() - started < 15:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
        HEAD + b"X-Y: z\r\n" * 5000,
        b"POST /" + b"y" * 200_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"y" * 200_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n0\r\n" + b"X-Y: z\r\n" * 50_000,
    ],
)
def test_heads_without_end_are_cut_off(server: Running, sent: bytes) -> None:
    with raw(server.port, timeout=10) as connection:
        try:
            connection.sendall(sent)
        except OSError:
            return
        answer = rest(connection)

    assert b" 200 " not in answer


def test_a_chunked_body_without_end_is_413(server: Running) -> None:
    with raw(server.port, timeout=10) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(200):
                connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        except OSError:
            pass
        answer = rest(connection)

    assert answer == b"" or b" 413 " in answer


LARGE = HEAD + b"Content-Length: 9\r\n\r\n[[99, 1]]"
WHOLE = 15_000_000


def narrow(port: int) -> socket.socket:
    """A connection of which little lies in the buffers of its client."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    made.settimeout(20)
    made.connect(("127.0.0.1", port))
    return made


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def late_ones(server: Running) -> int:
    """How many clients were hung up on because they did not read."""
    return sum("does not read" in each["message"] for each in server.events("server"))


def test_a_client_that_never_reads_is_hung_up_on(server: Running) -> None:
    before = late_ones(server)

    with narrow(server.port) as connection:
        connection.sendall(LARGE)
        wait_for(lambda: late_ones(server) > before)
        answer = rest(connection)

    assert len(answer) < WHOLE


def read_whole(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"]}"):
        part = connection.recv(1_000_000)
        assert part
        answer += part
    return answer


def test_a_client_that_reads_is_not_late_with_the_next_answer() -> None:
    def predict(data: Any) -> Any:
        return np.zeros((4_000_000,))

    seconds = 2.0
    limits = replace(LIMITS, reading_seconds=seconds)
    with serving(model(predict), limits=limits) as server, narrow(server.port) as connection:
        connection.sendall(LARGE)
        wait_for(lambda: len(server.events("request")) == 1)
        first = time.monotonic()
        read_whole(connection)
        connection.sendall(LARGE)
        wait_for(lambda: len(server.events("request")) == 2)
        # The first one would be late by now, the second is not.
        time.sleep(max(0.0, first + seconds + 0.1 - time.monotonic()))

        answer = read_whole(connection)

        assert late_ones(server) == 0
    assert len(answer) > WHOLE


def test_answers_that_nobody_reads_are_bounded_in_all() -> None:
    def predict(data: Any) -> Any:
        return np.zeros((4_000_000,))

    limits = replace(LIMITS, reading_seconds=60.0, answers=40_000_000)
    with serving(model(predict), limits=limits) as server, ExitStack() as held:
        several = []
        for at in range(5):
            several.append(held.enter_context(narrow(server.port)))
            several[-1].sendall(LARGE)
            wait_for(lambda at=at: len(server.events("request")) > at)  # type: ignore[misc]
        last = several[-1].makefile("rb")
        whole = [last.readline()]
        while whole[-1].strip():
            whole.append(last.readline())
        length = next(int(x.split(b":")[1]) for x in whole if x.startswith(b"content-length"))
        body = last.read(length)
        first = rest(several[0])

    assert len(body) == length > WHOLE
    assert 0 < len(first) < WHOLE


def test_large_requests_at_once_share_a_bound(server: Running) -> None:
    half = HEAD + b"Content-Length: 90000\r\n\r\n" + b" " * 80_000
    with raw(server.port, timeout=5) as one, raw(server.port, timeout=5) as other:
        one.sendall(half)
        time.sleep(0.1)
        other.sendall(half)

        answer = rest(other)

    assert answer.startswith(b"HTTP/1.1 503 ")


def test_connections_beyond_the_bound_are_refused_and_the_others_stay(server: Running) -> None:
    with Client(server.port) as first:
        first.ask("GET", "/v2")
        held = [raw(server.port) for _ in range(40)]

        answer = first.ask("POST", "/predict", [[1, 1]])
        for each in held:
            each.close()
    time.sleep(0.2)

    assert answer.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        bytes(range(256)) * 20,
    ],
)
def test_what_is_no_http_ends_the_connection_and_nothing_else(server: Running, sent: bytes) -> None:
    with raw(server.port, timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = rest(connection)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nHost: ", 408),
        (b"\r\n" * 5000, 431),
    ],
)
def test_who_is_refused_before_anybody_is_asked_is_told_as_all_others(
    server: Running, sent: bytes, status: int
) -> None:
    with raw(server.port, timeout=10) as connection:
        connection.sendall(sent)
        head, _, body = rest(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"x-model-digest: " + digest("a").encode() in head
    assert json.loads(body)["error"]


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_who_offers_another_protocol_is_answered_in_this_one(server: Running, pieces: int) -> None:
    one = HEAD + OFFER + b"Content-Length: 7\r\n\r\n[[1,2]]"
    chunked = HEAD + OFFER + b"Transfer-Encoding: chunked\r\n\r\n7\r\n[[3,4]]\r\n0\r\n\r\n"
    sent = (
        one
        + chunked
        + b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\n"
        + (b"Upgrade: websocket\r\n\r\n")
    )

    with raw(server.port, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step = len(sent) // pieces + 1
        for at in range(0, len(sent), step):
            connection.sendall(sent[at : at + step])
        answer = rest(connection)

    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"HTTP/1.1 ") == 3
    assert b'"predictions":[3.0]' in answer
    assert b'"predictions":[7.0]' in answer


def test_the_body_of_such_a_request_is_no_request(server: Running) -> None:
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    length = b"Content-Length: %d\r\nConnection: close, upgrade\r\n" % len(inner)

    with raw(server.port, timeout=10) as connection:
        connection.sendall(HEAD + b"Upgrade: h2c\r\n" + length + b"\r\n" + inner)
        answer = rest(connection)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_who_takes_it_for_a_proxy_is_refused(server: Running) -> None:
    with raw(server.port, timeout=10) as connection:
        connection.sendall(b"CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = rest(connection)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_requests_in_one_go_are_answered_in_order(server: Running) -> None:
    one = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n[[1,%d]]"

    with raw(server.port, timeout=10) as connection:
        connection.sendall(b"".join(one % at for at in range(5)))
        found = b""
        while found.count(b"predictions") < 5:
            part = connection.recv(65536)
            assert part
            found += part

    places = [found.index(b'"predictions":[%d.0]' % (1 + at)) for at in range(5)]
    assert places == sorted(places)


def test_slow_clients_hold_up_nobody(server: Running) -> None:
    slow = [raw(server.port) for _ in range(10)]
    stop = threading.Event()

    def drip_all() -> None:
        while not stop.is_set():
            for each in slow:
                with contextlib.suppress(OSError):
                    each.sendall(b"X")
            time.sleep(0.02)

    thread = threading.Thread(target=drip_all)
    thread.start()
    started = time.monotonic()
    for _ in range(20):
        assert ask(server.port, "POST", "/predict", [[1, 1]]).status == 200
    took = time.monotonic() - started
    stop.set()
    thread.join()
    for each in slow:
        each.close()

    assert took < 5


def test_an_answer_comes_in_one_piece(server: Running) -> None:
    one = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n[[1,2]]"

    with raw(server.port, timeout=10) as connection:
        connection.sendall(one)
        found = connection.recv(65536)

    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.endswith(b"}")


def test_who_is_present_is_counted_and_forgotten_with_the_connection() -> None:
    here = Present()
    kind = bounded(LIMITS, here, lambda: digest("a"))
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(here.count)
        await asyncio.Event().wait()

    async def connect() -> None:
        config = uvicorn.Config(app, http=kind, lifespan="off", log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        state = ServerState()
        made = await loop.create_server(
            lambda: kind(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with made:
            port = made.sockets[0].getsockname()[1]
            writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(3)]
            for writer in writers:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while len(seen) < 3:
                await asyncio.sleep(0.01)
            for writer in writers:
                writer.close()
            while here.count:
                await asyncio.sleep(0.01)
            for task in state.tasks:
                task.cancel()

    asyncio.run(asyncio.wait_for(connect(), 10))

    assert max(seen) == 3
    assert here.alone
