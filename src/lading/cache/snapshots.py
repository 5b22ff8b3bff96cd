"""Snapshots: folders of a version's files as a program wants them, made of the cache's layers.

Files are hard links of the layers' own where that can be, and read-only. Folders are not, so
that a cache can be deleted by hand; that something was added to or removed from a snapshot's
own folder shows in its time.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from lading.cache.blobs import absent
from lading.cache.entry import SETTLED
from lading.cache.folders import held, made, opened, shared, writing
from lading.cache.layers import LAYERS, Layers
from lading.packing.unpack.disk import (
    Walker,
    closing,
    copy_file,
    open_file,
    open_folder,
    read_whole,
    remove_tree,
    same_bytes,
    write_whole,
)
from lading.packing.unpack.placement import (
    Arrangement,
    Layer,
    Layout,
    Placement,
    arrange,
    contradiction,
)
from lading.packing.unpack.receive import key_of, title_of
from lading.spec.descriptor import Descriptor

SNAPSHOTS = "snapshots"
LIST = ".json"

_LIST_LIMIT = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot was made of: its files, each with the layer it came from."""

    files: tuple[Placement, ...]

    def as_json(self) -> bytes:
        """The list as it is kept beside the folder."""
        return json.dumps([astuple(file) for file in self.files]).encode()

    @classmethod
    def read(cls, key: str, folder: int) -> Snapshot | None:
        """The list of a snapshot; None where there is none, or a damaged one."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            raw = read_whole(f"{key}{LIST}", folder, _LIST_LIMIT)
            if raw is not None:
                return cls(tuple(Placement(*item) for item in json.loads(raw)))
        return None


class Snapshots:
    """The folder ``snapshots``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._layers = Layers(root)

    def make(self, key: str, descriptors: Sequence[Descriptor], layout: Layout) -> Path:
        """Make a snapshot, in the place of a damaged one; there at once or not at all.

        Raises:
            NotFound: a layer is not here (any more).
            IntegrityError: the layers contradict each other.
            LocalFailure: the cache cannot be written to.
        """
        path = self._root / SNAPSHOTS / key
        with writing(self._root), shared(self._root), held(self._root, f"{key}.snapshot"):
            if mend(path):
                return path
            arrangement = arrange(map(self._layer, descriptors), layout)
            with made(self._root, SNAPSHOTS) as folder, made(self._root, LAYERS) as layers:
                self._build(key, arrangement, folder, layers)
        return path

    def _layer(self, descriptor: Descriptor) -> Layer:
        contents = self._layers.contents(descriptor)
        if contents is None:
            raise absent(f"layer {descriptor.digest}")
        key = f"{descriptor.digest.algorithm}/{key_of(descriptor)}"
        return Layer(key, contents, title_of(descriptor))

    def _build(self, key: str, arrangement: Arrangement, folder: int, layers: int) -> None:
        temporary = f".{key}.{os.getpid()}.{os.urandom(4).hex()}"
        os.mkdir(temporary, 0o755, dir_fd=folder)
        try:
            with closing(open_folder(temporary, folder)) as fileno:
                _fill(fileno, arrangement, layers)
            remove_snapshot(key, folder)
            write_whole(f"{key}{LIST}", folder, Snapshot(arrangement.files).as_json())
            os.rename(temporary, key, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            remove_tree(temporary, folder)
            raise
        _settle(key, folder)


def mend(path: Path) -> bool:
    """Whether a snapshot is whole after all, though its folder was changed: files that were
    added do not matter. If it is, its time says so again."""
    try:
        with opened(path.parent) as folder:
            snapshot = Snapshot.read(path.name, folder)
            if snapshot is None or not is_whole(snapshot, path.name, folder):
                return False
            _settle(path.name, folder)
    except OSError:
        return False
    return True


def is_whole(snapshot: Snapshot, key: str, folder: int) -> bool:
    """Whether every file of a snapshot is there with its size.

    Raises:
        OSError: there is no such snapshot, or it cannot be read.
    """
    with closing(open_folder(key, folder)) as fileno, contextlib.closing(Walker(fileno)) as walker:
        return all(_is_there(file, walker) for file in snapshot.files)


def is_equal(file: Placement, snapshot: Walker, layers: Walker) -> bool:
    """Whether a snapshot's file is still its layer's; true where the layer is no longer here.

    Raises:
        OSError: one of them cannot be read.
    """
    with snapshot.opened(file.path) as mine:
        try:
            folder, name = layers.of(f"{file.key}/{file.member}")
        except FileNotFoundError:
            return os.fstat(mine).st_size == file.size
        with closing(open_file(name, folder)) as theirs:
            return same_bytes(mine, theirs)


def remove_snapshot(key: str, folder: int) -> int:
    """Remove a snapshot; how many bytes that set free."""
    freed = remove_tree(key, folder)
    return freed + remove_tree(f"{key}{LIST}", folder)


def _is_there(file: Placement, walker: Walker) -> bool:
    status = walker.entry(file.path)
    return status is not None and stat.S_ISREG(status.st_mode) and status.st_size == file.size


def _settle(key: str, folder: int) -> None:
    """Say by its time that a snapshot's folder is as it was made, and was used now."""
    with contextlib.suppress(OSError):
        os.utime(key, (time.time(), SETTLED), dir_fd=folder, follow_symlinks=False)


def _fill(target: int, arrangement: Arrangement, layers: int) -> None:
    with (
        contextlib.closing(Walker(target, create=True)) as finals,
        contextlib.closing(Walker(layers)) as sources,
    ):
        for first, second in arrangement.twins:
            if not _same(first, second, sources):
                raise contradiction(first)
        for path in arrangement.folders:
            finals.folder(path)
        for file in arrangement.files:
            source, member = sources.of(f"{file.key}/{file.member}")
            folder, name = finals.of(file.path)
            _link(member, source, name, folder, file.size)


def _link(member: str, source: int, name: str, folder: int, size: int) -> None:
    # Too many links, or a file system without them: then the blocks, or the bytes.
    with contextlib.suppress(OSError):
        os.link(member, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with (
        closing(open_file(member, source)) as original,
        closing(os.open(name, flags, 0o444, dir_fd=folder)) as fileno,
    ):
        copy_file(original, fileno, size)


def _same(first: Placement, second: Placement, layers: Walker) -> bool:
    with (
        layers.opened(f"{first.key}/{first.member}") as one,
        layers.opened(f"{second.key}/{second.member}") as other,
    ):
        return same_bytes(one, other)
