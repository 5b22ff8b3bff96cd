"""One request and its answer as ASGI has them: what is read of the one, and sent as the other."""

from __future__ import annotations

from starlette.types import Scope, Send

JSON = b"application/json"


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that name, which is in small letters."""
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return None


async def send_body(
    send: Send, body: bytes, media_type: bytes = JSON, *more: tuple[bytes, bytes]
) -> None:
    """Send an answer that is no error."""
    length = (b"content-length", b"%d" % len(body))
    headers = [length, (b"content-type", media_type), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
