"""An image that was made for another version of the same lock: it has what this one needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, NotFound
from lading.operations.reading.image_packages import images_in
from lading.operations.reading.images import images_of
from lading.spec.digest import Digest
from lading.spec.image import LOCK, TARGET
from lading.spec.plain import text
from lading.spec.tags import image_of, image_tag
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.spec.descriptor import Descriptor

# Each costs a few requests; whose lock has not changed since has one among the newest.
_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Akin:
    """A runtime image of the same lock: what it is called, and for which machines it is."""

    tag: str
    root: Descriptor
    platforms: tuple[str, ...]
    # The version that it was made for; None where it was brought without one.
    version: Version | None = None


def lock_tag(lock: str) -> str:
    """What an image of a lock is called where it is not beside the version that it was made for.

    There nobody would know that it is needed, so this is no tag that goes with a version.
    """
    return f"lock-{Digest(lock).short}"


def akin(store: AnyStore, lock: str) -> Iterator[Akin]:
    """The runtime images in a repository that say they were made from a lock, the newest first.

    Tags only say where to look; see :func:`is_told`.
    """
    made = (image_of(tag) for tag in store.names())
    versions = sorted((each[1] for each in made if each and each[0] == "runtime"), reverse=True)
    for version in islice(versions, _MOST):
        if found := _akin(store, image_tag("runtime", version), lock):
            yield replace(found, version=version)
    if brought := _akin(store, lock_tag(lock), lock):
        yield brought


def is_told(store: AnyStore, image: Akin) -> bool:
    """Whether the evidence of its own version names it: tags move without a word."""
    if image.version is None:
        return False
    try:
        version = store.resolve(image.version.tag)
    except NotFound:
        return False
    return any(each.digest == image.root.digest for each in images_of(store, version))


def _akin(store: AnyStore, tag: str, lock: str) -> Akin | None:
    try:
        root = store.resolve(tag)
        images = [each.base for each in images_in(store, root, tag, ())]
    except (NotFound, InvalidInput):
        return None  # removed since, or something else under that name
    said = {(text(each.labels.get(TARGET)), text(each.labels.get(LOCK))) for each in images}
    if said != {("runtime", lock)}:
        return None
    return Akin(tag, root, tuple(str(each.platform) for each in images))
