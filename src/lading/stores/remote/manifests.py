"""Manifests as a registry gives and takes them: their exact bytes, verified, and read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from lading.errors import IntegrityError
from lading.ports import Content
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import MANIFEST_LIMIT, parse
from lading.stores.remote.connection import Response

_REMEMBERED: Final = 64


class ManifestMemory:
    """The manifests read last, by digest: content never changes, so a second look is free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_digest: OrderedDict[str, tuple[Descriptor, bytes]] = OrderedDict()

    def find(self, name: str) -> tuple[Descriptor, bytes] | None:
        """A manifest by its digest, if it was read."""
        with self._lock:
            return self._by_digest.get(name)

    def keep(self, descriptor: Descriptor, raw: bytes) -> None:
        """Remember a manifest; the oldest is forgotten for it."""
        with self._lock:
            self._by_digest[descriptor.digest] = (descriptor, raw)
            while len(self._by_digest) > _REMEMBERED:
                self._by_digest.popitem(last=False)

    def forget(self, name: str) -> None:
        """Forget it: it may not be there any more."""
        with self._lock:
            self._by_digest.pop(name, None)


def whole(descriptor: Descriptor, content: Content) -> bytes:
    """A manifest's bytes, checked."""
    buffer = memoryview(bytearray(MANIFEST_LIMIT + 1))
    filled = 0
    with content.open() as reader:
        while filled < len(buffer) and (count := reader.readinto(buffer[filled:])):
            filled += count
    raw = bytes(buffer[:filled])
    actual = Descriptor.of(raw, descriptor.media_type)
    if (actual.digest, actual.size) != (descriptor.digest, descriptor.size):
        raise IntegrityError(
            f"manifest {descriptor.digest} is damaged", cause=f"got {actual.digest}"
        )
    return raw


def described(raw: bytes, response: Response, name: str, shown: str) -> Descriptor:
    """What a registry answered with, verified by the digest that was asked for or stated.

    Raises:
        IntegrityError: the bytes are not what the digest says.
        InvalidInput: they are no manifest.
    """
    header = (response.headers.get("Content-Type") or "").partition(";")[0].strip()
    media_type = parse(raw, header or None).media_type
    descriptor = Descriptor.of(raw, media_type)
    stated = response.headers.get("Docker-Content-Digest")
    expected = name if ":" in name else stated
    if expected and expected.startswith("sha256:") and expected != descriptor.digest:
        raise IntegrityError(
            f"the manifest of {shown} is damaged",
            cause=f"got {descriptor.digest} instead of {expected}",
        )
    if expected and expected.startswith("sha512:"):
        return _described_sha512(raw, media_type, Digest(expected), shown)
    return descriptor


def _described_sha512(raw: bytes, media_type: str, expected: Digest, shown: str) -> Descriptor:
    hasher = expected.hasher()
    hasher.update(raw)
    if hasher.hexdigest() != expected.hex:
        raise IntegrityError(f"the manifest of {shown} is damaged", cause=f"it is not {expected}")
    return Descriptor(media_type, expected, len(raw))
