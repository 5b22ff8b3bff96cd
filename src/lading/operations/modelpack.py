"""What a ModelPack artifact tells of itself, in the words of a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from lading.errors import InvalidInput
from lading.packing.artifact import DOCUMENT_PATH
from lading.packing.roles import format_of
from lading.spec.document import SCHEMA_VERSION, Document, FileEntry
from lading.spec.facts import Facts
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.layers import LayerWindows
    from lading.packing.artifact import Artifact
    from lading.ports import Source
    from lading.spec.descriptor import Descriptor

_ROLES: Final = {
    "weight": "weights",
    "weight.config": "config",
    "code": "code",
    "doc": "doc",
    "dataset": "dataset",
}


def document_of(artifact: Artifact, source: Source, layers: LayerWindows) -> Document:
    """The artifact's config and files as a document; what ModelPack does not say is not there.

    Raises:
        InvalidInput: it holds no files, or its config is none.
    """
    config = _object(read(source, artifact.manifest.config))
    about, model = _part(config, "descriptor"), _part(config, "config")
    try:
        return Document(
            schema_version=SCHEMA_VERSION,
            name=_text(about.get("name")),
            version=_text(about.get("version")),
            description=_text(about.get("description")),
            created=_text(about.get("createdAt")),
            authors=_texts(about.get("authors")),
            licenses=_texts(about.get("licenses")),
            facts=Facts(
                architecture=_text(model.get("architecture")),
                precision=_text(model.get("precision")),
                quantization=_text(model.get("quantization")),
            ),
            files=tuple(
                entry for layer in artifact.layers for entry in _files(layer, artifact, layers)
            ),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput("the artifact tells of no files", cause=first["msg"][:200]) from error


def _files(layer: Descriptor, artifact: Artifact, layers: LayerWindows) -> list[FileEntry]:
    raw = layer.media_type.endswith(".raw")
    role = _role(layer.media_type)
    return [
        FileEntry(
            path=place.path.removeprefix(artifact.prefix),
            size=place.size,
            sha256=layer.digest.hex if raw and layer.digest.algorithm == "sha256" else None,
            role=role,
            format=format_of(place.path),
            layer=str(layer.digest),
        )
        for place in layers.files(layer)
        if place.path != DOCUMENT_PATH
    ]


def _role(media_type: str) -> str:
    kind = media_type.partition(".model.")[2].partition(".v1")[0]
    return _ROLES.get(kind, "weights")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(_text, value))) if isinstance(value, list) else ()
