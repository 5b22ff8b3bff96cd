"""Files and folders by descriptor, never by following a link; what a disk refuses, in words.

Nothing here knows archives or layers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from lading.errors import LocalFailure

BUFFER_SIZE = 1024 * 1024

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Opening a pipe that somebody put in a file's place must not wait for its other end.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
# Linux's ioctl that makes a file share another's blocks (btrfs, XFS, bcachefs).
_FICLONE = 0x40049409

_FULL = "make room and run the same command again: it goes on where it stopped"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder you may write to",
    errno.ENAMETOOLONG: "choose a folder with a shorter path, or another file system",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or lower --jobs",
}


def disk_failure(error: OSError, place: Path | str, *, hint: str | None = None) -> LocalFailure:
    """What a person is told about an error of this machine's disk."""
    known = _HINTS.get(error.errno or 0)
    denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return LocalFailure(
        f"cannot write to {place}",
        cause=error.strerror or str(error),
        hint=hint if hint and (denied or not known) else known,
    )


@contextlib.contextmanager
def disk_errors(place: Path | str, *, hint: str | None = None) -> Iterator[None]:
    """Tell of every OSError inside as of a failure to write there.

    Raises:
        LocalFailure: instead of the OSError; ``hint`` is for what rights forbid.
    """
    try:
        yield
    except OSError as error:
        raise disk_failure(error, place, hint=hint) from error


def open_folder(name: str, parent: int) -> int:
    """A descriptor of a folder; a link in its place is an OSError."""
    return os.open(name, _FOLDER_FLAGS, dir_fd=parent)


def open_file(name: str, parent: int) -> int:
    """A descriptor to read a file; a link in its place is an OSError."""
    return os.open(name, _FILE_FLAGS, dir_fd=parent)


def make_folder(name: str, parent: int) -> int:
    """A descriptor of a folder that is made where there is none."""
    try:
        return open_folder(name, parent)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=parent)
        return open_folder(name, parent)


def entry(name: str, parent: int) -> os.stat_result | None:
    """What is there under a name, links not followed; None where nothing is."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def closing(fileno: int) -> Iterator[int]:
    """An open file or folder, closed at the end."""
    try:
        yield fileno
    finally:
        os.close(fileno)


class Walker:
    """Finds folders below a root, a component at a time; keeps the last one open.

    Names come in order, so the last folder is nearly always the next one, too.
    """

    def __init__(self, root: int, *, create: bool = False) -> None:
        self._root = root
        self._create = create
        self._last = ""
        self._fileno = root

    def folder(self, path: str) -> int:
        """The folder's descriptor, good until the next call; the root for an empty path.

        Raises:
            OSError: there is no such folder, or a link or a file is in its place.
        """
        if path != self._last:
            fileno = self._descend(path)
            self.close()
            self._last, self._fileno = path, fileno
        return self._fileno

    def of(self, path: str) -> tuple[int, str]:
        """The folder that some path lies in, and its name there."""
        parent, _, name = path.rpartition("/")
        return self.folder(parent), name

    def entry(self, path: str) -> os.stat_result | None:
        """What is there under a path, links not followed; None where nothing is."""
        try:
            folder, name = self.of(path)
        except FileNotFoundError:
            return None
        return entry(name, folder)

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A file to be read.

        Raises:
            OSError: there is none, or a link or something else is in its place.
        """
        folder, name = self.of(path)
        with closing(open_file(name, folder)) as fileno:
            yield fileno

    def close(self) -> None:
        """Forget the last folder; the root stays its owner's."""
        if self._fileno != self._root:
            os.close(self._fileno)
        self._last, self._fileno = "", self._root

    def _descend(self, path: str) -> int:
        step = make_folder if self._create else open_folder
        fileno = self._root
        for component in path.split("/") if path else ():
            try:
                below = step(component, fileno)
            finally:
                if fileno != self._root:
                    os.close(fileno)
            fileno = below
        return fileno


def write_all(fileno: int, piece: memoryview | bytes) -> None:
    """Write every byte; the kernel may take less than it is given."""
    written = os.write(fileno, piece)
    if written != len(piece):
        view = memoryview(piece)[written:]
        while view:
            view = view[os.write(fileno, view) :]


def write_whole(name: str, parent: int, raw: bytes, *, fsync: bool = False) -> None:
    """Put a small file there, whole or not at all."""
    temporary = f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
    fileno = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent)
    try:
        try:
            write_all(fileno, raw)
            if fsync:
                os.fsync(fileno)
        finally:
            os.close(fileno)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=parent)
        raise


