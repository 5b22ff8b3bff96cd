"""Versions sealed by hand: one file, and a document that states what the test wants."""

from __future__ import annotations

from typing import Any

from lading.operations import stores
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.document import Document, FileEntry
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference


def push_stated(reference: str, settings: Settings, **stated: Any) -> Document:
    """Put a version into the store on this machine whose document says these things."""
    place = Reference.parse(reference)
    store = stores.open_store(place, settings, create=True)
    cargo = b"weights".ljust(1024, b"\0")
    layer = Descriptor.of(cargo, mediatypes.MODEL_LAYER)
    entry = FileEntry(path="models/weights.bin", size=7, role="weights", layer=layer.digest)
    document = Document(
        schema_version=1, name=place.repository, version=place.tag, files=(entry,), **stated
    )
    raw = document.encode()
    config = Descriptor.of(raw, mediatypes.MODEL_CONFIG)
    manifest = Manifest.build(config, (layer,), artifact_type=mediatypes.MODEL)
    store.push(layer, BytesContent(cargo))
    store.push(config, BytesContent(raw))
    store.push(manifest.descriptor, BytesContent(manifest.raw), place.tag)
    return document
