"""Single requests that show what a registry can do; for the doctor."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from lading.errors import LadingError
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.stores.remote.connection import Body, BrokenConnection, Response

if TYPE_CHECKING:
    from lading.stores.remote.registry import RemoteStore

_log = logging.getLogger(__name__)

# A registry may need a moment to notice what broke, and a busy one more than that.
_MOMENTS: Final = (0.1, 0.1, 0.2, 0.4, 0.8)


class Probe:
    """Asks one repository; leaves at most blobs behind."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store
        self._minimum = 0

    def takes_chunks(self, nonce: str) -> bool:
        """Whether two PATCHes and a closing PUT make a blob."""
        location = self._begin()
        chunks = [f"first {nonce}".encode().ljust(self._minimum), f"second {nonce}".encode()]
        sent = 0
        for chunk in chunks:
            response = self._patch(location, chunk, sent)
            if response.status not in (201, 202, 204):
                return False
            location = self._following(location, response)
            sent += len(chunk)
        separator = "&" if "?" in location else "?"
        digest = Digest.of(b"".join(chunks))
        response = self._call("PUT", f"{location}{separator}digest={digest}")
        return response.status in (201, 204)

    def resumes(self, nonce: str) -> int:
        """How many bytes of an upload are still there after its connection broke."""
        location = self._begin()
        chunk = f"broken {nonce}".encode() * 4096
        # Half of what is announced: the transport notices, and closes the connection.
        try:
            self._call("PATCH", location, body=Body(len(chunk) * 2, [chunk]))
        except (BrokenConnection, LadingError) as broken:
            _log.debug("broken off on purpose: %s", broken)
        for wait in _MOMENTS:
            if kept := self._kept(location):
                return kept
            time.sleep(wait)
        return self._kept(location)

    def _kept(self, location: str) -> int:
        """How much the registry says it has."""
        response = self._call("GET", location)
        text = response.headers.get("Range", "").removeprefix("bytes=").removeprefix("0-")
        kept = response.status < 300 and text.isdigit() and text != "0"
        return int(text) + 1 if kept else 0

    def gives_ranges(self, descriptor: Descriptor) -> bool:
        """Whether a blob can be read from the middle on."""
        response = self._call(
            "GET", f"{self._store.base}/blobs/{descriptor.digest}", {"Range": "bytes=10-"}
        )
        return response.status == 206

    def has_referrers(self, subject: Descriptor) -> bool:
        """Whether the referrers API answers."""
        response = self._call("GET", f"{self._store.base}/referrers/{subject.digest}")
        kind = response.headers.get("Content-Type", "")
        return response.status == 200 and "image.index" in kind

    def _begin(self) -> str:
        response = self._call("POST", f"{self._store.base}/blobs/uploads/")
        minimum = response.headers.get("OCI-Chunk-Min-Length", "")
        self._minimum = int(minimum) if minimum.isdigit() and len(minimum) < 9 else 0
        return self._following(f"{self._store.base}/", response)

    def _patch(self, location: str, chunk: bytes, start: int) -> Response:
        span = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
        return self._call("PATCH", location, span, Body.of(chunk))

    def _following(self, base: str, response: Response) -> str:
        return self._store.client.resolve_location(base, response.headers.get("Location") or base)

    def _call(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> Response:
        response = self._store.client.call(
            method,
            url,
            self._store.write_scopes,
            headers=headers,
            body=(lambda: body) if body else None,
            accept=range(200, 500),
            doing=f"examine {self._store}",
            repeat=body is None,
        )
        response.drop()
        return response
