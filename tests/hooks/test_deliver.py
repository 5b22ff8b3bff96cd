"""Deliveries to a real receiver: repeated, redirected, slow, refused."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hooks.conftest import Receiver, ReceiverHandler
from parts.proxy import Proxy
from parts.server import Handler, Server

from lading.errors import AccessDenied, InvalidInput, LadingError, Unavailable
from lading.hooks.address import Address
from lading.hooks.deliver import Webhook
from lading.hooks.post import Line
from lading.hooks.signing import verify_webhook
from lading.stores.remote.origin import Origin


class _NamingHandler(Handler):
    """Forwards everything to one receiver, whatever name it was asked for."""

    def answer(self) -> None:
        receiver = cast("NamingProxy", self.part).receiver
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
        names = ("lading-timestamp", "lading-delivery", "lading-signature")
        headers = {name: self.request_log.headers[name] for name in names}
        with contextlib.closing(connection):
            connection.request("POST", "/x", self.read_body(), headers)
            self.reply(connection.getresponse().status)


class NamingProxy(Server):
    handler = _NamingHandler

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self.receiver = receiver


SECRET = b"a secret of thirty-two characters"


def webhook(url: str, line: Line | None = None, tries: int = 4) -> Webhook:
    return Webhook(
        address=Address.parse(url), secret=SECRET, line=line or Line(timeout=5), tries=tries
    )


def deliver(hook: Webhook) -> list[float]:
    """Deliver, and tell the waits between tries."""
    waits: list[float] = []
    hook.deliver(
        {"kind": "assigned", "stage": "prod"}, delivery="d1", kind="assigned", pause=waits.append
    )
    return waits


def test_a_delivery_is_json_that_the_receiver_can_verify(receiver: Receiver) -> None:
    assert deliver(webhook(f"{receiver.origin}/hook?team=risk")) == []

    (sent,) = receiver.deliveries
    assert sent.path == "/hook?team=risk"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["lading-event"] == "assigned"
    assert json.loads(sent.body) == {"kind": "assigned", "stage": "prod", "delivery": "d1"}
    assert verify_webhook(SECRET, sent.headers, sent.body) == "d1"


def test_a_receiver_that_fails_is_told_again_with_the_same_id(receiver: Receiver) -> None:
    for status in (500, 503, 429):
        receiver.then(status)

    waits = deliver(webhook(receiver.origin))

    assert [sent.headers["lading-delivery"] for sent in receiver.deliveries] == ["d1"] * 4
    assert len(waits) == 3
    assert 0 < waits[0] < waits[2]


def test_a_receiver_that_never_takes_it_is_given_up(receiver: Receiver) -> None:
    for _ in range(9):
        receiver.then(502)

    with pytest.raises(Unavailable, match="answers 502, 4 times"):
        deliver(webhook(receiver.origin))

    assert len(receiver.deliveries) == 4


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("86400", 120), ("soon", None)])
def test_the_wait_that_a_receiver_asks_for_is_kept_within_bounds(
    receiver: Receiver, asked: str, waited: float | None
) -> None:
    receiver.then(503, Retry_After=asked)

    (wait,) = deliver(webhook(receiver.origin))

    assert wait == waited if waited is not None else wait < 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((400, InvalidInput), (404, InvalidInput), (410, InvalidInput), (302, InvalidInput)),
        *((401, AccessDenied), (403, AccessDenied)),
    ],
)
def test_a_refusal_is_final(receiver: Receiver, status: int, error: type[LadingError]) -> None:
    receiver.then(status, Location="/elsewhere")

    with pytest.raises(error, match=str(status)):
        deliver(webhook(receiver.origin))

    assert len(receiver.deliveries) == 1


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_origin_is_followed(receiver: Receiver, status: int) -> None:
    receiver.then(status, Location="/new")

    deliver(webhook(f"{receiver.origin}/old"))

    assert [sent.path for sent in receiver.deliveries] == ["/old", "/new"]
    assert receiver.deliveries[1].body == receiver.deliveries[0].body
    verify_webhook(SECRET, receiver.deliveries[1].headers, receiver.deliveries[1].body)


@pytest.mark.parametrize("place", ["{other}/x", "//{host}/x", "https://{own}/x", "//a@{own}/x"])
def test_a_redirect_to_another_origin_is_not_followed(
    receiver: Receiver, other: Receiver, place: str
) -> None:
    receiver.then(
        307, Location=place.format(other=other.origin, host=other.host, own=receiver.host)
    )

    with pytest.raises(InvalidInput, match="redirects to"):
        deliver(webhook(receiver.origin))

    assert other.requests == []
    assert len(receiver.deliveries) == 1


def test_redirects_in_circles_end(receiver: Receiver) -> None:
    for _ in range(9):
        receiver.then(307, Location="/again")

    with pytest.raises(InvalidInput, match="circles"):
        deliver(webhook(receiver.origin))

    assert len(receiver.deliveries) == 4


def test_a_receiver_that_trickles_its_answer_is_cut_off(receiver: Receiver) -> None:
    def trickle(handler: ReceiverHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    receiver.replies.append(trickle)
    began = time.monotonic()

    with pytest.raises(Unavailable, match="not within 1 seconds"):
        deliver(webhook(receiver.origin, Line(timeout=1), tries=1))

    assert time.monotonic() - began < 7


def test_a_tls_receiver_that_says_nothing_is_cut_off(receiver: Receiver) -> None:
    """Plain http answers a TLS greeting with silence until it has a whole line."""
    url = receiver.origin.replace("http:", "https:")

    with pytest.raises(Unavailable):
        deliver(webhook(url, Line(timeout=1), tries=1))


def test_an_answer_without_end_is_not_read_to_it(receiver: Receiver) -> None:
    def endless(handler: ReceiverHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 400 No\r\n\r\n")
        for _ in range(1000):
            handler.wfile.write(b"x" * 65536)

    receiver.replies.append(endless)

    with pytest.raises(InvalidInput, match="400") as raised:
        deliver(webhook(receiver.origin))

    assert len(str(raised.value)) < 500


def test_a_receiver_that_hangs_up_is_told_again(receiver: Receiver) -> None:
    receiver.replies.append(lambda handler: handler.hang_up())

    assert len(deliver(webhook(receiver.origin))) == 1


def test_a_certificate_of_the_settings_is_trusted_and_no_other(tls_receiver: Receiver) -> None:
    trusting = Line(timeout=5, ca_file=Path(tls_receiver.ca_file))

    deliver(webhook(tls_receiver.origin, trusting))
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        deliver(webhook(tls_receiver.origin, tries=1))

    assert len(tls_receiver.deliveries) == 1


def test_a_proxy_of_the_settings_is_gone_through(receiver: Receiver) -> None:
    """Loopback is never proxied, so the receiver is reached by a name only the proxy knows."""
    with NamingProxy(receiver) as proxy:
        line = Line(timeout=5, http_proxy=f"http://ada:secret@{proxy.host}")
        hook = Webhook(
            address=Address.parse("http://hooks.example.com/x", insecure=True),
            secret=SECRET,
            line=line,
        )
        deliver(hook)
        bypassing = replace(line, no_proxy="example.com", timeout=1)
        with pytest.raises(Unavailable):
            deliver(replace(hook, line=bypassing, tries=1))

    (asked,) = proxy.requests
    assert asked.target == "http://hooks.example.com/x"
    assert asked.headers["host"] == "hooks.example.com"
    (sent,) = receiver.deliveries
    assert "proxy-authorization" not in sent.headers


def test_an_encrypted_webhook_is_tunnelled_through_the_proxy(
    tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Origin, "is_loopback", property(lambda origin: False))
    with Proxy() as proxy:
        line = Line(timeout=5, ca_file=Path(tls_receiver.ca_file), https_proxy=proxy.origin)

        deliver(webhook(tls_receiver.origin, line))

    assert proxy.tunnels() == [tls_receiver.host]
    assert len(tls_receiver.deliveries) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/x", "ftp://hooks.example.com/", "hooks.example.com", ""),
        *("https://", "https://a b/", "https://a.example.com/\r\nX: y", "file:///etc/passwd"),
        *("https://[::1", "https://a.example.com:99999/", "https://ü.example.com/"),
        *("https://user:hunter22@a.example.com/", "https://hunter22@a.example.com/x"),
        *("https:/\\hunter22@a.example.com/", "https://a.example.com/hunter22 x"),
    ],
)
def test_what_is_no_safe_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Address.parse(url)

    said = f"{raised.value} {raised.value.cause} {raised.value.hint}"
    assert "hunter22" not in said


def test_plain_http_is_for_this_machine_or_for_those_who_say_so() -> None:
    assert str(Address.parse("http://127.0.0.1:8080/secret")) == "http://127.0.0.1:8080"
    assert Address.parse("http://[::1]:80/").origin.is_loopback
    assert Address.parse("http://hooks.example.com/x", insecure=True).target == "/x"


def test_neither_path_nor_secret_of_a_webhook_is_shown() -> None:
    hook = webhook("https://hooks.example.com/services/hunter22")

    assert "hunter22" not in str(hook)
    assert "secret of thirty" not in repr(hook)
