"""Small content, whole and verified."""

from __future__ import annotations

from lading.errors import IntegrityError, InvalidInput
from lading.ports import Source
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import MANIFEST_LIMIT
from lading.transfer.believe import believed


def read(source: Source, descriptor: Descriptor, *, limit: int = MANIFEST_LIMIT) -> bytes:
    """The bytes of a manifest, a config or another small thing.

    Memory follows what arrives, never what the descriptor claims.

    Raises:
        InvalidInput: the descriptor says that it is larger than the limit.
        IntegrityError: the bytes are not what the descriptor says, wherever they come from.
    """
    return believed(source, descriptor, lambda: _read(source, descriptor, limit))


def _read(source: Source, descriptor: Descriptor, limit: int) -> bytes:
    if descriptor.size > limit:
        raise InvalidInput(
            f"content {descriptor.digest.short} is too large to be read whole",
            cause=f"{descriptor.size} bytes, the limit is {limit}",
        )
    raw = _drain(source, descriptor)
    if len(raw) != descriptor.size:
        raise IntegrityError(
            f"content of {descriptor.digest} is damaged",
            cause=f"{len(raw)} bytes instead of {descriptor.size}",
        )
    hasher = descriptor.digest.hasher()
    hasher.update(raw)
    actual = Digest(f"{descriptor.digest.algorithm}:{hasher.hexdigest()}")
    if actual != descriptor.digest:
        raise IntegrityError(f"content of {descriptor.digest} is damaged", cause=f"got {actual}")
    return raw


def _drain(source: Source, descriptor: Descriptor) -> bytes:
    pieces = bytearray()
    buffer = memoryview(bytearray(64 * 1024))
    with source.fetch(descriptor) as reader:
        while len(pieces) <= descriptor.size and (count := reader.readinto(buffer)):
            pieces += buffer[:count]
    return bytes(pieces)
