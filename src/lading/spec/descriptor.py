"""Descriptors: what content is, how large, and its digest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.digest import Digest

_NO_ANNOTATIONS: Mapping[str, str] = {}
# What Go reads into an int64; no file is larger either.
_SIZE_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Platform:
    """Where an image runs."""

    architecture: str
    os: str
    variant: str | None = None

    def as_json(self) -> dict[str, str]:
        """The platform in Go's field order."""
        value = {"architecture": self.architecture, "os": self.os}
        return value | {"variant": self.variant} if self.variant else value

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


UNKNOWN_PLATFORM = Platform("unknown", "unknown")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The OCI content descriptor; equal descriptors name equal content."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(
        default_factory=lambda: _NO_ANNOTATIONS, compare=False, repr=False
    )
    platform: Platform | None = field(default=None, compare=False)
    artifact_type: str | None = field(default=None, compare=False)
    # The content itself, where it is small enough to come along; as unverified as if fetched.
    data: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def is_manifest(self) -> bool:
        """Whether this names a manifest or an index rather than a blob."""
        return self.media_type in mediatypes.MANIFESTS

    @property
    def is_index(self) -> bool:
        """Whether this names an index (or Docker's manifest list)."""
        return self.media_type in mediatypes.INDEXES

    @classmethod
    def of(cls, raw: bytes, media_type: str) -> Descriptor:
        """The descriptor of some bytes."""
        return cls(media_type, Digest.of(raw), len(raw))

    def with_annotations(self, annotations: Mapping[str, str]) -> Descriptor:
        """The same content with other annotations."""
        return replace(self, annotations=annotations)

    @classmethod
    def from_json(cls, value: object) -> Descriptor:
        """Parse a descriptor.

        Raises:
            InvalidInput: a field is missing or of the wrong type.
        """
        if not isinstance(value, dict):
            raise InvalidInput("descriptor is not a JSON object")
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _SIZE_LIMIT:
            raise InvalidInput("descriptor has no valid size", cause=f"got {size!r}"[:100])
        return cls(
            media_type=text_field(value, "mediaType"),
            digest=Digest(text_field(value, "digest")),
            size=size,
            annotations=annotations_field(value),
            platform=_platform(value.get("platform")),
            artifact_type=optional_text(value, "artifactType"),
            data=_data(value.get("data")),
        )

    def as_json(self) -> dict[str, Any]:
        """The descriptor in Go's field order, maps sorted."""
        value: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            value["annotations"] = dict(sorted(self.annotations.items()))
        if self.data is not None:
            value["data"] = base64.b64encode(self.data).decode()
        if self.platform:
            value["platform"] = self.platform.as_json()
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        return value


def _data(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None  # it can still be fetched


def _platform(value: object) -> Platform | None:
    if not isinstance(value, dict):
        return None
    return Platform(
        text_field(value, "architecture"),
        text_field(value, "os"),
        optional_text(value, "variant"),
    )


def text_field(value: Mapping[str, object], name: str) -> str:
    """A field that must be a string."""
    text = value.get(name)
    if not isinstance(text, str):
        raise InvalidInput(f"field {name} is missing or not a string")
    return text


def optional_text(value: Mapping[str, object], name: str) -> str | None:
    """A field that may be missing but must otherwise be a string."""
    return text_field(value, name) if value.get(name) else None


def annotations_field(value: Mapping[str, object]) -> Mapping[str, str]:
    """The annotations, checked to map strings to strings."""
    annotations = value.get("annotations")
    if annotations is None:
        return _NO_ANNOTATIONS
    if not isinstance(annotations, dict) or not all(
        isinstance(text, str) for text in annotations.values()
    ):
        raise InvalidInput("annotations do not map strings to strings")
    return annotations
