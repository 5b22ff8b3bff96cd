"""A registry as the specification has it: a few requests by hand, and nothing of Lading."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

Json = dict[str, Any]


def digest_of(raw: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def compact(value: Json) -> bytes:
    """JSON as Go writes it, for values without anything that Go escapes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def folders_of(folder: Path) -> set[str]:
    """Every folder below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of a registry on loopback."""

    host: str
    name: str

    def manifest(self, reference: str) -> bytes:
        """The exact bytes of a manifest, by tag or digest."""
        status, _, raw = self._ask("GET", f"manifests/{reference}")
        assert status == 200, f"{reference}: {status} {raw!r}"
        return raw

    def document(self, reference: str) -> Json:
        """A manifest, parsed."""
        value: Json = json.loads(self.manifest(reference))
        return value

    def blob(self, digest: str) -> bytes:
        """The bytes of a blob."""
        status, _, raw = self._ask("GET", f"blobs/{digest}")
        assert status == 200, f"{digest}: {status} {raw!r}"
        return raw

    def has(self, kind: str, digest: str) -> bool:
        """Whether ``manifests`` or ``blobs`` hold a digest."""
        return self._ask("HEAD", f"{kind}/{digest}")[0] == 200

    def tags(self) -> list[str]:
        """Every tag."""
        status, _, raw = self._ask("GET", "tags/list")
        return list(json.loads(raw)["tags"] or ()) if status == 200 else []

    def put_blob(self, raw: bytes, media_type: str, **annotations: str) -> Json:
        """Store a blob; its descriptor, with annotations if there are any."""
        digest = digest_of(raw)
        _, headers, _ = self._ask("POST", "blobs/uploads/")
        place = urlsplit(headers["location"])
        url = f"{place.path}?{place.query}&digest={digest}"
        status, _, said = self._send("PUT", url, raw, "application/octet-stream")
        assert status == 201, said
        descriptor = {"mediaType": media_type, "digest": digest, "size": len(raw)}
        return descriptor | ({"annotations": annotations} if annotations else {})

    def put_manifest(self, value: Json, tag: str | None = None) -> Json:
        """Store a manifest or an index; its descriptor."""
        raw = compact(value)
        digest, media_type = digest_of(raw), value["mediaType"]
        path = f"/v2/{self.name}/manifests/{tag or digest}"
        status, _, said = self._send("PUT", path, raw, media_type)
        assert status == 201, said
        return {"mediaType": media_type, "digest": digest, "size": len(raw)}

    def _ask(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        return self._send(method, f"/v2/{self.name}/{path}", b"", "")

    def _send(
        self, method: str, path: str, body: bytes, media_type: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(self.host, timeout=30)
        headers = {"Accept": ", ".join((INDEX, MANIFEST, DOCKER_MANIFEST, DOCKER_LIST))}
        if media_type:
            headers["Content-Type"] = media_type
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            said = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, said, answer.read()
        finally:
            connection.close()
