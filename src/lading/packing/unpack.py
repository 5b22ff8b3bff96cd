"""Layers become files in a folder: unpacked while they arrive, moved into place at the end.

Nothing appears under its final name before every layer is whole and its digest was right.
What arrived before an interruption is kept in ``.lading-pull`` and gone on with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from types import TracebackType

from lading.errors import Conflict, IntegrityError, Unsupported
from lading.packing.archive import NO_SINK, ArchiveParser, Parser, RawParser
from lading.packing.commit import Commit
from lading.packing.disk import (
    BUFFER_SIZE,
    Lock,
    Walker,
    disk_errors,
    disk_failure,
    entry,
    make_folder,
    open_folder,
    read_whole,
    remove_tree,
    write_whole,
)
from lading.packing.frame import Contents, File
from lading.packing.names import safe_title
from lading.packing.placement import LEFT_OUT, PREFIX, PULL_FOLDER, Layer, Layout, arrange
from lading.packing.staging import RAW_NAME, Stage, TreeWriter, Wanted, tree_path
from lading.packing.streams import CheckedReader, Form, Hashing, Tee, decompressed, form_of
from lading.ports import Content, Reader
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest, Hasher
from lading.spec.manifest import MANIFEST_LIMIT, Manifest, parse

_LOCK = "lock"
_MOVING = "moving"
_SMALL = 1024 * 1024
_RESUMABLE = frozenset({"tar", "raw"})
# Below this a second thread costs more than it saves.
_WORTH_A_THREAD = 8 * 1024 * 1024


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
        self._running = 0

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
                remove_tree(PULL_FOLDER, self._folder)
        assert self._lock is not None
        self._lock.free()
        os.close(self._pull)
        os.close(self._folder)
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this layer is staged, whole; true of what is no layer, since none is wanted."""
        if form_of(descriptor.media_type) is None:
            return not _is_foreign(descriptor)
        title = title_of(descriptor)
        with disk_errors(self._directory), Stage(self._pull, key_of(descriptor)) as stage:
            layer = self._whole(stage, title)
        if layer is None:
            return False
        self._remember(layer)
        return True

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
        title = title_of(descriptor)
        with (
            self._counted(),
            Stage(self._pull, key_of(descriptor), fsync=self._fsync) as stage,
        ):
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
        key, title = key_of(descriptor), title_of(descriptor)
        known = self._layers.get(key)
        if known is not None and title is not None and known.title != title:
            key = _repeated_key(key, title)
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
            remove_tree(PULL_FOLDER, self._folder)
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
                self._lock.take()
            except FileNotFoundError:
                os.close(self._pull)
                continue
            status = entry(PULL_FOLDER, self._folder)
            if status and os.path.samestat(status, os.fstat(self._pull)):
                break
            self._lock.free()
            os.close(self._pull)
        self._moved = frozenset((read_whole(_MOVING, self._pull, _SMALL) or b"").decode().split())

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

    def _wanted(self, title: str | None) -> Wanted:
        """Whether a file is to be placed, by its name in the archive."""
        return lambda member: self._layout.place(title or member) is not None

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._guard:
            self._running += 1
        try:
            yield
        finally:
            with self._guard:
                self._running -= 1

    def _hashes_beside(self) -> bool:
        """Whether a layer is hashed in a second thread: worth it while nothing else arrives."""
        return self._running == 1 if self._pipelined is None else self._pipelined

    def _whole(self, stage: Stage, title: str | None) -> Layer | None:
        """The layer in a stage, if every file is there that is wanted now."""
        if not stage.is_whole:
            return None
        try:
            layer = Layer(stage.name, stage.contents(), title)
        except IntegrityError:
            layer = None
        if layer is None or not self._complete(layer):
            stage.discard()
            return None
        return layer

    def _complete(self, layer: Layer) -> bool:
        commit = self._commit()
        stages = Walker(self._pull)
        try:
            for file in layer.contents.files:
                path = self._layout.place(layer.title or file.path)
                if path is None:
                    continue
                moved = layer.key in self._moved and commit.is_there(path, file.size)
                if file.skipped or not (moved or _is_staged(stages, layer.key, file)):
                    return False
        finally:
            stages.close()
            commit.close()
        return True

    def _push_other(self, descriptor: Descriptor, content: Content) -> None:
        if _is_foreign(descriptor):
            raise Unsupported(
                f"cannot unpack a layer of type {descriptor.media_type[:200]!r}",
                hint="lading copy moves it as it is",
            )
        if descriptor.is_manifest:
            self._push_manifest(descriptor, content)

    def _push_manifest(self, descriptor: Descriptor, content: Content) -> None:
        """Learn of files that are equal: ModelPack names one raw layer as often as it is needed,
        and a copy moves it once."""
        manifest = parse(_read(content), descriptor.media_type)
        if not isinstance(manifest, Manifest):
            return
        for layer in manifest.layers:
            if form_of(layer.media_type) != "raw":
                continue
            title = title_of(layer)
            known = self._layers.get(key_of(layer))
            if known is not None and title is not None and title != known.title:
                self._repeat(known, title)

    def _repeat(self, known: Layer, title: str) -> None:
        """Stage a raw layer's file once more, for another name."""
        key = _repeated_key(known.key, title)
        with disk_errors(self._directory):
            with Stage(self._pull, key) as stage:
                layer = self._whole(stage, title)
            if layer is not None:
                self._remember(layer)
                return
            try:
                tree = open_folder(tree_path(known.key, "").rstrip("/"), self._pull)
            except FileNotFoundError:
                return
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


