"""One layer on its way to disk: its files, and what is needed to go on after a crash.

A stage is a folder ``<name>/`` with the files in ``tree/`` and the frame of the stream in
``frame.part``, which becomes ``frame`` when every byte has arrived and the digest was right:
that renaming is what makes a layer whole. Which layers there are, and where their files go in
the end, is not decided here.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from types import TracebackType

from lading.errors import IntegrityError
from lading.packing.names import RAW_NAME
from lading.packing.unpack.disk import (
    Walker,
    closing,
    copy_file,
    entry,
    make_folder,
    open_file,
    open_folder,
    remove_tree,
    write_all,
)
from lading.packing.unpack.frame import Contents, File, FrameLog, FrameReader
from lading.packing.unpack.replay import Replay
from lading.spec.archive import ArchiveParser, Parser
from lading.spec.digest import Digest, Hasher
from lading.spec.member_names import refused

# From this size on an interrupted file is continued rather than written anew.
LARGE = 4 * 1024 * 1024

_TREE = "tree"
_FRAME = "frame"
_PART = "frame.part"

Wanted = Callable[[str], bool]


class Stage:
    """One layer's folder below ``parent``; used by one thread at a time.

    Files that are ``sealed_at`` some time are read-only and bear that time when they are whole.

    Raises:
        OSError: from every method that touches the disk.
    """

    def __init__(
        self, parent: int, name: str, *, sealed_at: int | None = None, fsync: bool = False
    ) -> None:
        self.name = name
        self._parent = parent
        self._sealed_at = sealed_at
        self._fsync = fsync
        self._folder = -1
        self._tree = -1
        self._part = -1
        self.log: FrameLog | None = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_whole(self) -> bool:
        """Whether every byte of the layer is here, and was checked."""
        return entry(f"{self.name}/{_FRAME}", self._parent) is not None

    @property
    def is_begun(self) -> bool:
        """Whether an earlier run left something to go on with."""
        return entry(f"{self.name}/{_PART}", self._parent) is not None

    def contents(self) -> Contents:
        """What a whole layer holds.

        Raises:
            IntegrityError: its frame is damaged.
        """
        with closing(open_file(f"{self.name}/{_FRAME}", self._parent)) as fileno:
            return Contents.of(FrameReader(fileno).records())

    def holds(self, digest: Digest, parser: Parser, opened: Callable[[File], int]) -> bool:
        """Whether a whole layer is that of this digest: everything is read again.

        ``opened`` gives a descriptor of each file, wherever it is by now.

        Raises:
            OSError: something of it cannot be read.
            IntegrityError: its parts do not belong together.
        """
        hasher = digest.hasher()
        with closing(open_file(f"{self.name}/{_FRAME}", self._parent)) as fileno:
            Replay(parser, hasher, opened).run(FrameReader(fileno).records())
        parser.finish()
        return not parser.pending and hasher.hexdigest() == digest.hex

    def begin(self) -> None:
        """Start anew; whatever was here is gone."""
        self.discard()
        self._open()
        self._part = os.open(_PART, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=self._folder)
        self.log = FrameLog(self._part)

    def resume(
        self, parser: Parser, hasher: Hasher, wanted: Wanted | None = None
    ) -> TreeWriter | None:
        """Go on where an earlier run was stopped: the parser and the hasher know what it knew.

        None where that cannot be done; nothing is lost then but the earlier run's work.
        """
        self._open()
        self._part = os.open(_PART, os.O_RDWR | os.O_NOFOLLOW, dir_fd=self._folder)
        reader = FrameReader(self._part)
        walker = Walker(self._tree)

        def opened(file: File) -> int:
            folder, name = walker.of(file.path)
            return open_file(name, folder)

        try:
            last = Replay(parser, hasher, opened).run(reader.records(torn=True))
        except (IntegrityError, OSError):
            return None
        finally:
            walker.close()
        if last is None:
            return None
        os.ftruncate(self._part, reader.end)
        os.lseek(self._part, reader.end, os.SEEK_SET)
        self.log = FrameLog(self._part, fresh=False)
        keep = parser.files if isinstance(parser, ArchiveParser) else {RAW_NAME}
        _sweep(self._tree, "", keep)
        writer = self.writer(wanted)
        writer.go_on(last.path, last.size - parser.pending)
        if not parser.pending:
            writer.end_file()
        return writer

    def writer(self, wanted: Wanted | None) -> TreeWriter:
        """What writes the files of a stage that was begun."""
        assert self.log is not None
        return TreeWriter(
            self._tree, self.log, sealed_at=self._sealed_at, fsync=self._fsync, wanted=wanted
        )

    def note_uncompressed(self, digest: str) -> None:
        """Remember the digest of the archive in a compressed layer."""
        assert self.log is not None
        self.log.uncompressed(digest)

    def finish(self) -> None:
        """Every byte is here and was checked: the layer is whole."""
        assert self.log is not None
        self.log.flush()
        if self._fsync:
            os.fsync(self._part)
        os.rename(_PART, _FRAME, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        if self._fsync:
            os.fsync(self._folder)

    def adopt(self, tree: int, contents: Contents, *, wanted: Wanted, link: bool) -> None:
        """Fill the stage with the files of a tree that is elsewhere; it is whole afterwards."""
        self.begin()
        writer = self.writer(wanted)
        source = Walker(tree)
        try:
            for folder in contents.folders:
                writer.folder(folder)
            for file in contents.files:
                folder_number, name = source.of(file.path)
                writer.take(file, name, folder_number, link=link)
        finally:
            source.close()
            writer.close()
        self.finish()

    def discard(self) -> None:
        """Be rid of all of it."""
        self.close()
        remove_tree(self.name, self._parent)

    def close(self) -> None:
        """Let go of the files; what is on disk stays."""
        for fileno in (self._part, self._tree, self._folder):
            if fileno >= 0:
                os.close(fileno)
        self._part = self._tree = self._folder = -1
        self.log = None

    def _open(self) -> None:
        self.close()
        self._folder = make_folder(self.name, self._parent)
        self._tree = make_folder(_TREE, self._folder)


def tree_path(name: str, path: str) -> str:
    """Where a staged file is, from the folder that holds the stages."""
    return f"{name}/{_TREE}/{path}"


def publish(parent: int, name: str, target: int, key: str) -> None:
    """Move a whole stage's tree and frame to ``key`` and ``key.frame`` in another folder."""
    with closing(open_folder(name, parent)) as folder:
        # The tree comes last: where it is, its frame is.
        os.rename(_FRAME, f"{key}.frame", src_dir_fd=folder, dst_dir_fd=target)
        os.rename(_TREE, key, src_dir_fd=folder, dst_dir_fd=target)
    remove_tree(name, parent)


