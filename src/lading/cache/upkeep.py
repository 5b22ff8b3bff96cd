"""What the cache holds, what may go, and whether it is still what it was."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lading.cache.blobs import Blobs
from lading.cache.entry import CacheEntry, Kind
from lading.cache.folders import STAGING, alone, held, opened, shared, writing
from lading.cache.layers import (
    FRAME,
    LAYERS,
    LayerContent,
    is_complete,
    records,
    remove_layer,
    stream_size,
)
from lading.cache.snapshots import (
    LIST,
    SNAPSHOTS,
    Snapshot,
    is_equal,
    is_whole,
    remove_snapshot,
)
from lading.errors import IntegrityError, InvalidInput
from lading.packing.unpack.disk import BUFFER_SIZE, Walker, open_folder, remove_tree
from lading.packing.unpack.frame import Contents
from lading.spec.digest import Digest

_MONTH = 30 * 24 * 60 * 60
_ALGORITHMS = {64: "sha256", 128: "sha512"}


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing: what it is, where, its name there, and when it was used."""

    kind: Kind
    folder: Path
    name: str
    digest: Digest
    used: float


class Upkeep:
    """Looks at all of a cache."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> tuple[CacheEntry, ...]:
        """Everything, the last used first; snapshots, then layers, then the rest."""
        seen: set[tuple[int, int]] = set()
        groups = (self._snapshots(), self._layers(), self._blobs(), self._unfinished())
        return tuple(
            _entry(item, _size(item.folder / item.name, seen))
            for group in groups
            for item in sorted(group, key=lambda item: -item.used)
        )

    def prune(self, *, older_than: float | None, everything: bool) -> int:
        """Remove what was not used for so long; how many bytes that set free.

        Raises:
            Unavailable: a pull is under way.
            LocalFailure: the cache cannot be written to.
        """
        if not self._root.is_dir():
            return 0
        age = _MONTH if older_than is None else older_than
        limit = float("inf") if everything else time.time() - age
        with writing(self._root), alone(self._root):
            # Snapshots first: then it shows which layers nobody has files of.
            freed = sum(_remove(item) for item in list(self._snapshots()) if item.used < limit)
            for item in list(self._layers()):
                if item.used < limit and (everything or not _is_linked(item)):
                    freed += _remove(item)
            for item in [*self._blobs(), *self._unfinished()]:
                if item.used < limit:
                    freed += _remove(item)
            return freed + self._sweep(limit)

    def verify(self) -> tuple[CacheEntry, ...]:
        """Hash everything again; what was damaged, and is gone now.

        Raises:
            LocalFailure: the cache cannot be written to.
        """
        if not self._root.is_dir():
            return ()
        with writing(self._root), shared(self._root):
            blobs = Blobs(self._root)
            damaged = [item for item in list(self._blobs()) if blobs.blob(item.digest) is None]
            layers = [item for item in list(self._layers()) if not _is_sound(item)]
            for item in layers:
                with held(self._root, item.name):
                    _remove(item)
            keys = {f"{item.folder.name}/{item.name}" for item in layers}
            snapshots = [i for i in list(self._snapshots()) if not self._is_faithful(i, keys)]
            for item in snapshots:
                with held(self._root, f"{item.name}.snapshot"):
                    _remove(item)
        return tuple(_entry(item, 0) for item in (*snapshots, *layers, *damaged))

    def _is_faithful(self, item: _Item, damaged: set[str]) -> bool:
        """Whether a snapshot is whole, and made of sound layers."""
        with contextlib.suppress(OSError), opened(item.folder) as folder:
            snapshot = Snapshot.read(item.name, folder)
            if snapshot is None or not is_whole(snapshot, item.name, folder):
                return False
            if any(file.key in damaged for file in snapshot.files):
                return False
            return self._is_equal(snapshot, item.name, folder)
        return False

    def _is_equal(self, snapshot: Snapshot, key: str, folder: int) -> bool:
        with (
            opened(self._root, LAYERS) as layers,
            _below(key, folder) as own,
            contextlib.closing(Walker(own)) as files,
            contextlib.closing(Walker(layers)) as sources,
        ):
            return all(is_equal(file, files, sources) for file in snapshot.files)

    def _snapshots(self) -> Iterator[_Item]:
        for folder, name, status in _listed(self._root / SNAPSHOTS):
            if stat.S_ISDIR(status.st_mode):
                yield from _item("snapshot", folder, name, name.partition("-")[0], status.st_atime)

    def _layers(self) -> Iterator[_Item]:
        for algorithm in _ALGORITHMS.values():
            times = {}
            keys = []
            for folder, name, status in _listed(self._root / LAYERS / algorithm):
                if name.endswith(FRAME):
                    times[name.removesuffix(FRAME)] = status.st_mtime
                else:
                    keys.append((folder, name, status.st_mtime))
            for folder, name, mtime in keys:
                yield from _item(
                    "layer", folder, name, name.partition(".")[0], times.get(name, mtime)
                )

    def _blobs(self) -> Iterator[_Item]:
        for algorithm in _ALGORITHMS.values():
            for folder, name, status in _listed(self._root / "blobs" / algorithm):
                yield from _item("blob", folder, name, name, status.st_mtime)

    def _unfinished(self) -> Iterator[_Item]:
        for folder, name, status in _listed(self._root / STAGING):
            if stat.S_ISDIR(status.st_mode):
                used = max(status.st_mtime, _newest(folder / name))
                yield from _item("unfinished", folder, name, name.partition(".")[0], used)

    def _sweep(self, limit: float) -> int:
        """Remove what a crash left behind, and references that nobody asked for."""
        freed = 0
        for parts in (("names",), (SNAPSHOTS,), ("blobs", "sha256"), ("blobs", "sha512")):
            with (
                contextlib.suppress(FileNotFoundError),
                opened(self._root, *parts) as folder,
            ):
                for name in os.listdir(folder):
                    old = parts == ("names",) and _mtime(name, folder) < limit
                    # No list without its snapshot: it is written just before.
                    orphan = parts == (SNAPSHOTS,) and name.endswith(LIST)
                    orphan = orphan and not _exists(name.removesuffix(LIST), folder)
                    if name.startswith(".") or old or orphan:
                        freed += remove_tree(name, folder)
        return freed


def _listed(folder: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
        for item in found:
            if not item.name.startswith("."):
                yield folder, item.name, item.stat(follow_symlinks=False)


def _item(kind: Kind, folder: Path, name: str, digest: str, used: float) -> Iterator[_Item]:
    """The thing, where its name is a digest's; what else somebody put there is let be."""
    with contextlib.suppress(InvalidInput):
        algorithm = _ALGORITHMS.get(len(digest), "?")
        yield _Item(kind, folder, name, Digest(f"{algorithm}:{digest}"), used)