def key_of(descriptor: Descriptor) -> str:
    """The name that a layer is kept under: one for the archive, another for the raw file."""
    raw = form_of(descriptor.media_type) == "raw"
    return descriptor.digest.hex + (".raw" if raw else "")


def title_of(descriptor: Descriptor) -> str | None:
    """The file's name of a raw layer; None for an archive.

    Raises:
        IntegrityError: it has none, or one that may not be used.
    """
    if form_of(descriptor.media_type) != "raw":
        return None
    annotations = descriptor.annotations
    for key in (mediatypes.FILEPATH, mediatypes.CNAI_FILEPATH, mediatypes.TITLE):
        if annotations.get(key):
            return safe_title(annotations[key])
    raise IntegrityError(
        f"layer {descriptor.digest.short} has no file name", cause=f"no {mediatypes.FILEPATH}"
    )


def _repeated_key(key: str, title: str) -> str:
    return f"{key}-{Digest.of(title.encode()).short}"


def receive(
    stage: Stage,
    descriptor: Descriptor,
    content: Content,
    *,
    place: Path,
    wanted: Wanted | None = None,
    beside: Callable[[], bool] = lambda: False,
    hint: str | None = None,
    keep_uncompressed: bool = False,
) -> None:
    """Unpack a layer's content into its stage, which is whole afterwards.

    Goes on where an earlier run was stopped. ``place`` and ``hint`` are what a person is told
    when the disk refuses; ``beside`` says whether to hash in a second thread just now. With
    ``keep_uncompressed`` the frame of a compressed layer tells the digest of its archive.

    Raises:
        IntegrityError: the bytes are not what the descriptor says, or may not be unpacked; the
            stage is gone.
        LocalFailure: the disk is full or may not be written to.
    """
    if content.size != descriptor.size:
        raise IntegrityError(
            f"content of {descriptor.digest} has another size than its descriptor says",
            cause=f"{content.size} bytes instead of {descriptor.size}",
        )
    form = form_of(descriptor.media_type) or "tar"
    pour = _Pour(stage, descriptor, content, form, place=place, wanted=wanted, hint=hint)
    if form in _RESUMABLE and descriptor.size >= _WORTH_A_THREAD:
        pour.beside = beside
    pour.keep_uncompressed = keep_uncompressed and form not in _RESUMABLE
    if form in _RESUMABLE and stage.is_begun:
        # What an earlier run left may be what is damaged: then once more, from the start.
        with contextlib.suppress(IntegrityError):
            if pour.resumed():
                return
    pour.fresh()


