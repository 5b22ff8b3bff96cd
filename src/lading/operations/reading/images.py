"""Which images the evidence of a version names, for those who take them along or look into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations.reading.gathered import evidence_manifest
from lading.spec import evidence as kinds
from lading.spec.image import TARGET, named_by
from lading.spec.tags import TARGETS, Target
from lading.transfer.attach import listed

if TYPE_CHECKING:
    from lading.operations.reading.gathered import EvidenceStore
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest

_TYPE: Final = kinds.artifact_type(kinds.IMAGE)
# A version has three images, made anew now and then; each costs a request to look at.
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image that evidence names: what for, and its digest."""

    target: Target
    digest: Digest


def images_of(store: EvidenceStore, root: Descriptor) -> tuple[NamedImage, ...]:
    """The images of a version, each once, as the manifests of their evidence name them.

    One request for the list, and one for each piece of evidence that may be an image's.

    Raises:
        LadingError: the list cannot be had, or something in it for now.
    """
    entries = [each for each in listed(store, root) if each.artifact_type in (None, _TYPE)]
    return tuple(dict.fromkeys(_named(store, root, entries[-_MOST:])))


def _named(
    store: EvidenceStore, root: Descriptor, entries: list[Descriptor]
) -> Iterator[NamedImage]:
    for entry in entries:
        try:
            manifest = evidence_manifest(store, root, entry)
        except (NotFound, InvalidInput, IntegrityError):
            continue  # no evidence, whatever it is; `lading evidence` tells of it
        image = named_by(manifest.annotations)
        if manifest.artifact_type == _TYPE and image:
            said = manifest.annotations.get(TARGET)
            yield from (NamedImage(target, image) for target in TARGETS if target == said)
