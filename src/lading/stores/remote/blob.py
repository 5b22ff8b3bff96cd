"""Reading a blob from a registry: one stream, whatever breaks below it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from lading.errors import IntegrityError, Unavailable, Unsupported
from lading.spec.descriptor import Descriptor
from lading.stores.remote.connection import BrokenConnection, Response

Ask = Callable[[int], Response]


# More than this is not thrown away to get at a part of a blob; to its end, everything is.
_MOST_SKIPPED: Final = 64 * 1024 * 1024


class BlobReader:
    """The bytes of a blob from an offset on; goes on by Range where a connection broke.

    ``ask(offset)`` sends the request. Gives up when nothing at all arrived so many times in a
    row; progress starts the count anew. With ``end`` it stops there, before the blob's end.
    """

    def __init__(
        self,
        descriptor: Descriptor,
        offset: int,
        ask: Ask,
        *,
        retries: int,
        end: int | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._position = offset
        self._end = descriptor.size if end is None else end
        self._ask = ask
        self._retries = retries
        self._failures = 0
        self._response: Response | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 exactly at the end that the descriptor states, or that was asked for.

        Raises:
            IntegrityError: the registry holds more or fewer bytes than that.
            Unavailable: it broke off again and again.
            Unsupported: it knows no ranges, and a part far from the beginning is wanted.
        """
        remaining = self._end - self._position
        if remaining <= 0 or not len(buffer):
            return 0
        while True:
            try:
                if self._response is None:
                    self._response = self._open()
                count = self._response.readinto(buffer[:remaining])
            except BrokenConnection as broken:
                self._again(broken)
                continue
            if count:
                self._failures = 0
                self._position += count
                return count
            self._again(EOFError("the answer ended too early"))

    def close(self) -> None:
        """Be done; a connection that was read to its end is kept for the next request."""
        if self._response is not None:
            self._response.release()
            self._response = None

    def _open(self) -> Response:
        response = self._ask(self._position)
        if response.status == 206:
            self._check_range(response)
            self._check_length(response, self._end - self._position)
            return response
        # Without ranges, what was had already is read again and dropped.
        self._check_length(response, self._descriptor.size)
        if self._end < self._descriptor.size and self._position > _MOST_SKIPPED:
            response.close()
            raise Unsupported(
                f"cannot read a part of {self._descriptor.digest}",
                cause="the registry, or a proxy before it, sends whole files only",
                hint="lading pull brings the whole version, and the cache is read then",
            )
        if self._position:
            _skip(response, self._position)
        return response

    def _check_length(self, response: Response, expected: int) -> None:
        if response.length is not None and response.length != expected:
            response.close()
            raise IntegrityError(
                f"content of {self._descriptor.digest} has another size than its descriptor says",
                cause=f"the registry announces {response.length} bytes instead of {expected}",
            )

    def _check_range(self, response: Response) -> None:
        text = response.headers.get("Content-Range", "")
        match = re.match(r"bytes (\d+)-", text)
        if match is None or int(match[1]) != self._position:
            response.close()
            raise Unavailable(
                f"cannot go on with {self._descriptor.digest}",
                cause=f"asked for bytes from {self._position}, got {text[:60]!r}",
            )

    def _again(self, cause: Exception) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
        self._failures += 1
        if self._failures > self._retries:
            raise Unavailable(
                f"cannot fetch {self._descriptor.digest}",
                cause=f"broke off at byte {self._position}: {cause}",
                hint="try again; what arrived is kept",
            ) from cause
        time.sleep(min(5.0, 0.1 * 2.0**self._failures))


def _skip(response: Response, count: int) -> None:
    buffer = memoryview(bytearray(256 * 1024))
    while count:
        got = response.readinto(buffer[: min(len(buffer), count)])
        if not got:
            raise BrokenConnection(EOFError("the answer ended too early"), reused=False)
        count -= got
