"""Signatures: genuine and recent deliveries pass, nothing else does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lading
from lading.errors import AccessDenied, InvalidInput
from lading.hooks.signing import delivery_id, signed_headers, verify_webhook
from lading.spec.encoding import encode

SECRET = "a secret of thirty-two characters"
BODY = encode({"kind": "assigned", "delivery": "d1"})


def headers(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return signed_headers(secret.encode(), body, delivery="d1", kind="assigned")


def test_a_genuine_delivery_tells_its_id() -> None:
    assert lading.verify_webhook(SECRET, headers(), BODY) == "d1"
    assert verify_webhook(SECRET.encode(), headers(), BODY) == "d1"


def test_the_signature_is_the_one_that_the_words_promise() -> None:
    import hashlib
    import hmac

    sent = headers()
    expected = hmac.new(
        SECRET.encode(), f"{sent['Lading-Timestamp']}.".encode() + BODY, hashlib.sha256
    )

    assert sent["Lading-Signature"] == f"v1={expected.hexdigest()}"
    assert sent["Lading-Event"] == "assigned"


def test_the_names_of_headers_may_be_in_any_case() -> None:
    lowered = {name.lower(): value for name, value in headers().items()}

    assert verify_webhook(SECRET, lowered, BODY) == "d1"


def test_a_sender_that_changes_its_secret_may_sign_twice() -> None:
    old, new = headers(secret="the secret of last year"), headers()
    new["Lading-Signature"] = f"{old['Lading-Signature']}, {new['Lading-Signature']}"

    assert verify_webhook(SECRET, new, BODY) == "d1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Lading-Signature", "v1=" + "0" * 64),
        ("Lading-Signature", "v1=café"),
        ("Lading-Signature", ""),
        ("Lading-Timestamp", "1"),
        ("Lading-Timestamp", "now"),
        ("Lading-Timestamp", "-5"),
        ("Lading-Timestamp", "٣"),
        ("Lading-Delivery", "d2"),
    ],
)
def test_a_header_that_was_changed_is_refused(name: str, value: str) -> None:
    with pytest.raises(AccessDenied):
        verify_webhook(SECRET, headers() | {name: value}, BODY)


@pytest.mark.parametrize("name", ["Lading-Signature", "Lading-Timestamp", "Lading-Delivery"])
def test_a_header_that_is_missing_is_refused(name: str) -> None:
    sent = headers()
    del sent[name]

    with pytest.raises(AccessDenied):
        verify_webhook(SECRET, sent, BODY)


def test_another_secret_is_refused() -> None:
    with pytest.raises(AccessDenied, match="wrong"):
        verify_webhook("another secret, long enough", headers(), BODY)


@given(st.binary(max_size=200))
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(AccessDenied):
        verify_webhook(SECRET, headers(), body + b" ")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_what_was_overheard_is_of_no_use_later(seconds: float) -> None:
    sent = headers()

    with pytest.raises(AccessDenied, match="too old"):
        verify_webhook(SECRET, sent, BODY, now=time.time() + seconds)


def test_a_short_secret_is_none() -> None:
    with pytest.raises(InvalidInput, match="too short"):
        verify_webhook("secret", headers(), BODY)


def test_a_delivery_has_one_id_however_often_it_is_repeated() -> None:
    one = delivery_id("ml/fraud", 3, "sha256:aa", "https://a.example.com/")

    assert one == delivery_id("ml/fraud", 3, "sha256:aa", "https://a.example.com/")
    others = {
        delivery_id("ml/other", 3, "sha256:aa", "https://a.example.com/"),
        delivery_id("ml/fraud", 4, "sha256:aa", "https://a.example.com/"),
        delivery_id("ml/fraud", 3, "sha256:bb", "https://a.example.com/"),
        delivery_id("ml/fraud", 3, "sha256:aa", "https://b.example.com/"),
    }
    assert len(others | {one}) == 5
