"""How a statement is wrapped: plain while events are unsigned, in a DSSE envelope when they are.

The one place that wraps and unwraps. Whose key an envelope was signed with is for a room of its own
to say; until there is one, nobody signed.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from lading.errors import InvalidInput
from lading.spec.descriptor import text_field
from lading.spec.encoding import decode_object
from lading.spec.event import STATEMENT_LIMIT

PLAIN: Final = "application/vnd.in-toto+json"
ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
# Base64 takes a third more, and signatures want their room.
LIMIT: Final = 2 * STATEMENT_LIMIT


def wrap(statement: bytes) -> tuple[str, bytes]:
    """The media type and the bytes that are stored."""
    return PLAIN, statement


def unwrap(media_type: str, raw: bytes) -> bytes:
    """The statement in what was stored.

    Raises:
        InvalidInput: it is neither a statement nor an envelope around one.
    """
    if media_type == PLAIN:
        return raw
    if media_type != ENVELOPE:
        raise InvalidInput("not a statement", cause=f"its media type is {media_type[:100]}")
    envelope = decode_object(raw, "the envelope")
    if envelope.get("payloadType") != PLAIN:
        raise InvalidInput("the envelope holds no statement")
    try:
        # Writers may use either alphabet.
        payload = text_field(envelope, "payload").replace("-", "+").replace("_", "/")
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("the envelope's payload is not base64") from error
