"""Layers become files in a folder: unpacked while they arrive, moved into place at the end.

Nothing appears under its final name before every layer is whole and its digest was right.
What arrived before an interruption is kept in ``.lading-pull`` and gone on with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from lading.errors import Conflict, IntegrityError, Unsupported
from lading.packing.names import PULL_FOLDERS
from lading.packing.unpack.commit import Commit
from lading.packing.unpack.disk import (
    Lock,
    Walker,
    disk_errors,
    entry,
    make_folder,
    open_file,
    open_folder,
    read_whole,
    remove_tree,
    write_whole,
)
from lading.packing.unpack.frame import Contents, File
from lading.packing.unpack.placement import (
    LEFT_OUT,
    PREFIX,
    Layer,
    Layout,
    arrange,
    entitled,
)
from lading.packing.unpack.receive import Arrivals, key_of, parser_of, receive, title_of
from lading.packing.unpack.staging import Stage, Wanted, tree_path
from lading.packing.unpack.streams import form_of
from lading.ports import Content
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import MANIFEST_LIMIT, Manifest, parse

_LOCK = "lock"
_MOVING = "moving"
_SMALL = 1024 * 1024
_PULL, _RETIRED = PULL_FOLDERS


class FolderTarget:
    """A folder that layers are pushed into; :meth:`commit` puts their files into place.

    ``strip`` is left out before each path, ``leave_out`` names archive members that are not
    placed, ``wanted`` is asked for final paths. With ``force`` different files that exist are
    replaced. One puller at a time: another one waits.

    Raises:
        LocalFailure: on entering, where the folder cannot be written to.
        Conflict: on entering, where a link lies in the place of ``.lading-pull``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        strip: str = PREFIX,
        leave_out: frozenset[str] = LEFT_OUT,
        wanted: Callable[[str], bool] | None = None,
        force: bool = False,
        fsync: bool = False,
        pipelined: bool | None = None,
    ) -> None:
        self._directory = directory
        self._layout = Layout(strip, leave_out, wanted)
        self._force = force
        self._fsync = fsync
        self._pipelined = pipelined
        self._folder = -1
        self._pull = -1
        self._lock: Lock | None = None
        self._made: list[Path] = []
        self._guard = threading.Lock()
        self._layers: dict[str, Layer] = {}
        self._moved: frozenset[str] = frozenset()
        self._arrivals = Arrivals()

    def __enter__(self) -> FolderTarget:
        with disk_errors(self._directory):
            self._made = _make_folders(self._directory)
            self._folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._take_lock()
            except BaseException:
                os.close(self._folder)
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            # A refusal leaves no empty folders; what arrived stays for the next run.
            if os.listdir(self._pull) == [_LOCK]:
                self._retire()
        assert self._lock is not None
        self._lock.free()
        os.close(self._pull)
        os.close(self._folder)
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this layer is staged, whole; true of what is no layer, since none is wanted.

        What an earlier run left is hashed again: it lies in a folder that may come from anywhere.
        """
        if form_of(descriptor.media_type) is None:
            return not _is_foreign(descriptor)
        key, title = self._key_and_title(descriptor)
        return key in self._layers or self._found(key, title, descriptor)

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Unpack a layer into the staging; manifests and configs are accepted and ignored.

        Raises:
            IntegrityError: the bytes are not what the descriptor says, or are an archive that
                may not be unpacked. Nothing of this layer is kept.
            Unsupported: this layer is of a type that holds no files known to Lading.
            LocalFailure: the disk is full or may not be written to.
        """
        if form_of(descriptor.media_type) is None:
            self._push_other(descriptor, content)
            return
        key, title = self._key_and_title(descriptor)
        with self._arrivals.one(), Stage(self._pull, key, fsync=self._fsync) as stage:
            receive(
                stage,
                descriptor,
                content,
                place=self._directory,
                wanted=self._wanted(title),
                beside=self._hashes_beside,
            )
            with disk_errors(self._directory):
                layer = Layer(stage.name, stage.contents(), title)
        self._remember(layer)

    def adopt(
        self, descriptor: Descriptor, tree: int, contents: Contents, *, link: bool = False
    ) -> None:
        """Take a layer from its unpacked tree, which is elsewhere on this machine.

        Blocks are shared where the file system can; with ``link`` the files themselves are.

        Raises:
            LocalFailure: the disk is full or may not be written to.
        """
        if not self.exists(descriptor):
            key, title = self._key_and_title(descriptor)
            self._adopt(key, title, tree, contents, link=link)

    def commit(self) -> tuple[str, ...]:
        """Put every file of the layers that were pushed, or existed, under its final name.

        Files that are there already, byte for byte, stay as they are. Interrupted and run
        again, it goes on where it was. Returns the paths, in order.

        Raises:
            Conflict: other files are there, or links; nothing was moved at all.
            IntegrityError: two layers bring different files of one name.
        """
        arrangement = arrange(self._layers.values(), self._layout)
        with disk_errors(self._directory):
            commit = self._commit()
            try:
                moves = commit.check(arrangement, force=self._force)
                self._note_moving()
                commit.move(moves, arrangement.folders)
            finally:
                commit.close()
            self._retire()
            if self._fsync:
                os.fsync(self._folder)
        self._layers.clear()
        self._made.clear()
        return tuple(placement.path for placement in arrangement.files)

    def _take_lock(self) -> None:
        """Hold ``.lading-pull``; whoever held it before may have removed it meanwhile."""
        while True:
            self._pull = _pull_folder(self._folder, self._directory)
            self._lock = Lock(_LOCK, self._pull)
            try:
                if self._is_locked():
                    break
            except BaseException:
                os.close(self._pull)
                raise
            os.close(self._pull)
        remove_tree(_RETIRED, self._folder)
        self._moved = frozenset((read_whole(_MOVING, self._pull, _SMALL) or b"").decode().split())

    def _is_locked(self) -> bool:
        assert self._lock is not None
        try:
            self._lock.take()
        except FileNotFoundError:
            return False
        status = entry(_PULL, self._folder)
        if status and os.path.samestat(status, os.fstat(self._pull)):
            return True
        self._lock.free()
        return False

    def _retire(self) -> None:
        """Take ``.lading-pull`` away.

        Under another name first: a crash leaves either all of it or nothing that counts, and
        whoever waits for the lock does not get it in a folder that is about to go.
        """
        os.rename(_PULL, _RETIRED, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        remove_tree(_RETIRED, self._folder)

    def _note_moving(self) -> None:
        keys = self._moved | self._layers.keys()
        write_whole(_MOVING, self._pull, "\n".join(keys).encode(), fsync=self._fsync)

    def _commit(self) -> Commit:
        return Commit(
            self._directory, self._folder, self._pull, moved=self._moved, fsync=self._fsync
        )

    def _remember(self, layer: Layer) -> None:
        with self._guard:
            self._layers[layer.key] = layer

    def _key_and_title(self, descriptor: Descriptor) -> tuple[str, str | None]:
        """What a layer is kept under: equal files of different names are kept apart."""
        key, title = key_of(descriptor), title_of(descriptor)
        known = self._layers.get(key)
        if known is None or title is None or known.title == title:
            return key, title
        return _repeated_key(key, title), title

    def _wanted(self, title: str | None) -> Wanted:
        """Whether a file is to be staged, by its name in the archive.

        One that has a title always is: an equal layer of another title may be wanted.
        """
        return lambda member: (
            entitled(title, member) is not None or self._layout.place(member) is not None
        )

    def _hashes_beside(self) -> bool:
        """Whether a layer is hashed in a second thread: worth it while nothing else arrives."""
        return self._arrivals.is_single if self._pipelined is None else self._pipelined

    def _found(self, key: str, title: str | None, descriptor: Descriptor) -> bool:
        """Whether an earlier run left this layer whole, as far as it did not place it already."""
        with disk_errors(self._directory), Stage(self._pull, key) as stage:
            if not stage.is_whole:
                return False
            layer = self._sound(stage, title, descriptor)
            if layer is None:
                stage.discard()
                return False
        self._remember(layer)
        return True

    def _sound(self, stage: Stage, title: str | None, descriptor: Descriptor) -> Layer | None:
        with (
            contextlib.suppress(OSError, IntegrityError),
            contextlib.closing(Walker(self._pull)) as stages,
            contextlib.closing(Walker(self._folder)) as finals,
        ):
            layer = Layer(stage.name, stage.contents(), title)
            names = {file.path: name for name, file in layer.named()}

            def opened(file: File) -> int:
                try:
                    folder, name = stages.of(tree_path(layer.key, file.path))
                    return open_file(name, folder)
                except FileNotFoundError:
                    path = self._layout.place(names[file.path])
                    if layer.key not in self._moved or path is None:
                        raise
                    folder, name = finals.of(path)
                    return open_file(name, folder)

            if stage.holds(descriptor.digest, parser_of(descriptor), opened):
                return layer
        return None

    def _push_other(self, descriptor: Descriptor, content: Content) -> None:
        if _is_foreign(descriptor):
            raise Unsupported(
                f"cannot unpack a layer of type {descriptor.media_type[:200]!r}",
                hint="lading copy moves it as it is",
            )
        if descriptor.is_manifest:
            self._push_manifest(descriptor, content)

    def _push_manifest(self, descriptor: Descriptor, content: Content) -> None:
        """Learn of files that are equal: ModelPack names one layer as often as it is needed,
        and a copy moves it once."""
        manifest = parse(_read(content), descriptor.media_type)
        if not isinstance(manifest, Manifest):
            return
        for layer in manifest.layers:
            if form_of(layer.media_type) is None:
                continue
            title = title_of(layer)
            known = self._layers.get(key_of(layer))
            if known is not None and title is not None and title != known.title:
                key = _repeated_key(known.key, title)
                if key not in self._layers and not self._found(key, title, layer):
                    self._repeat(known, key, title)

    def _repeat(self, known: Layer, key: str, title: str) -> None:
        """Stage a layer's file once more, for another name."""
        with disk_errors(self._directory):
            tree = open_folder(tree_path(known.key, "").rstrip("/"), self._pull)
        try:
            self._adopt(key, title, tree, known.contents, link=False)
        finally:
            os.close(tree)

    def _adopt(
        self, key: str, title: str | None, tree: int, contents: Contents, *, link: bool
    ) -> None:
        with (
            disk_errors(self._directory),
            Stage(self._pull, key, fsync=self._fsync) as stage,
        ):
            stage.adopt(tree, contents, wanted=self._wanted(title), link=link)
            layer = Layer(key, stage.contents(), title)
        self._remember(layer)


def _repeated_key(key: str, title: str) -> str:
    return f"{key}-{Digest.of(title.encode()).short}"


def _is_foreign(descriptor: Descriptor) -> bool:
    """Whether this is neither layer nor manifest nor config as Lading knows them."""
    return not descriptor.is_manifest and not descriptor.media_type.endswith("json")


def _pull_folder(folder: int, directory: Path) -> int:
    try:
        return make_folder(_PULL, folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Conflict(
                f"cannot use {directory}",
                cause=f"{_PULL} in it is a link or a file",
                hint="remove it, or choose another folder",
            ) from error
        raise


def _make_folders(directory: Path) -> list[Path]:
    """Make a folder and those above it; the ones that were made, innermost first."""
    made = []
    for path in (directory, *directory.parents):
        if path.exists():
            break
        made.append(path)
    for path in reversed(made):
        path.mkdir(exist_ok=True)
    return made


def _read(content: Content) -> bytes:
    raw = bytearray()
    buffer = memoryview(bytearray(64 * 1024))
    with content.open() as reader:
        while len(raw) <= MANIFEST_LIMIT and (count := reader.readinto(buffer)):
            raw += buffer[:count]
    return bytes(raw)
