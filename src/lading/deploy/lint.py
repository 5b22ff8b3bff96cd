"""What must be true of every document, whoever made it: everything is named by digest, and by one
that a runtime can mount.

A tag would be looked at again by each node, and the digest of a model's own manifest mounts as an
empty folder, without an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from lading.deploy.resource import Resource
from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.reference import Reference

# Keys whose text is the name of an image or of a version.
_NAMES: Final = frozenset({"image", "reference", "storageuri"})
# In front of a name, where somebody says how it is fetched.
SCHEME: Final = re.compile(r"(?:lading|oci(?:\+[a-z]+)?|docker)://", re.ASCII)
# A part of any text that looks like a name with a digest.
DIGESTED: Final = re.compile(r"[^\s\"'=,]*@sha(?:256|512):[0-9A-Za-z]*", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]{64,}")


def lint(resources: Iterable[Resource], forbidden: Collection[Digest] = ()) -> tuple[str, ...]:
    """What is wrong with some documents, each with its place; nothing where all is well.

    ``forbidden`` are the digests that no runtime mounts: of the version's model and ModelPack
    manifests.
    """
    bare = frozenset(digest.hex for digest in forbidden)
    found = dict[str, None]()
    for resource in resources:
        where = f"{resource.get('kind', 'document')}"
        found |= dict.fromkeys(_problems(resource, where, "", bare))
    return tuple(found)


def _problems(value: Any, where: str, key: str, forbidden: frozenset[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _problems(part, f"{where}.{name}", str(name), forbidden)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _problems(part, f"{where}[{number}]", "", forbidden)
    elif isinstance(value, str):
        if any(found in forbidden for found in _HEX.findall(value)):
            yield f"{where}: {value[:200]} is a model's manifest, which mounts as an empty folder"
        names = [value] if key.lower() in _NAMES or is_tagged(value) else DIGESTED.findall(value)
        yield from (f"{where}: {name[:200]} {why}" for name in names if (why := wrong(name)))


def is_tagged(text: str) -> bool:
    """Whether a text, wherever it stands, is HOST/NAME:TAG and nothing else."""
    try:
        place = Reference.parse(SCHEME.sub("", text, count=1))
    except InvalidInput:
        return False
    return bool(place.host and place.tag)


def wrong(name: str) -> str | None:
    """What is wrong with the name of an image or of a version."""
    text = SCHEME.sub("", name, count=1)
    try:
        place = Reference.parse(text)
    except InvalidInput:
        return "is no HOST/NAME@DIGEST"
    if place.digest is None:
        return "is not named by digest"
    if place.tag is not None:
        return "is named by a tag as well"
    return None if place.host else "does not say which registry it is in"
