"""What the parent and a worker say to each other: JSON objects, one a line, over a socket pair."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, Final

# A worker whose ear is full for so long does not live.
_SECONDS: Final = 2.0
_PART: Final = 65536
# The figures of one worker are some ten thousand bytes.
MOST: Final = 16 * 1024 * 1024

Said = dict[str, Any]


def line(said: Said) -> bytes:
    """One object as it is sent."""
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


class Channel:
    """One end; used by the parent, and by a worker that has no event loop."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(_SECONDS)
        self.socket = end
        self._came = bytearray()

    def fileno(self) -> int:
        """For those who poll."""
        return self.socket.fileno()

    def say(self, said: Said) -> bool:
        """Say something; whether anybody took it."""
        try:
            self.socket.sendall(line(said))
        except OSError:
            return False
        return True

    def heard(self) -> Iterator[Said] | None:
        """What is whole of what was said; None where the other end is gone."""
        try:
            part = self.socket.recv(_PART)
        except (TimeoutError, InterruptedError):
            return iter(())
        except OSError:
            return None
        if not part or len(self._came) > MOST:
            return None
        self._came += part
        whole, newline, rest = self._came.rpartition(b"\n")
        self._came = bytearray(rest)
        return iter([json.loads(each) for each in whole.splitlines()]) if newline else iter(())

    def rest(self) -> Iterator[Said]:
        """What a worker said that has ended."""
        self.socket.settimeout(0)
        while (said := self.heard()) is not None:
            yield from said

    def close(self) -> None:
        """Say and hear no more."""
        self.socket.close()
