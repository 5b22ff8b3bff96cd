"""Signatures of deliveries: made by the sender, checked by the receiver.

``HMAC-SHA256(secret, timestamp + "." + body)``. The time is signed, so that what was overheard
is of no use later; the delivery's id is in the body, so that it is signed, too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from typing import Final

from lading.errors import AccessDenied, InvalidInput
from lading.spec.encoding import decode_object

TIMESTAMP: Final = "Lading-Timestamp"
DELIVERY: Final = "Lading-Delivery"
SIGNATURE: Final = "Lading-Signature"
EVENT: Final = "Lading-Event"

# Ten minutes of guessing must not be enough.
SHORTEST_SECRET: Final = 16
_SCHEME: Final = "v1="
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
# A sender that changes its secret may sign with the old one as well.
_MOST_SIGNATURES: Final = 5


def check_secret(secret: str | bytes) -> bytes:
    """A secret that is long enough to be one.

    Raises:
        InvalidInput: it is not.
    """
    raw = secret.encode() if isinstance(secret, str) else secret
    if len(raw) < SHORTEST_SECRET:
        raise InvalidInput(
            "the webhook's secret is too short",
            cause=f"{len(raw)} bytes; {SHORTEST_SECRET} are the least",
            hint="openssl rand -hex 32",
        )
    return raw


def delivery_id(repository: str, seq: int, event: str, url: str) -> str:
    """The id of a delivery: the same however often it is repeated, and for nothing else."""
    parts = "\n".join((repository, str(seq), event, url))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def signed_headers(secret: bytes, body: bytes, *, delivery: str, kind: str) -> dict[str, str]:
    """The headers of a delivery that is sent now."""
    timestamp = str(int(time.time()))
    return {
        TIMESTAMP: timestamp,
        DELIVERY: delivery,
        SIGNATURE: _SCHEME + _signature(secret, timestamp, body),
        EVENT: kind,
    }


def verify_webhook(
    secret: str | bytes,
    headers: Mapping[str, str],
    body: bytes,
    tolerance: float = 300.0,
    *,
    now: float | None = None,
) -> str:
    """The id of a delivery that is genuine and recent.

    For whoever receives Lading's webhooks. The names of headers may be in any case. A delivery
    that was repeated has the id that it had before: remember ids for ``tolerance`` seconds at
    least and do nothing twice.

    Raises:
        AccessDenied: it is not signed with this secret, or not within ``tolerance`` seconds.
        InvalidInput: the secret is too short to be one.
    """
    key = check_secret(secret)
    found = {name.lower(): value for name, value in headers.items()}
    timestamp = found.get(TIMESTAMP.lower(), "")
    offered = found.get(SIGNATURE.lower(), "").split(",")[:_MOST_SIGNATURES]
    if _SECONDS.fullmatch(timestamp) is None:
        raise _refused("it says no time")
    expected = _signature(key, timestamp, body)
    # All are compared, and each in the same time whatever it says.
    matches = [_same(expected, each.strip().removeprefix(_SCHEME)) for each in offered]
    if not any(matches):
        raise _refused("the signature is wrong")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise _refused("it is too old, or a clock is wrong")
    return _delivery(found, body)


def _delivery(headers: Mapping[str, str], body: bytes) -> str:
    """The id in the body, which is signed; a header that says otherwise was changed on the way."""
    try:
        said = decode_object(body, "the delivery").get("delivery")
    except InvalidInput as error:
        raise _refused("the body is not Lading's") from error
    if not isinstance(said, str) or headers.get(DELIVERY.lower()) != said:
        raise _refused("its id is not the one that was signed")
    return said


def _signature(secret: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _same(expected: str, offered: str) -> bool:
    # compare_digest takes text of ASCII only, and what a stranger sends may hold anything.
    return hmac.compare_digest(expected.encode(), offered.encode("utf-8", "replace"))


def _refused(cause: str) -> AccessDenied:
    return AccessDenied(
        "this delivery cannot be trusted", cause=cause, hint="do not act on it; answer 401"
    )
