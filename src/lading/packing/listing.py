"""The files of an artifact as its document or its annotations tell, without its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lading.errors import InvalidInput
from lading.packing.artifact import Artifact, filepath
from lading.ports import Source
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.transfer import read


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as it is told: by which layer it comes, and what it hashes to where that is said."""

    path: str
    size: int
    role: str | None
    sha256: str | None
    layer: Digest


def listing(source: Source, artifact: Artifact) -> tuple[ListedFile, ...] | None:
    """Every file of the artifact, or None where only its layers could tell.

    Raises:
        InvalidInput: the document is not what a document must be.
    """
    if artifact.document is not None:
        # Read by hand: a pull has no need of the whole document, nor of what parses it.
        document = decode_object(
            read(source, artifact.document, limit=DOCUMENT_LIMIT), "the document"
        )
        files = document.get("files")
        if not isinstance(files, list):
            raise InvalidInput("the document lists no files")
        return tuple(_file(entry) for entry in files)
    listed = [_single(layer, artifact.prefix) for layer in artifact.layers]
    return tuple(f for f in listed if f) if all(listed) else None


def layers_for(
    artifact: Artifact, files: tuple[ListedFile, ...] | None, wanted: Callable[[str], bool]
) -> frozenset[Digest]:
    """The layers without which the wanted files cannot be had."""
    if files is None:
        return frozenset(layer.digest for layer in artifact.layers)
    needed = {file.layer for file in files if wanted(file.path)}
    # Layers of which no file is told, such as empty folders', are small: they come along.
    told = {file.layer for file in files}
    return frozenset(
        layer.digest
        for layer in artifact.layers
        if layer.digest in needed or layer.digest not in told
    )


def _file(entry: object) -> ListedFile:
    if not isinstance(entry, dict):
        raise InvalidInput("the document's list of files is damaged")
    path, size = entry.get("path"), entry.get("size")
    role, sha256 = entry.get("role"), entry.get("sha256")
    if not isinstance(path, str) or not isinstance(size, int):
        raise InvalidInput("the document's list of files is damaged")
    return ListedFile(
        path,
        size,
        role if isinstance(role, str) else None,
        sha256 if isinstance(sha256, str) else None,
        Digest(str(entry.get("layer"))),
    )


def _single(layer: Descriptor, prefix: str) -> ListedFile | None:
    """The one file of a ModelPack layer that is not an archive."""
    path = filepath(layer)
    if path is None or not layer.media_type.endswith(".raw"):
        return None
    return ListedFile(path.removeprefix(prefix), layer.size, None, layer.digest.hex, layer.digest)
