"""Manifests and indexes: parsed once, their exact bytes kept: a digest belongs to bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.descriptor import (
    Descriptor,
    annotations_field,
    optional_text,
)
from lading.spec.encoding import decode_object, encode

# Registries refuse larger ones; nothing larger is read into memory.
MANIFEST_LIMIT = 4 * 1024 * 1024
# A document is a blob, which no registry limits so: some 60,000 files.
DOCUMENT_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image manifest: one config and its layers."""

    raw: bytes
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything this manifest names, config first; not its subject."""
        return (self.config, *self.layers)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of this very manifest."""
        return Descriptor.of(self.raw, self.media_type)

    @property
    def kind(self) -> str:
        """The artifact type, or the config's media type where there is none."""
        return self.artifact_type or self.config.media_type

    @classmethod
    def build(
        cls,
        config: Descriptor,
        layers: tuple[Descriptor, ...],
        *,
        artifact_type: str | None = None,
        subject: Descriptor | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Manifest:
        """A new manifest, in the bytes that Go would write."""
        value: dict[str, Any] = {"schemaVersion": 2, "mediaType": mediatypes.IMAGE_MANIFEST}
        if artifact_type:
            value["artifactType"] = artifact_type
        value["config"] = config.as_json()
        value["layers"] = [layer.as_json() for layer in layers]
        if subject:
            value["subject"] = subject.as_json()
        if annotations:
            value["annotations"] = dict(sorted(annotations.items()))
        return cls(
            encode(value),
            mediatypes.IMAGE_MANIFEST,
            config,
            layers,
            artifact_type,
            subject,
            annotations or {},
        )


@dataclass(frozen=True, slots=True)
class Index:
    """An image index: manifests to choose from."""

    raw: bytes
    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str | None
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything this index names; not its subject."""
        return self.manifests

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of this very index."""
        return Descriptor.of(self.raw, self.media_type)

    @classmethod
    def build(
        cls,
        manifests: tuple[Descriptor, ...],
        *,
        artifact_type: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Index:
        """A new index, in the bytes that Go would write."""
        value: dict[str, Any] = {"schemaVersion": 2, "mediaType": mediatypes.IMAGE_INDEX}
        if artifact_type:
            value["artifactType"] = artifact_type
        value["manifests"] = [manifest.as_json() for manifest in manifests]
        if annotations:
            value["annotations"] = dict(sorted(annotations.items()))
        return cls(
            encode(value), mediatypes.IMAGE_INDEX, manifests, artifact_type, None, annotations or {}
        )


def is_image(manifest: Manifest | Index) -> bool:
    """Whether this looks like a container image, or an index of some: nothing refers by it."""
    if manifest.artifact_type or manifest.subject:
        return False
    return isinstance(manifest, Index) or manifest.config.media_type in mediatypes.IMAGE_CONFIGS


def parse(raw: bytes, media_type: str | None = None) -> Manifest | Index:
    """A manifest or an index from its bytes.

    The media type written inside wins over the one a registry's header claims; where both are
    missing, the fields decide, as the specification asks of readers.

    Raises:
        InvalidInput: it is neither, or larger than any registry takes.
    """
    if len(raw) > MANIFEST_LIMIT:
        raise InvalidInput("manifest is larger than 4 MiB", cause=f"{len(raw)} bytes")
    value = decode_object(raw, "manifest")
    stated = optional_text(value, "mediaType") or media_type or _guess(value)
    subject = value.get("subject")
    parsed_subject = Descriptor.from_json(subject) if subject is not None else None
    artifact_type = optional_text(value, "artifactType")
    annotations = annotations_field(value)
    if stated in mediatypes.INDEXES:
        _refuse_both(value, "config", "layers")
        if "manifests" not in value:
            raise InvalidInput("index has no list of manifests")
        manifests = _descriptors(value, "manifests")
        return Index(raw, stated, manifests, artifact_type, parsed_subject, annotations)
    if stated in mediatypes.MANIFESTS:
        _refuse_both(value, "manifests")
        config = Descriptor.from_json(value.get("config"))
        layers = _descriptors(value, "layers")
        return Manifest(raw, stated, config, layers, artifact_type, parsed_subject, annotations)
    raise InvalidInput("neither a manifest nor an index", cause=f"media type {stated[:100]}")


def _refuse_both(value: Mapping[str, object], *strange: str) -> None:
    """One reader would take it for an index, another for a manifest (CVE-2021-41190)."""
    if any(value.get(name) is not None for name in strange):
        raise InvalidInput("manifest and index at once", cause=f"it has {' and '.join(strange)}")


def _guess(value: Mapping[str, object]) -> str:
    return mediatypes.IMAGE_INDEX if "manifests" in value else mediatypes.IMAGE_MANIFEST


def _descriptors(value: Mapping[str, object], name: str) -> tuple[Descriptor, ...]:
    items = value.get(name)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise InvalidInput(f"field {name} is not a list")
    return tuple(Descriptor.from_json(item) for item in items)
