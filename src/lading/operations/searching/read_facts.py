"""What one version says, in two requests: its index by its tag, and its document by digest."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, Final

from lading.catalogue.flat import Facts, flatten
from lading.catalogue.state import ReadVersion
from lading.errors import InvalidInput, NotFound
from lading.packing.artifact import Artifact, recognise
from lading.packing.roles import format_of
from lading.ports import BlobReader
from lading.spec import mediatypes
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object
from lading.spec.manifest import DOCUMENT_LIMIT, Index, parse
from lading.spec.plain import table
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Source, Store
    from lading.spec.descriptor import Descriptor


_LONGEST_NOTE: Final = 500


def read_facts(store: Store, tag: str, shown: str, known: Container[str]) -> ReadVersion:
    """What lies under a version's tag; documents that are known already are not fetched.

    What can never be read, because it is no model, is a version with a note.

    Raises:
        NotFound: nothing has that name any more.
        IntegrityError: something is damaged.
        LadingError: the registry refuses, or does not answer.
    """
    try:
        root = store.resolve(tag)
    except InvalidInput as error:
        return ReadVersion(tag, None, note=_note(error))
    try:
        return _by_annotation(store, tag, root, known) or _by_manifest(store, tag, root, shown)
    except InvalidInput as error:
        return ReadVersion(tag, root, note=_note(error))


def _note(error: InvalidInput) -> str:
    """Why something is no model; it may quote what a registry said."""
    return str(error)[:_LONGEST_NOTE].encode("utf-8", "replace").decode()


def _by_annotation(
    store: Source, tag: str, root: Descriptor, known: Container[str]
) -> ReadVersion | None:
    """By the digest that Lading writes on its index; None where that leads nowhere."""
    if not isinstance(store, BlobReader) or not root.is_index:
        return None
    index = parse(read(store, root), root.media_type)
    named = index.annotations.get(mediatypes.DOCUMENT)
    if not isinstance(index, Index) or index.artifact_type != mediatypes.MODEL or not named:
        return None
    try:
        source = Digest(named)
        if source in known:
            return ReadVersion(tag, root, source)
        document = decode_object(store.read_blob(source, DOCUMENT_LIMIT), "the document")
    except (InvalidInput, NotFound):
        return None
    return ReadVersion(tag, root, source, flatten(document))


def _by_manifest(store: Source, tag: str, root: Descriptor, shown: str) -> ReadVersion:
    """By the model manifest, of whatever kind: one request more, or a few."""
    artifact = recognise(store, root, shown)
    raw = read(store, artifact.manifest.config, limit=DOCUMENT_LIMIT)
    if artifact.kind == "lading":
        source = artifact.manifest.config.digest
        return ReadVersion(tag, root, source, flatten(decode_object(raw, "the document")))
    # Another tool's config may say the same of two models: what it says belongs to the manifest.
    return ReadVersion(tag, root, artifact.model.digest, _of_modelpack(artifact, raw))


def _of_modelpack(artifact: Artifact, raw: bytes) -> Facts:
    """ModelPack's config in the words of a document, as far as it tells."""
    config = decode_object(raw, "the config")
    about, model = table(config.get("descriptor")), table(config.get("config"))
    files = [
        {"role": "weights", "format": format_of(name), "size": layer.size}
        for layer in artifact.layers
        if (name := layer.annotations.get(mediatypes.FILEPATH, "")) or layer.size
    ]
    document: Mapping[str, Any] = {
        "description": about.get("description"),
        "created": about.get("createdAt"),
        "authors": about.get("authors"),
        "licenses": about.get("licenses"),
        "facts": {"parameters": model.get("paramSize")},
        "files": files,
    }
    return flatten(document)
