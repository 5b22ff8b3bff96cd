"""The door of the cache. What a cached pull needs is here; the rest is imported when it is used.

::

    blobs/sha256/<hex>                 manifests and documents
    layers/sha256/<hex>/               a layer's files as in its archive, and <hex>.frame beside it
    snapshots/<hex>[-<selection>]/     what a pull gives away, and its list of files as .json
    names/<hex>.json                   what a reference meant
    staging/                           unfinished layers and locks
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lading.cache.entry import SETTLED, CacheEntry, Remembered
from lading.spec.digest import Digest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lading.cache.target import CacheTarget
    from lading.packing.unpack.folder import FolderTarget
    from lading.ports import Content, Reader
    from lading.spec.descriptor import Descriptor

_DAY = 24 * 60 * 60


class Cache:
    """A cache in a folder, which is made when something is first put there.

    What only makes later pulls quicker (:meth:`keep`, :meth:`remember`) never fails where the
    folder cannot be written to; what a pull needs does, with a LocalFailure that names
    ``LADING_CACHE``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def snapshot(self, digest: Digest, selection: str | None = None) -> Path | None:
        """The folder of a version that was pulled before, or of the selected part of it.

        One ``stat``: the time of a snapshot's folder tells whether anything in it was changed.
        """
        path = self._root / "snapshots" / snapshot_key(digest, selection)
        try:
            status = path.stat()
        except OSError:
            return None
        if status.st_mtime != SETTLED:
            from lading.cache.snapshots import mend

            return path if mend(path) else None
        now = time.time()
        if now - status.st_atime > _DAY:
            with contextlib.suppress(OSError):
                os.utime(path, (now, SETTLED))
        return path

    def make_snapshot(
        self,
        digest: Digest,
        layers: Iterable[Descriptor],
        *,
        strip: str = "models/",
        leave_out: frozenset[str] = frozenset({"models/lading.json"}),
        wanted: Callable[[str], bool] | None = None,
        selection: str | None = None,
    ) -> Path:
        """Make the snapshot of a version whose layers are all here; there at once or not at all.

        Raises:
            NotFound: a layer is not here (any more).
            IntegrityError: the layers contradict each other.
            LocalFailure: the cache cannot be written to.
        """
        from lading.cache.snapshots import Snapshots
        from lading.packing.unpack.placement import Layout

        key = snapshot_key(digest, selection)
        found = self.snapshot(digest, selection)
        layout = Layout(strip, leave_out, wanted)
        return found or Snapshots(self._root).make(key, tuple(layers), layout)

    def target(self) -> CacheTarget:
        """A target that unpacks layers into the cache; a context manager."""
        from lading.cache.target import CacheTarget

        return CacheTarget(self._root)

    def has(self, descriptor: Descriptor) -> bool:
        """Whether this layer is here, with every file."""
        from lading.cache.layers import Layers

        return Layers(self._root).contents(descriptor) is not None

    def place(self, descriptor: Descriptor, target: FolderTarget, *, link: bool = False) -> bool:
        """Stage a layer's files in a folder: shared blocks where the file system can, else
        copies; with ``link`` hard links. False where the layer is not here.

        Raises:
            LocalFailure: the folder cannot be written to.
        """
        from lading.cache.layers import Layers

        return Layers(self._root).place(descriptor, target, link=link)

    def content(self, descriptor: Descriptor) -> Content | None:
        """A layer's exact bytes, put together from its files; None where that cannot be."""
        from lading.cache.layers import Layers

        return Layers(self._root).content(descriptor)

    def archive(self, descriptor: Descriptor) -> Content | None:
        """A layer's bytes below its compression; None where the layer is not here."""
        from lading.cache.layers import Layers

        return Layers(self._root).archive(descriptor)

    def keep(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep a manifest or a document.

        Raises:
            IntegrityError: the bytes are not what the descriptor says.
        """
        from lading.cache.blobs import Blobs

        Blobs(self._root).keep(descriptor, raw)

    def blob(self, digest: Digest) -> bytes | None:
        """A manifest or a document that was kept, verified; None where there is none."""
        from lading.cache.blobs import Blobs

        return Blobs(self._root).blob(digest)

    def remember(self, reference: str, descriptor: Descriptor) -> None:
        """What a reference means today."""
        from lading.cache.blobs import Blobs

        Blobs(self._root).remember(reference, descriptor)

    def recall(self, reference: str) -> Descriptor | None:
        """What a reference meant when it was last remembered."""
        from lading.cache.blobs import Blobs

        remembered = Blobs(self._root).recall(reference)
        return remembered.descriptor if remembered else None

    def recall_when(self, reference: str) -> Remembered | None:
        """The same, and when that was."""
        from lading.cache.blobs import Blobs

        return Blobs(self._root).recall(reference)

    def resolve(self, name: str) -> Descriptor:
        """The manifest of a digest.

        Raises:
            NotFound: it is not here.
        """
        from lading.cache.blobs import Blobs

        return Blobs(self._root).resolve(name)

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        """The bytes of a blob or of a layer.

        Raises:
            NotFound: they are not here.
        """
        from lading.cache.blobs import absent
        from lading.spec.content import BytesContent

        raw = self.blob(descriptor.digest)
        content: Content | None = BytesContent(raw) if raw is not None else None
        content = content or self.content(descriptor)
        if content is None:
            raise absent(descriptor.digest)
        return content.open(offset)

    def entries(self) -> tuple[CacheEntry, ...]:
        """Everything that is here, the last used first; snapshots, then layers, then the rest."""
        from lading.cache.upkeep import Upkeep

        return Upkeep(self._root).entries()

    def prune(self, *, older_than: float | None = None, everything: bool = False) -> int:
        """Remove what was not used for so many seconds (a month, where nothing is said), or
        everything; how many bytes that set free. A layer stays while a snapshot has its files.

        Raises:
            Unavailable: a pull is under way.
            LocalFailure: the cache cannot be written to.
        """
        from lading.cache.upkeep import Upkeep

        return Upkeep(self._root).prune(older_than=older_than, everything=everything)

    def verify(self) -> tuple[CacheEntry, ...]:
        """Hash everything again; what was damaged, and is gone now."""
        from lading.cache.upkeep import Upkeep

        return Upkeep(self._root).verify()


def snapshot_key(digest: Digest, selection: str | None) -> str:
    """The name of a snapshot's folder."""
    return f"{digest.hex}-{selection}" if selection else digest.hex