class TreeWriter:
    """Writes what a parser finds below a folder: new files only, and no link is followed."""

    def __init__(
        self,
        tree: int,
        log: FrameLog,
        *,
        sealed_at: int | None,
        fsync: bool,
        wanted: Wanted | None,
    ) -> None:
        self._walker = Walker(tree, create=True)
        self._log = log
        self._sealed_at = sealed_at
        self._fsync = fsync
        self._wanted = wanted
        self._fileno = -1
        self.current = ""

    def frame(self, piece: memoryview) -> None:
        """Remember bytes that belong to no file."""
        self._log.run(piece)

    def folder(self, path: str) -> None:
        """Make a folder."""
        self.current = path
        self._log.folder(path)
        self._walker.folder(path)

    def start_file(self, path: str, size: int) -> None:
        """Make a file."""
        self.current = path
        if self._wanted is not None and not self._wanted(path):
            self._log.file(path, size, skipped=True)
            return
        self._log.file(path, size)
        if size >= LARGE:
            # From here on a crash leaves enough to go on with.
            self._log.flush()
        try:
            self._open(path, os.O_EXCL)
        except FileExistsError:
            # Names are told apart before; this file system holds some of them for one.
            raise refused(path, "another member has the same name on this file system") from None

    def go_on(self, path: str, position: int) -> None:
        """Write on at some position of a file, which may not have been made yet."""
        self.current = path
        if self._sealed_at is not None:
            folder, name = self._walker.of(path)
            with contextlib.suppress(FileNotFoundError):
                os.chmod(name, 0o644, dir_fd=folder)
        self._open(path, 0)
        os.ftruncate(self._fileno, position)
        os.lseek(self._fileno, position, os.SEEK_SET)

    def take(self, file: File, name: str, folder: int, *, link: bool) -> None:
        """A whole file from elsewhere: as a link, or its blocks, or its bytes."""
        if link and (self._wanted is None or self._wanted(file.path)):
            target, final = self._walker.of(file.path)
            # Another file system, too many links, or not ours to link: copied then.
            with contextlib.suppress(OSError):
                os.link(name, final, src_dir_fd=folder, dst_dir_fd=target, follow_symlinks=False)
                self._log.file(file.path, file.size)
                return
        self.start_file(file.path, file.size)
        if self._fileno < 0:
            return
        with closing(open_file(name, folder)) as source:
            copy_file(source, self._fileno, file.size)
        self.end_file()

    def file_bytes(self, piece: memoryview) -> None:
        """Write on in the file."""
        if self._fileno >= 0:
            write_all(self._fileno, piece)

    def end_file(self) -> None:
        """Be done with the file."""
        if self._fileno < 0:
            return
        if self._sealed_at is not None:
            os.fchmod(self._fileno, stat.S_IMODE(os.fstat(self._fileno).st_mode) & ~0o222)
            os.utime(self._fileno, (self._sealed_at, self._sealed_at))
        if self._fsync:
            os.fsync(self._fileno)
        self._close_file()

    def close(self) -> None:
        """Let go of everything; what is on disk stays."""
        self._close_file()
        self._walker.close()

    def _open(self, path: str, flag: int) -> None:
        folder, name = self._walker.of(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flag
        self._fileno = os.open(name, flags, 0o644, dir_fd=folder)

    def _close_file(self) -> None:
        if self._fileno >= 0:
            fileno, self._fileno = self._fileno, -1
            os.close(fileno)


def _sweep(folder: int, path: str, keep: set[str]) -> None:
    """Remove the files that were written after the last record that is known."""
    for name in os.listdir(folder):
        inner = f"{path}{name}"
        status = entry(name, folder)
        if status is not None and stat.S_ISDIR(status.st_mode):
            with closing(open_folder(name, folder)) as below:
                _sweep(below, inner + "/", keep)
        elif inner not in keep:
            os.unlink(name, dir_fd=folder)
