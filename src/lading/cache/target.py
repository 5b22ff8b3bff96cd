"""The cache as a target: layers are unpacked into it, manifests and documents kept."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType

from lading.cache.blobs import Blobs
from lading.cache.entry import SETTLED
from lading.cache.folders import HINT, held, shared, writing
from lading.cache.layers import Layers
from lading.errors import Unsupported
from lading.packing.unpack.receive import Arrivals, key_of, receive, title_of
from lading.packing.unpack.staging import Stage
from lading.packing.unpack.streams import form_of
from lading.ports import Content
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import MANIFEST_LIMIT


class CacheTarget:
    """While it is open, nothing is pruned. Two that are given one layer do the work once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blobs = Blobs(root)
        self._layers = Layers(root)
        self._stack = contextlib.ExitStack()
        self._arrivals = Arrivals()

    def __enter__(self) -> CacheTarget:
        with writing(self._root):
            self._stack.enter_context(shared(self._root))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this layer, or blob, is here."""
        if form_of(descriptor.media_type) is None:
            return self._blobs.blob(descriptor.digest) is not None
        return self._layers.contents(descriptor) is not None

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Unpack a layer, or keep a manifest or a document.

        Raises:
            IntegrityError: the bytes are not what the descriptor says, or are an archive that
                may not be unpacked. Nothing of this layer is kept.
            Unsupported: this layer is of a type that holds no files known to Lading.
            LocalFailure: the disk is full, or the cache may not be written to.
        """
        if form_of(descriptor.media_type) is None:
            self._keep(descriptor, content)
            return
        title_of(descriptor)
        with self._arrivals.one(), contextlib.ExitStack() as stack:
            with writing(self._root):
                staging = stack.enter_context(held(self._root, key_of(descriptor)))
            if self._layers.contents(descriptor) is None:
                self._receive(descriptor, content, staging)

    def _receive(self, descriptor: Descriptor, content: Content, staging: int) -> None:
        with Stage(staging, key_of(descriptor), sealed_at=SETTLED) as stage:
            if not stage.is_whole:
                receive(
                    stage,
                    descriptor,
                    content,
                    place=self._root,
                    beside=lambda: self._arrivals.is_single,
                    hint=HINT,
                    keep_uncompressed=True,
                )
            with writing(self._root):
                self._layers.publish(descriptor, staging, stage.name)

    def _keep(self, descriptor: Descriptor, content: Content) -> None:
        if not descriptor.is_manifest and not descriptor.media_type.endswith("json"):
            raise Unsupported(
                f"cannot unpack a layer of type {descriptor.media_type[:200]!r}",
                hint="lading copy moves it as it is",
            )
        raw = bytearray()
        buffer = memoryview(bytearray(64 * 1024))
        with content.open() as reader:
            while count := reader.readinto(buffer):
                raw += buffer[:count]
                if len(raw) > MANIFEST_LIMIT:
                    return  # too large to be of use here: it is fetched when it is wanted
        self._blobs.keep(descriptor, bytes(raw))
