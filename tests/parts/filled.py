"""Versions written straight into a docker-registry's storage: thousands in seconds.

What is written is what a push would have left, for everything that is read: the index under its tag
with its model manifest, and the document. There are no layers: nobody can pull these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lading.packing.summary import index_annotations
from lading.spec import mediatypes
from lading.spec.descriptor import UNKNOWN_PLATFORM, Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest
from parts.registry import DockerRegistry


class Storage:
    """Writes into the storage of a registry, running or not."""

    def __init__(self, registry: DockerRegistry) -> None:
        self._root = registry.root / "docker/registry/v2"

    def version(
        self, repository: str, tag: str, document: Mapping[str, Any], *, annotated: bool = True
    ) -> Digest:
        """Write a version with a document, which its index names; the digest of its index."""
        raw = json.dumps({"schema_version": 1, "files": [], **document}).encode()
        config = Descriptor.of(raw, mediatypes.MODEL_CONFIG)
        model = Manifest.build(config, (), artifact_type=mediatypes.MODEL)
        entry = Descriptor(
            model.media_type,
            model.descriptor.digest,
            len(model.raw),
            annotations={mediatypes.ROLE: "model"},
            platform=UNKNOWN_PLATFORM,
        )
        annotations = index_annotations(document, config.digest, formats=None, size=0, files=0)
        if not annotated:
            del annotations[mediatypes.DOCUMENT]
        index = Index.build((entry,), artifact_type=mediatypes.MODEL, annotations=annotations)
        self._blob(repository, raw, link="_layers")
        self._blob(repository, model.raw, link="_manifests/revisions")
        digest = self._blob(repository, index.raw, link="_manifests/revisions")
        self.tag(repository, tag, digest)
        return digest

    def image(self, repository: str, tag: str) -> Digest:
        """Write a container image, which is no model; its digest."""
        config = Descriptor.of(b"{}", mediatypes.IMAGE_CONFIG)
        self._blob(repository, b"{}", link="_layers")
        digest = self._blob(repository, Manifest.build(config, ()).raw, link="_manifests/revisions")
        self.tag(repository, tag, digest)
        return digest

    def tag(self, repository: str, tag: str, digest: Digest) -> None:
        """Let a tag name a manifest."""
        folder = self._repository(repository) / "_manifests" / "tags" / tag
        for path in (folder / "current", folder / "index" / digest.algorithm / digest.hex):
            _write(path / "link", digest.encode())

    def _blob(self, repository: str, raw: bytes, *, link: str) -> Digest:
        digest = Digest.of(raw)
        _write(self._root / "blobs" / "sha256" / digest.hex[:2] / digest.hex / "data", raw)
        path = self._repository(repository) / link / "sha256" / digest.hex / "link"
        _write(path, digest.encode())
        return digest

    def _repository(self, name: str) -> Path:
        return self._root / "repositories" / name


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