class _Pour:
    """One layer's way from its content into its stage."""

    def __init__(
        self,
        stage: Stage,
        descriptor: Descriptor,
        content: Content,
        form: Form,
        *,
        place: Path,
        wanted: Wanted | None,
        hint: str | None,
    ) -> None:
        self._stage = stage
        self._descriptor = descriptor
        self._content = content
        self._form = form
        self._place = place
        self._wanted = wanted
        self._hint = hint
        self.beside: Callable[[], bool] = lambda: False
        self.keep_uncompressed = False

    def resumed(self) -> bool:
        """Go on with what is there; False where that cannot be done.

        Raises:
            IntegrityError: it was gone on with and turned out wrong.
        """
        parser, hasher = self._parser(), self._descriptor.digest.hasher()
        with self._disk():
            writer = self._stage.resume(parser, hasher, self._wanted)
        if writer is None:
            return False
        self._run(parser, hasher, writer)
        return True

    def fresh(self) -> None:
        """Start at the first byte.

        Raises:
            IntegrityError: the bytes are wrong; the stage is gone.
        """
        with self._disk():
            self._stage.begin()
            writer = self._stage.writer(self._wanted)
        try:
            self._run(self._parser(), self._descriptor.digest.hasher(), writer)
        except BaseException as error:
            if isinstance(error, IntegrityError) or self._form not in _RESUMABLE:
                with contextlib.suppress(OSError):
                    self._stage.discard()
            raise

    def _run(self, parser: Parser, hasher: Hasher, writer: TreeWriter) -> None:
        parser.sink = writer
        try:
            with Hashing(hasher, self.beside) as hashing:
                self._read(parser, hashing, writer)
            with self._disk():
                parser.finish()
        finally:
            writer.close()
        with self._disk():
            self._stage.finish()

    def _read(self, parser: Parser, hashing: Hashing, writer: TreeWriter) -> None:
        with contextlib.ExitStack() as stack:
            offset, reader = parser.offset, None
            if offset < self._descriptor.size:
                reader = stack.enter_context(self._content.open(offset))
            checked = CheckedReader(reader, self._descriptor, hashing, offset)
            archive = decompressed(checked, self._form)
            if self.keep_uncompressed:
                tee = Tee(archive)
                self._pump(tee, parser, writer)
                self._stage.note_uncompressed(tee.digest)
            else:
                self._pump(archive, parser, writer)
            checked.finish()

    def _pump(self, reader: Reader, parser: Parser, writer: TreeWriter) -> None:
        # While one buffer is being hashed in its thread, the other one is filled.
        for buffer in cycle([memoryview(bytearray(BUFFER_SIZE)) for _ in range(2)]):
            received = reader.readinto(buffer)
            if not received:
                return
            try:
                parser.feed(buffer[:received])
            except OSError as error:
                place = self._place / writer.current
                raise disk_failure(error, place, hint=self._hint) from error

    def _parser(self) -> Parser:
        # The sink is set when there is one: a resumed stage shows its past to another first.
        if self._form == "raw":
            return RawParser(NO_SINK, RAW_NAME, self._descriptor.size)
        return ArchiveParser(NO_SINK, self._descriptor.size if self._form == "tar" else None)

    def _disk(self) -> contextlib.AbstractContextManager[None]:
        return disk_errors(self._place, hint=self._hint)


def _is_foreign(descriptor: Descriptor) -> bool:
    """Whether this is neither layer nor manifest nor config as Lading knows them."""
    return not descriptor.is_manifest and not descriptor.media_type.endswith("json")


def _is_staged(stages: Walker, key: str, file: File) -> bool:
    try:
        folder, name = stages.of(tree_path(key, file.path))
    except OSError:
        return False
    status = entry(name, folder)
    return status is not None and stat.S_ISREG(status.st_mode) and status.st_size == file.size


def _pull_folder(folder: int, directory: Path) -> int:
    try:
        return make_folder(PULL_FOLDER, folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Conflict(
                f"cannot use {directory}",
                cause=f"{PULL_FOLDER} in it is a link or a file",
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
