"""Base images of every shape, put into a store as other tools would have left them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lading.operations import stores
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore

Shape = Literal["oci", "docker"]
Packed = Literal["plain", "gzip", "zstd"]

AMD64, ARM64 = Platform("amd64", "linux"), Platform("arm64", "linux", "v8")
CONFIG = {
    "Env": ["PATH=/bin", "HOME=/root"],
    "Cmd": ["sh"],
    "Labels": {"org.opencontainers.image.title": "base", "maker": "somebody"},
    "ExposedPorts": {"22/tcp": {}},
    "WorkingDir": "/tmp",
    "Healthcheck": {"Test": ["CMD", "true"]},
}
_LAYERS: dict[tuple[Shape, Packed], str] = {
    ("oci", "plain"): mediatypes.IMAGE_LAYER,
    ("oci", "gzip"): f"{mediatypes.IMAGE_LAYER}+gzip",
    ("oci", "zstd"): f"{mediatypes.IMAGE_LAYER}+zstd",
    ("docker", "plain"): "application/vnd.docker.image.rootfs.diff.tar",
    ("docker", "gzip"): "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ("docker", "zstd"): "application/vnd.docker.image.rootfs.diff.tar.zstd",
}


def archive(files: Mapping[str, bytes | str]) -> bytes:
    """A layer: text is where a link leads, bytes are what a file holds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), 0o755
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def packed(raw: bytes, how: Packed) -> bytes:
    if how == "gzip":
        return gzip.compress(raw, mtime=0)
    if how == "zstd":
        import zstandard

        return zstandard.compress(raw)
    return raw


@dataclass(frozen=True)
class BaseImage:
    """What a base is to be like."""

    layers: Sequence[bytes] = (archive({"bin/program": b"one"}), archive({"etc/two": b"two"}))
    shape: Shape = "oci"
    how: Packed = "gzip"
    platforms: Sequence[Platform] = (AMD64,)
    single: bool = False
    config: Mapping[str, Any] = field(default_factory=lambda: CONFIG)
    # Whatever is to be wrong with the configs.
    wrong: Mapping[str, Any] = field(default_factory=dict)

    def put(self, place: str, settings: Settings, tag: str = "1") -> str:
        """The reference by digest of this base, once it is there."""
        reference = Reference.parse(place)
        store = stores.open_store(reference, settings, create=True)
        manifests = [self._manifest(store, platform) for platform in self.platforms]
        if self.single:
            store.push(manifests[0].descriptor, BytesContent(manifests[0].raw), tag)
            return f"{place}@{manifests[0].descriptor.digest}"
        for manifest in manifests:
            store.push(manifest.descriptor, BytesContent(manifest.raw))
        entries = tuple(
            Descriptor(m.media_type, m.descriptor.digest, len(m.raw), platform=platform)
            for m, platform in zip(manifests, self.platforms, strict=True)
        )
        raw = Index.build(entries).raw
        kind = mediatypes.IMAGE_INDEX
        if self.shape == "docker":
            kind = mediatypes.DOCKER_MANIFEST_LIST
            raw = raw.replace(mediatypes.IMAGE_INDEX.encode(), kind.encode())
        store.push(Descriptor.of(raw, kind), BytesContent(raw), tag)
        return f"{place}@{Digest.of(raw)}"

    def _manifest(self, store: AnyStore, platform: Platform) -> Manifest:
        # Every platform has one layer of its own.
        plain = [*self.layers, archive({"etc/platform": str(platform).encode()})]
        layers = []
        for raw in (packed(each, self.how) for each in plain):
            layers.append(Descriptor.of(raw, _LAYERS[self.shape, self.how]))
            store.push(layers[-1], BytesContent(raw))
        value = {
            "created": "2026-01-01T00:00:00Z",
            **platform.as_json(),
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(each) for each in plain]},
            "history": [
                *({"created_by": f"step {number}"} for number in range(len(plain))),
                {"created_by": "CMD", "empty_layer": True},
            ],
            **self.wrong,
        }
        docker = self.shape == "docker"
        config = json.dumps(value).encode()
        descriptor = Descriptor.of(
            config, mediatypes.DOCKER_IMAGE_CONFIG if docker else mediatypes.IMAGE_CONFIG
        )
        store.push(descriptor, BytesContent(config))
        built = Manifest.build(descriptor, tuple(layers))
        if not docker:
            return built
        kind = mediatypes.DOCKER_MANIFEST
        raw = built.raw.replace(mediatypes.IMAGE_MANIFEST.encode(), kind.encode())
        return Manifest(raw, kind, descriptor, tuple(layers), None, None, {})


def beside(place: str, tmp_path: Path, name: str = "base") -> str:
    """Another repository in the same registry, or another layout on the same disk."""
    if place.startswith("oci:"):
        return f"oci:{tmp_path / name}"
    return f"{place}-{name}"
