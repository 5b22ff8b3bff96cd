"""The blobs of one repository: a large one as a stream, a small one whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import IntegrityError, InvalidInput, Unavailable
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.stores.remote.blob import BlobReader
from lading.stores.remote.connection import BrokenConnection, Response
from lading.stores.remote.grant import Scope
from lading.stores.remote.retry import backoff

if TYPE_CHECKING:
    from lading.stores.remote.client import Client


@dataclass(frozen=True, slots=True)
class Blobs:
    """What is read of a repository's blobs."""

    client: Client
    # HOST/NAME, for who is told.
    shown: str
    # The repository's address.
    base: str
    scopes: tuple[Scope, ...]
    retries: int

    @contextmanager
    def stream(self, descriptor: Descriptor, offset: int, end: int) -> Iterator[BlobReader]:
        """The bytes of a blob up to an end; a broken connection is mended on the way."""
        reader = BlobReader(
            descriptor,
            offset,
            lambda position: self._ask(descriptor, position, end),
            retries=self.retries,
            end=end,
        )
        try:
            yield reader
        finally:
            reader.close()

    def whole(self, digest: Digest, limit: int) -> bytes:
        """A small blob of which only the digest is known, verified.

        Raises:
            NotFound: it is not here.
            InvalidInput: it is larger than the limit.
            IntegrityError: it is not what its digest says.
            Unavailable: it broke off again and again.
        """
        doing = f"fetch {digest.short} from {self.shown}"
        for failures in range(self.retries + 1):
            response = self.client.call(
                "GET", f"{self.base}/blobs/{digest}", self.scopes, doing=doing
            )
            announced = response.length
            try:
                raw = response.read(limit + 1) if (announced or 0) <= limit else None
            except BrokenConnection:
                raw = b""
            response.close()
            if raw is None or len(raw) > limit:
                raise InvalidInput(
                    f"content {digest.short} is too large to be read whole",
                    cause=f"{announced or 'more'} bytes, the limit is {limit}",
                )
            if _is(digest, raw):
                return raw
            if len(raw) == announced:
                raise IntegrityError(f"content of {digest} is damaged", cause=f"in {self.shown}")
            time.sleep(backoff(failures))
        raise Unavailable(f"cannot {doing}", cause="the answer ended too early", hint="try again")

    def _ask(self, descriptor: Descriptor, position: int, end: int) -> Response:
        last = str(end - 1) if end < descriptor.size else ""
        return self.client.call(
            "GET",
            f"{self.base}/blobs/{descriptor.digest}",
            self.scopes,
            headers={"Range": f"bytes={position}-{last}"} if position or last else None,
            accept=(200, 206),
            doing=f"fetch {descriptor.digest.short} from {self.shown}",
        )


def _is(digest: Digest, raw: bytes) -> bool:
    hasher = digest.hasher()
    hasher.update(raw)
    return hasher.hexdigest() == digest.hex
