"""Small artifacts to push, and ways to push and to read them."""

from __future__ import annotations

from lading.ports import RangeReader, Source, Target
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import UNKNOWN_PLATFORM, Descriptor
from lading.spec.manifest import Index, Manifest

EVALUATION = "application/vnd.example.evaluation.v1+json"
SIGNATURE = "application/vnd.example.signature.v1+json"


def blob(text: str) -> tuple[Descriptor, bytes]:
    raw = text.encode()
    return Descriptor.of(raw, mediatypes.MODEL_LAYER), raw


def push_bytes(store: Target, raw: bytes, media_type: str = mediatypes.MODEL_LAYER) -> Descriptor:
    descriptor = Descriptor.of(raw, media_type)
    store.push(descriptor, BytesContent(raw))
    return descriptor


def model(
    store: Target, text: str, *, subject: Descriptor | None = None, kind: str = mediatypes.MODEL
) -> Manifest:
    """A manifest whose config and layer are in the store already; itself it is not."""
    config = push_bytes(store, f'{{"name":"{text}"}}'.encode(), mediatypes.MODEL_CONFIG)
    layer = push_bytes(store, f"weights of {text}".encode())
    return Manifest.build(
        config, (layer,), artifact_type=kind, subject=subject, annotations={"of": text}
    )


def push_manifest(store: Target, manifest: Manifest | Index, name: str | None = None) -> Descriptor:
    descriptor = manifest.descriptor
    store.push(descriptor, BytesContent(manifest.raw), name)
    return descriptor


def push_model(store: Target, text: str, name: str | None = None) -> Descriptor:
    return push_manifest(store, model(store, text), name)


def push_evidence(
    store: Target, subject: Descriptor, text: str, kind: str = EVALUATION
) -> Descriptor:
    return push_manifest(store, model(store, text, subject=subject, kind=kind))


def index_of(*manifests: Manifest) -> Index:
    return Index.build(
        tuple(
            Descriptor(
                manifest.media_type,
                manifest.descriptor.digest,
                manifest.descriptor.size,
                platform=UNKNOWN_PLATFORM,
            )
            for manifest in manifests
        ),
        artifact_type=mediatypes.MODEL,
    )


def fetch(store: Source, descriptor: Descriptor, offset: int = 0) -> bytes:
    pieces = bytearray()
    buffer = memoryview(bytearray(64 * 1024))
    with store.fetch(descriptor, offset) as reader:
        while count := reader.readinto(buffer):
            pieces += buffer[:count]
    return bytes(pieces)


def fetch_part(store: RangeReader, descriptor: Descriptor, offset: int, length: int) -> bytes:
    pieces = bytearray()
    buffer = memoryview(bytearray(64 * 1024))
    with store.fetch_range(descriptor, offset, length) as reader:
        while count := reader.readinto(buffer):
            pieces += buffer[:count]
    return bytes(pieces)
