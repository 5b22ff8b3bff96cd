"""History that came along with a version: events about it, as evidence from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.artifact import MANIFEST_LIMIT, unseal
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.evidence import HISTORY, Evidence
from lading.spec.manifest import Manifest, parse
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Source

_log = logging.getLogger(__name__)

# What a manifest lists without trouble.
MOST_DECIDING: Final = 4000


def events_in(
    source: Source, evidence: Iterable[Evidence], subject: Digest
) -> tuple[Recorded, ...]:
    """The events about a version that came with it.

    What is damaged, or speaks of something else, is no event here.
    """
    found: dict[Digest, Recorded] = {}
    for each in evidence:
        if each.type == HISTORY:
            for recorded in _events(source, each.digest):
                if recorded.event.digest == subject:
                    found[recorded.digest] = recorded
    return tuple(sorted(found.values(), key=lambda recorded: recorded.order))


def _events(source: Source, digest: Digest) -> Iterable[Recorded]:
    descriptor = source.resolve(digest)
    manifest = parse(read(source, descriptor), descriptor.media_type)
    for layer in manifest.children[1 : MOST_DECIDING + 1] if isinstance(manifest, Manifest) else ():
        try:
            raw = read(source, layer, limit=MANIFEST_LIMIT)
            yield unseal(source, Descriptor(mediatypes.IMAGE_MANIFEST, layer.digest, len(raw)), raw)
        except (InvalidInput, IntegrityError, NotFound) as error:
            _log.warning("an event that came along in %s cannot be read: %s", digest, error)
