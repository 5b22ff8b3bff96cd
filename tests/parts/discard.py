"""A registry that believes everything and keeps nothing: for models larger than a test's disk.

It is a double: it takes any upload and throws the bytes away unhashed, and serves blobs of any
size that are zeros after a beginning. Only manifests are kept. Use it to measure memory and speed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import cast

from parts.server import BUFFER, Handler, Server

_ZEROS = bytes(BUFFER)
_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+:[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Sparse:
    """A blob that starts with some bytes and goes on as zeros."""

    start: bytes
    size: int


class _DiscardHandler(Handler):
    def answer(self) -> None:
        part = cast("Discard", self.part)
        path = self.request_log.path
        manifest, blob = _MANIFEST.fullmatch(path), _BLOB.fullmatch(path)
        if manifest is not None:
            self._manifest(part, manifest["reference"])
        elif blob is not None:
            self._blob(part, blob["digest"])
        elif "/blobs/uploads/" in path:
            self._upload(part)
        elif path.endswith("/tags/list"):
            tags = [name for name in part.manifests if ":" not in name]
            self.reply(200, json.dumps({"tags": tags}).encode())
        else:
            self.reply(200 if path in ("/v2", "/v2/") else 404)

    def _manifest(self, part: Discard, reference: str) -> None:
        if self.command == "PUT":
            raw = self.read_body()
            digest = "sha256:" + hashlib.sha256(raw).hexdigest()
            part.manifests[reference] = part.manifests[digest] = raw
            self.reply(201, b"", {"Docker-Content-Digest": digest})
            return
        found = part.manifests.get(reference)
        if found is None:
            self.reply(404)
            return
        digest = "sha256:" + hashlib.sha256(found).hexdigest()
        kind = json.loads(found)["mediaType"]
        self.reply(200, found, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def _upload(self, part: Discard) -> None:
        self.drain()
        request = self.request_log
        received = int(request.query.get("received", 0)) + request.received
        part.received += request.received
        digest = request.query.get("digest")
        if digest is not None:
            part.blobs[digest] = Sparse(b"", received)
            self.reply(201, b"", {"Docker-Content-Digest": digest})
            return
        base = request.path.rstrip("/").removesuffix("/session")
        headers = {"Location": f"{base}/session?received={received}"}
        headers["Range"] = f"0-{max(0, received - 1)}"
        self.reply(204 if self.command == "GET" else 202, b"", headers)

    def _blob(self, part: Discard, digest: str) -> None:
        blob = part.blobs.get(digest)
        if blob is None:
            self.reply(404)
            return
        match = re.match(r"bytes=(\d+)-", self.request_log.headers.get("range", ""))
        offset = int(match[1]) if match else 0
        headers = {"Content-Length": str(blob.size - offset), "Docker-Content-Digest": digest}
        if match:
            headers["Content-Range"] = f"bytes {offset}-{blob.size - 1}/{blob.size}"
        self.send_head(206 if match else 200, headers)
        self.finish_head()
        if self.command == "GET":
            self._send_sparse(blob, offset)

    def _send_sparse(self, blob: Sparse, offset: int) -> None:
        start = blob.start[offset:]
        self.send(start)
        left = blob.size - offset - len(start)
        while left:
            self.send(memoryview(_ZEROS)[: min(left, BUFFER)])
            left -= min(left, BUFFER)


class Discard(Server):
    """Takes any push; ``received`` counts its bytes. ``serve`` makes a blob that can be pulled."""

    handler = _DiscardHandler

    def __init__(self) -> None:
        super().__init__()
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, Sparse] = {}
        self.received = 0

    def serve(self, digest: str, start: bytes, size: int) -> None:
        """Serve ``start`` and then zeros, ``size`` bytes in all, under a digest taken on trust."""
        self.blobs[digest] = Sparse(start, size)
