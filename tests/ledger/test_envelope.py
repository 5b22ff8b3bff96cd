"""Statements as they are stored: plain, or in the envelope that signed ones will have."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ledger.samples import event

from lading.errors import InvalidInput
from lading.ledger.envelope import ENVELOPE, PLAIN, unwrap, wrap

STATEMENT = event(reason="größer <b> & 'kleiner' ÿþ").encode()


def envelope(**fields: Any) -> bytes:
    payload = base64.b64encode(STATEMENT).decode()
    signed = {"payloadType": PLAIN, "payload": payload, "signatures": [{"sig": "AA=="}]}
    return json.dumps(signed | fields).encode()


def test_what_is_wrapped_is_unwrapped() -> None:
    assert unwrap(*wrap(STATEMENT)) == STATEMENT
    assert wrap(STATEMENT) == (PLAIN, STATEMENT)


def test_a_statement_in_an_envelope_is_read() -> None:
    assert unwrap(ENVELOPE, envelope()) == STATEMENT


def test_an_envelope_may_use_either_alphabet_of_base64() -> None:
    payload = base64.urlsafe_b64encode(STATEMENT).decode()
    assert "-" in payload or "_" in payload

    assert unwrap(ENVELOPE, envelope(payload=payload)) == STATEMENT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        envelope(payloadType="application/vnd.dev.sigstore.bundle.v0.3+json"),
        envelope(payload="no base64!"),
        envelope(payload="größer"),
        envelope(payload=["AA=="]),
        envelope(payload=None),
        b'{"a":' * 5000,
    ],
)
def test_an_envelope_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        unwrap(ENVELOPE, raw)


def test_a_signature_for_admission_is_no_event() -> None:
    with pytest.raises(InvalidInput, match="not a statement"):
        unwrap("application/vnd.dev.sigstore.bundle.v0.3+json", envelope())