def read_whole(name: str, parent: int, limit: int) -> bytes | None:
    """A small file's bytes; None where there is none, or a larger one."""
    try:
        fileno = open_file(name, parent)
    except FileNotFoundError:
        return None
    with os.fdopen(fileno, "rb") as file:
        raw = file.read(limit + 1)
    return raw if len(raw) <= limit else None


def copy_file(source: int, target: int, size: int) -> None:
    """Fill an empty file from another: by shared blocks, else within the kernel, else by hand."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        return
    copied = _copy_in_kernel(source, target, size)
    if copied < size:
        _copy_by_hand(source, target, copied)


def _copy_in_kernel(source: int, target: int, size: int) -> int:
    """Copy what can be copied so; how much that was."""
    copied = 0
    if hasattr(os, "copy_file_range"):  # Linux
        with contextlib.suppress(OSError):
            while copied < size:
                count = os.copy_file_range(source, target, size - copied, copied, copied)
                if not count:
                    break
                copied += count
    return copied


def _copy_by_hand(source: int, target: int, position: int) -> None:
    buffer = memoryview(bytearray(BUFFER_SIZE))
    os.lseek(target, position, os.SEEK_SET)
    while count := os.preadv(source, [buffer], position):
        write_all(target, buffer[:count])
        position += count


def same_bytes(first: int, second: int) -> bool:
    """Whether two open files hold the same bytes."""
    if os.path.sameopenfile(first, second):
        return True
    length = min(BUFFER_SIZE, os.fstat(first).st_size + 1)
    one, other = memoryview(bytearray(length)), memoryview(bytearray(length))
    position = 0
    while True:
        count = os.preadv(first, [one], position)
        if count != _fill(second, other[:count] if count else other[:1], position):
            return False
        if not count:
            return True
        # Comparing views goes item by item; bytes objects are compared at once.
        if bytes(one[:count]) != bytes(other[:count]):
            return False
        position += count


def _fill(fileno: int, buffer: memoryview, position: int) -> int:
    filled = 0
    while filled < len(buffer):
        count = os.preadv(fileno, [buffer[filled:]], position + filled)
        if not count:
            break
        filled += count
    return filled


def remove_tree(name: str, parent: int) -> int:
    """Remove whatever is there under a name; how many bytes that set free.

    A file with another hard link sets nothing free. Links are removed, not followed. What
    somebody else removes at the same time is no error.
    """
    status = entry(name, parent)
    if status is None:
        return 0
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(status.st_mode):
            return _remove_folder(name, parent)
        os.unlink(name, dir_fd=parent)
        return status.st_size if status.st_nlink == 1 else 0
    return 0


def _remove_folder(name: str, parent: int) -> int:
    fileno = open_folder(name, parent)
    try:
        freed = sum(remove_tree(child, fileno) for child in os.listdir(fileno))
    finally:
        os.close(fileno)
    os.rmdir(name, dir_fd=parent)
    return freed


class Lock:
    """An exclusive lock on a file that is there only while somebody holds or wants it.

    Held by a process and freed by the kernel when it ends, however it ends.
    """

    def __init__(self, name: str, parent: int) -> None:
        self._name = name
        self._parent = parent
        self._fileno = -1

    def __enter__(self) -> Lock:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free()

    def take(self) -> None:
        """Wait for the lock and hold it."""
        while True:
            fileno = os.open(
                self._name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644, dir_fd=self._parent
            )
            try:
                self._wait(fileno)
                status = entry(self._name, self._parent)
                # Whoever held it before has removed the file, and another may be there by now.
                if status and os.path.samestat(status, os.fstat(fileno)):
                    self._fileno = fileno
                    return
            except BaseException:
                os.close(fileno)
                raise
            os.close(fileno)

    def _wait(self, fileno: int) -> None:
        try:
            fcntl.flock(fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            import logging

            logging.getLogger(__name__).info("waiting for whoever holds %s", self._name)
            fcntl.flock(fileno, fcntl.LOCK_EX)

    def free(self) -> None:
        """Let the next one have it."""
        with contextlib.suppress(OSError):
            os.unlink(self._name, dir_fd=self._parent)
        # Closing would not do where a process was forked meanwhile: it holds the lock as well.
        fcntl.flock(self._fileno, fcntl.LOCK_UN)
        os.close(self._fileno)
        self._fileno = -1
