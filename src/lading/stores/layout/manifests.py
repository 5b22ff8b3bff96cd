"""What a manifest must be before it is stored: whole, of its digest, and what it is said to be."""

from __future__ import annotations

from typing import Final

from lading.errors import IntegrityError, InvalidInput
from lading.ports import Content
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest, parse
from lading.spec.tags import TAG

_BUFFER: Final = 64 * 1024


def demand_tag(name: str | None) -> None:
    """Refuse a name that is no tag.

    Raises:
        InvalidInput: it is none.
    """
    if name is not None and TAG.fullmatch(name) is None:
        raise InvalidInput(
            f"not a tag: {name[:128]!r}", hint="letters, digits, _ . - and at most 128 of them"
        )


def verified(descriptor: Descriptor, content: Content) -> bytes:
    """A manifest's bytes.

    Raises:
        InvalidInput: it is larger than any registry takes.
        IntegrityError: it is not what the descriptor says.
    """
    if descriptor.size > MANIFEST_LIMIT:
        raise InvalidInput("manifest is larger than 4 MiB", cause=f"{descriptor.size} bytes")
    raw = bytearray()
    buffer = memoryview(bytearray(_BUFFER))
    with content.open() as reader:
        while len(raw) <= descriptor.size and (count := reader.readinto(buffer)):
            raw += buffer[:count]
    hasher = descriptor.digest.hasher()
    hasher.update(raw)
    if (len(raw), hasher.hexdigest()) != (descriptor.size, descriptor.digest.hex):
        raise IntegrityError(
            f"content is not {descriptor.digest}",
            cause=f"got {descriptor.digest.algorithm}:{hasher.hexdigest()}",
        )
    return bytes(raw)


def parsed(descriptor: Descriptor, raw: bytes) -> Manifest | Index:
    """The same bytes as the manifest that they are.

    Raises:
        InvalidInput: they are none, or not what the descriptor says.
    """
    manifest = parse(raw, descriptor.media_type)
    if manifest.media_type != descriptor.media_type:
        raise InvalidInput(
            f"manifest {descriptor.digest.short} is not what its descriptor says",
            cause=f"it is {manifest.media_type[:100]}, not {descriptor.media_type[:100]}",
        )
    return manifest


def plain(descriptor: Descriptor) -> Descriptor:
    """What every store says of a name: no annotations of this index.json, no claimed types."""
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
