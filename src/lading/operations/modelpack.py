"""What a ModelPack artifact tells of itself, in the words of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from lading.errors import InvalidInput
from lading.packing.artifact import DOCUMENT_PATH
from lading.packing.roles import format_of
from lading.spec.document import SCHEMA_VERSION, Document, FileEntry
from lading.spec.facts import Facts
from lading.spec.plain import read_table, table, text, texts
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
    config = read_table(read(source, artifact.manifest.config))
    about, model = table(config.get("descriptor")), table(config.get("config"))
    try:
        return Document(
            schema_version=SCHEMA_VERSION,
            name=text(about.get("name")),
            version=text(about.get("version")),
            description=text(about.get("description")),
            created=text(about.get("createdAt")),
            authors=tuple(texts(about.get("authors"))),
            licenses=tuple(texts(about.get("licenses"))),
            facts=Facts(
                architecture=text(model.get("architecture")),
                precision=text(model.get("precision")),
                quantization=text(model.get("quantization")),
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
