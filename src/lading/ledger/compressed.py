"""Whether what a tag names is a version all the same: a copy compressed its images on the way."""

from __future__ import annotations

import logging

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ports import Source
from lading.spec.compressed import holds_same_model
from lading.spec.digest import Digest
from lading.spec.manifest import Index, parse
from lading.transfer import read

_log = logging.getLogger(__name__)


def is_compressed_copy(source: Source, there: Digest, model: Digest | None) -> bool:
    """Whether an index holds this model and nothing else; two requests for each of its images."""
    if model is None:
        return False
    try:
        root = source.resolve(there)
        index = parse(read(source, root), root.media_type)
        return isinstance(index, Index) and holds_same_model(
            index, model, lambda descriptor: read(source, descriptor)
        )
    except (NotFound, InvalidInput, IntegrityError) as error:
        _log.debug("cannot compare %s with the model %s: %s", there, model, error)
        return False
