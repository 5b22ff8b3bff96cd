"""The listener: takes what registries say, and bears what strangers do."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest
from hooks.test_notifications import DIGEST, EVENT_TAG, cloud_event, distribution, harbor, zot_data

from lading.errors import InvalidInput, LocalFailure
from lading.hooks.listen import Limits, Listener, Place
from lading.hooks.notifications import Hint

SECRET = "a secret of thirty-two characters"
LOOPBACK = Place("127.0.0.1", 0)


class Open:
    """A listener, and the hints it passed on."""

    def __init__(self, *, secret: str | None = None, limits: Limits | None = None) -> None:
        self.hints: list[Hint] = []
        self.listener = Listener(LOOPBACK, self.hints.append, secret=secret, limits=limits)

    def send(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def post(self, value: object, **headers: str) -> int:
        body = json.dumps(value).encode()
        return self.send("POST", "/notifications", body, **headers).status

    def raw(self, *pieces: bytes, pause: float = 0.0) -> bytes:
        """Say something that no library would, and hear the answer to its end."""
        with socket.create_connection(("127.0.0.1", self.listener.port), timeout=10) as sock:
            try:
                for piece in pieces:
                    sock.sendall(piece)
                    time.sleep(pause)
                heard = b""
                while data := sock.recv(65536):
                    heard += data
            except ConnectionError:
                return heard if "heard" in locals() else b""
            return heard


@pytest.fixture
def opened() -> Iterator[Open]:
    here = Open()
    with here.listener:
        yield here


@pytest.fixture
def locked() -> Iterator[Open]:
    here = Open(secret=SECRET)
    with here.listener:
        yield here


@pytest.fixture
def tight() -> Iterator[Open]:
    here = Open(limits=Limits(head=2048, body=1000, seconds=0.6, connections=3))
    with here.listener:
        yield here


def test_notifications_of_all_three_kinds_become_hints(opened: Open) -> None:
    binary = {"ce_type": "zotregistry.image.updated", "ce_specversion": "1.0"}

    statuses = [
        opened.post({"events": [distribution()]}),
        opened.post(harbor()),
        opened.post(cloud_event("harbor.artifact.pushed", harbor()["event_data"])),
        opened.post(cloud_event("zotregistry.image.updated", zot_data())),
        opened.post(zot_data(DIGEST), **binary),
    ]

    assert statuses == [202] * 5
    assert opened.hints == [Hint("ml/fraud", EVENT_TAG)] * 4 + [Hint("ml/fraud")]


def test_health_is_told_to_anybody_and_nothing_else_is(locked: Open) -> None:
    answer = locked.send("GET", "/healthz")

    assert answer.status == 200
    assert "Python" not in str(answer.headers)
    assert locked.send("GET", "/").status == 404
    assert locked.send("POST", "/", b"{}").status == 404
    assert locked.send("GET", "/notifications").status == 405
    assert locked.send("POST", "/healthz", b"{}").status == 405
    assert locked.send("DELETE", "/notifications").status == 501


@pytest.mark.parametrize(
    "authorization",
    [
        SECRET,
        f"Bearer {SECRET}",
        f"bearer {SECRET}",
        "Basic " + base64.b64encode(f"zot:{SECRET}".encode()).decode(),
    ],
)
def test_the_secret_is_taken_as_registries_send_it(locked: Open, authorization: str) -> None:
    assert locked.post(harbor(), Authorization=authorization) == 202
    assert len(locked.hints) == 1


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        SECRET[:-1],
        f"{SECRET} ",
        "Basic !!!",
        "Basic eDp5",
        "Bearer caf\xe9",
    ],
)
def test_without_the_secret_nothing_is_read(locked: Open, authorization: str) -> None:
    assert locked.post(harbor(), Authorization=authorization) == 401
    assert locked.post({"x": "y" * 900_000}, Authorization=authorization) == 401
    assert locked.hints == []


@pytest.mark.parametrize("body", [b"{", b"{}", b"[]", b"\xff\xfe", b"[" * 50_000])
def test_what_is_no_notification_is_refused(opened: Open, body: bytes) -> None:
    assert opened.send("POST", "/notifications", body).status == 400
    assert opened.hints == []


def test_a_body_that_is_too_large_is_not_read(opened: Open) -> None:
    assert opened.send("POST", "/notifications", b"x" * (1024 * 1024 + 1)).status == 413
    said = opened.raw(b"POST /notifications HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.0 413")


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"Content-Length: -1\r\n", b"Content-Length: 1e3\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: \xc2\xb2\r\n"),
    ],
)
def test_a_body_must_say_how_long_it_is(opened: Open, header: bytes) -> None:
    said = opened.raw(b"POST /notifications HTTP/1.1\r\n" + header + b"\r\n{}")

    assert said.startswith(b"HTTP/1.0 411")


def test_a_body_that_ends_early_is_refused(tight: Open) -> None:
    with socket.create_connection(("127.0.0.1", tight.listener.port), timeout=5) as sock:
        sock.sendall(b"POST /notifications HTTP/1.1\r\nContent-Length: 50\r\n\r\n{}")
        sock.shutdown(socket.SHUT_WR)

        assert sock.recv(100).startswith(b"HTTP/1.0 400")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused(tight: Open, head: bytes) -> None:
    assert tight.raw(head)[:12] in (b"HTTP/1.0 431", b"")
    assert tight.send("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "line", [b"\r\n", b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
def test_nonsense_is_borne(opened: Open, line: bytes) -> None:
    opened.raw(line + b"\r\n")

    assert opened.send("GET", "/healthz").status == 200


def test_who_sends_a_byte_now_and_then_is_cut_off_in_time(tight: Open) -> None:
    began = time.monotonic()

    tight.raw(*[b"G", b"E", b"T", b" ", b"/"] * 20, pause=0.1)

    assert time.monotonic() - began < 6
    body = b"POST /notifications HTTP/1.1\r\nContent-Length: 900\r\n\r\n"
    began = time.monotonic()
    tight.raw(body, *[b"x"] * 100, pause=0.1)
    assert time.monotonic() - began < 6


def test_no_more_connections_are_held_than_there_is_room_for() -> None:
    here = Open(limits=Limits(seconds=5, connections=3))
    with here.listener, contextlib.ExitStack() as dawdlers:
        address = ("127.0.0.1", here.listener.port)
        for _ in range(3):
            dawdlers.enter_context(socket.create_connection(address, timeout=5))
        # Whoever comes fourth is turned away at once, and not in five seconds.
        began = time.monotonic()
        with socket.create_connection(address, timeout=5) as fourth:
            assert fourth.recv(1) == b""
        assert time.monotonic() - began < 4
        dawdlers.close()
        time.sleep(0.2)

        assert here.send("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "text", ["8080", "host:", ":x", "127.0.0.1:70000", "a b:80", "[::1:80", ":²"]
)
def test_what_is_no_place_to_listen_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Place.parse(text)


def test_places_are_read_as_people_write_them() -> None:
    assert Place.parse(":8080") == Place("127.0.0.1", 8080)
    assert Place.parse("[::1]:0") == Place("::1", 0)
    assert not Place.parse("0.0.0.0:80").is_loopback


def test_a_place_that_others_can_reach_needs_a_secret() -> None:
    with pytest.raises(InvalidInput, match="anybody"):
        Listener(Place("0.0.0.0", 0), print)
    with pytest.raises(InvalidInput, match="too short"):
        Listener(Place("0.0.0.0", 0), print, secret="short")


def test_an_address_that_is_taken_is_said(opened: Open) -> None:
    with pytest.raises(LocalFailure, match="cannot listen"):
        Listener(Place("127.0.0.1", opened.listener.port), print)
