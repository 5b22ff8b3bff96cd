"""A model as the peers move it: one blob a file, under a manifest as oras-py writes it.

All peers of one case get this same artifact, so that they move the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from bench.data import Model

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TITLE = "org.opencontainers.image.title"
_CONFIG = b"{}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """The model, its manifest, and a folder with what ``curl`` and ``skopeo`` are handed."""

    model: Model
    folder: Path

    @classmethod
    def of(cls, model: Model, folder: Path) -> Artifact:
        """Write the lists for curl's script and skopeo's ``dir:`` folder (links, no copies)."""
        artifact = cls(model, folder)
        artifact._write()
        return artifact

    @property
    def skopeo(self) -> Path:
        """A folder for skopeo's ``dir:`` transport."""
        return self.folder / "dir"

    def script(self, place: Path, *, digests: bool) -> Path:
        """A folder for ``push_with_curl.sh``: with the digests, or so that openssl finds them."""
        folder = place / "script"
        folder.mkdir()
        for name in ("files", "manifest.json", *(["digests"] if digests else [])):
            os.link(self.folder / name, folder / name)
        return folder

    def download(self, repository: str, into: Path) -> Path:
        """A configuration with which curl fetches every blob, one after the other."""
        lines = [
            f'url = "{repository}/blobs/sha256:{digest}"\noutput = "{into / name}"'
            for name, digest in self.model.digests.items()
        ]
        config = into.with_name("downloads")
        config.write_text("\n".join(lines) + "\n")
        return config

    def _write(self) -> None:
        self.skopeo.mkdir(parents=True)
        config = self.folder / "config.json"
        config.write_bytes(_CONFIG)
        blobs = {path: self.model.digests[path.name] for path in self.model.files}
        blobs[config] = hashlib.sha256(_CONFIG).hexdigest()
        for path, digest in blobs.items():
            os.link(path, self.skopeo / digest)
        (self.skopeo / "version").write_text("Directory Transport Version: 1.1\n")
        manifest = self._manifest(blobs[config])
        for path in (self.skopeo / "manifest.json", self.folder / "manifest.json"):
            path.write_bytes(manifest)
        (self.folder / "files").write_text("".join(f"{path}\n" for path in blobs))
        (self.folder / "digests").write_text(
            "".join(f"{digest} *{path}\n" for path, digest in blobs.items())
        )

    def _manifest(self, config: str) -> bytes:
        layers = [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "size": path.stat().st_size,
                "digest": f"sha256:{self.model.digests[path.name]}",
                "annotations": {_TITLE: path.name},
            }
            for path in self.model.files
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.unknown.config.v1+json",
                "size": len(_CONFIG),
                "digest": f"sha256:{config}",
            },
            "layers": layers,
        }
        return json.dumps(manifest).encode()
