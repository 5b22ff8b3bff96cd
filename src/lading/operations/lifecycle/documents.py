"""The document of a version as plain values, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.packing.artifact import recognise
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.plain import Fields, read_table
from lading.transfer import read

if TYPE_CHECKING:
    from lading.cache.cache import Cache
    from lading.ports import Source


def document_of(source: Source, root: Descriptor, cache: Cache) -> Fields:
    """What a version says of itself; nothing where it is no version of Lading's.

    Raises:
        InvalidInput: it is no model at all.
    """
    artifact = recognise(source, root, str(root.digest))
    if artifact.document is None:
        return {}
    raw = cache.blob(artifact.document.digest)
    if raw is None:
        raw = read(source, artifact.document, limit=DOCUMENT_LIMIT)
        cache.keep(artifact.document, raw)
    return read_table(raw)