def _entry(item: _Item, size: int) -> CacheEntry:
    return CacheEntry(item.digest, item.kind, size, item.used, item.folder / item.name)


def _remove(item: _Item) -> int:
    with opened(item.folder) as folder:
        if item.kind == "layer":
            return remove_layer(item.name, folder)
        if item.kind == "snapshot":
            return remove_snapshot(item.name, folder)
        return remove_tree(item.name, folder)


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    """The bytes below a path in files that were not seen before."""
    try:
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(path) as found:
                return sum(_size(path / item.name, seen) for item in found)
    except FileNotFoundError:
        return 0
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return 0
    seen.add(key)
    return status.st_size


def _is_linked(item: _Item) -> bool:
    """Whether some file of a layer has another name: a snapshot's, or one given with --link."""
    return any(
        status.st_nlink > 1
        for _, _, status in _walk(item.folder / item.name)
        if stat.S_ISREG(status.st_mode)
    )


def _walk(path: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    for folder, name, status in _listed(path):
        yield folder, name, status
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(folder / name)


def _newest(path: Path) -> float:
    return max((status.st_mtime for _, _, status in _walk(path)), default=0.0)


def _is_sound(item: _Item) -> bool:
    """Whether a layer's files and frame still make up the bytes that its digest names."""
    with contextlib.suppress(OSError, IntegrityError), opened(item.folder) as folder:
        contents = Contents.of(records(item.name, folder))
        if is_complete(item.name, folder, contents):
            size = stream_size(item.name, folder)
            content = LayerContent(item.folder, item.name, size)
            expected = Digest(contents.uncompressed or item.digest)
            return _hash(content, expected) == expected
    return False


def _hash(content: LayerContent, like: Digest) -> Digest:
    hasher = like.hasher()
    buffer = memoryview(bytearray(BUFFER_SIZE))
    with content.open() as reader:
        while count := reader.readinto(buffer):
            hasher.update(buffer[:count])
    return Digest(f"{like.algorithm}:{hasher.hexdigest()}")


def _mtime(name: str, folder: int) -> float:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")


def _exists(name: str, folder: int) -> bool:
    return _mtime(name, folder) != float("inf")


@contextlib.contextmanager
def _below(name: str, folder: int) -> Iterator[int]:
    fileno = open_folder(name, folder)
    try:
        yield fileno
    finally:
        os.close(fileno)
