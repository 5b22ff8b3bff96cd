"""A socket that listens, before anything is loaded."""

from __future__ import annotations

import socket
from typing import Final

from lading.errors import InvalidInput, LocalFailure

_BACKLOG: Final = 1024


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a taken address is said before anything is loaded.

    Raises:
        InvalidInput: there is no such port.
        LocalFailure: the address is taken, or not this machine's.
    """
    if not 0 <= port <= 65535:
        raise InvalidInput(f"there is no port {port}", hint="--port 8080")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise LocalFailure(f"cannot listen at {host[:100]}", cause=error.strerror) from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise LocalFailure(
            f"cannot listen at {host}:{port}",
            cause=error.strerror,
            hint="--port of a free port, --host of an address of this machine",
        ) from error
    return made
