"""A store in memory, for tests and examples. Nothing outlives the process."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.ports import Content, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest, parse
from lading.spec.tags import TAG

_BUFFER = 256 * 1024


class MemoryStore:
    """One repository in memory; many threads may use it at once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._content: dict[Digest, bytes] = {}
        self._manifests: dict[Digest, Manifest | Index] = {}
        self._tags: dict[str, Digest] = {}

    def resolve(self, name: str) -> Descriptor:
        """What a tag, or a manifest's digest, names.

        Raises:
            NotFound: nothing has that name.
        """
        with self._lock:
            digest = (
                Digest(name) if name.startswith(("sha256:", "sha512:")) else self._tags.get(name)
            )
            if digest is None or digest not in self._manifests:
                raise NotFound(f"{name} is not in this store")
            return self._descriptor(digest)

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[io.BytesIO]:
        """The bytes of some content.

        Raises:
            NotFound: the content is not here.
        """
        return BytesContent(self._bytes(descriptor)).open(offset)

    def fetch_range(
        self, descriptor: Descriptor, offset: int, length: int
    ) -> AbstractContextManager[io.BytesIO]:
        """Some of the bytes of some content.

        Raises:
            NotFound: the content is not here.
        """
        return io.BytesIO(self._bytes(descriptor)[offset : offset + length])

    def content(self, descriptor: Descriptor) -> Content:
        """The content, to be opened as often as needed.

        Raises:
            NotFound: the content is not here.
        """
        return BytesContent(self._bytes(descriptor))

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this content is here."""
        raw = self._content.get(descriptor.digest)
        return raw is not None and len(raw) == descriptor.size

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content; with a name (manifests only) in the same step.

        Raises:
            IntegrityError: the content is not what the descriptor says.
            NotFound: a manifest names content that is not here.
            InvalidInput: a manifest that is none, or a name for what cannot have one.
        """
        if descriptor.is_manifest:
            self._push_manifest(descriptor, content, name)
        elif name is not None:
            raise InvalidInput(f"cannot name {descriptor.digest.short} {name}: it is no manifest")
        elif not self.exists(descriptor):
            self._content[descriptor.digest] = _verified(descriptor, content)

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store content and say what it was.

        Raises:
            Unsupported: it is a manifest; push it instead.
        """
        raw = _drain(content, None)
        descriptor = Descriptor.of(raw, media_type)
        if descriptor.is_manifest:
            raise Unsupported("manifests are pushed, not absorbed")
        self._content[descriptor.digest] = raw
        return descriptor

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Share the bytes of another store in memory; False for any other source."""
        if descriptor.is_manifest or not isinstance(source, MemoryStore):
            return False
        if not source.exists(descriptor):
            return False
        self._content[descriptor.digest] = source._bytes(descriptor)
        return True

    def names(self) -> Iterator[str]:
        """Every tag, each once."""
        return iter(tuple(self._tags))

    def untag(self, name: str) -> None:
        """Forget a name; the content stays.

        Raises:
            NotFound: nothing has that name.
        """
        with self._lock:
            if self._tags.pop(name, None) is None:
                raise NotFound(f"{name} is not in this store")

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterable[Descriptor]:
        """The manifests whose subject this is, with their own types and annotations."""
        with self._lock:
            manifests = tuple(self._manifests.items())
        for digest, manifest in manifests:
            if manifest.subject is None or manifest.subject.digest != subject.digest:
                continue
            kind = manifest.kind if isinstance(manifest, Manifest) else manifest.artifact_type
            if artifact_type in (None, kind):
                yield replace(
                    self._descriptor(digest), annotations=manifest.annotations, artifact_type=kind
                )

    def _push_manifest(self, descriptor: Descriptor, content: Content, name: str | None) -> None:
        if name is not None and TAG.fullmatch(name) is None:
            raise InvalidInput(f"not a tag: {name[:128]!r}")
        if descriptor.size > MANIFEST_LIMIT:
            raise InvalidInput("manifest is larger than 4 MiB", cause=f"{descriptor.size} bytes")
        raw = _verified(descriptor, content)
        manifest = parse(raw, descriptor.media_type)
        if manifest.media_type != descriptor.media_type:
            raise InvalidInput(
                f"manifest {descriptor.digest.short} is not what its descriptor says",
                cause=f"it is {manifest.media_type[:100]}, not {descriptor.media_type[:100]}",
            )
        with self._lock:
            self._demand_children(descriptor, manifest)
            self._content[descriptor.digest] = raw
            self._manifests[descriptor.digest] = manifest
            if name is not None:
                self._tags[name] = descriptor.digest

    def _demand_children(self, descriptor: Descriptor, manifest: Manifest | Index) -> None:
        for child in manifest.children:
            if not self.exists(child):
                raise NotFound(
                    f"manifest {descriptor.digest.short} names content that is not here",
                    cause=f"{child.digest} is missing",
                )

    def _descriptor(self, digest: Digest) -> Descriptor:
        manifest = self._manifests[digest]
        return Descriptor(manifest.media_type, digest, len(manifest.raw))

    def _bytes(self, descriptor: Descriptor) -> bytes:
        raw = self._content.get(descriptor.digest)
        if raw is None:
            raise NotFound(f"content {descriptor.digest} is not in this store")
        return raw


def _verified(descriptor: Descriptor, content: Content) -> bytes:
    raw = _drain(content, descriptor.size)
    hasher = descriptor.digest.hasher()
    hasher.update(raw)
    actual = f"{descriptor.digest.algorithm}:{hasher.hexdigest()}"
    if len(raw) != descriptor.size or actual != descriptor.digest:
        raise IntegrityError(
            f"content is not {descriptor.digest}", cause=f"got {actual} of {len(raw)} bytes or more"
        )
    return raw


def _drain(content: Content, expected: int | None) -> bytes:
    """All bytes, or a few more than expected: enough to see that it is wrong."""
    pieces = bytearray()
    buffer = memoryview(bytearray(_BUFFER))
    with content.open() as reader:
        while count := reader.readinto(buffer):
            pieces += buffer[:count]
            if expected is not None and len(pieces) > expected:
                break
    return bytes(pieces)
