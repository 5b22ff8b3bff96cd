"""The file beside an output that holds its rows so far, and that one run writes at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Final

from lading.errors import Conflict
from lading.serving.batch.sinks import failed

PART: Final = ".lading-part"


def part_of(path: Path) -> Path:
    """Where the rows so far are."""
    return path.with_name(path.name + PART)


def frame_of(path: Path) -> Path:
    """Where it stands how far they are."""
    return path.with_name(f"{path.name}{PART}.json")


def whole_of(path: Path) -> Path:
    """Where all of them are, in a form that is made at the end."""
    return path.with_name(f"{path.name}{PART}-whole")


def beside(path: Path) -> tuple[Path, ...]:
    """All that may lie beside a file while it comes to be."""
    return part_of(path), frame_of(path), whole_of(path)


def opened(path: Path) -> BinaryIO:
    """A file that nobody else writes.

    Raises:
        Conflict: somebody does.
        LocalFailure: nobody can.
    """
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise failed(path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(fd, path):
                return os.fdopen(fd, "r+b", buffering=0)
        except BlockingIOError as error:
            os.close(fd)
            raise Conflict(
                f"another run is writing {str(path).removesuffix(PART)}",
                cause="two of them would mix their rows",
                hint="wait for it, or name another output",
            ) from error
        except OSError as error:  # a file system without locks
            os.close(fd)
            raise failed(path, error) from error
        except BaseException:
            os.close(fd)
            raise
        # Whoever had it gave it its name just now.
        os.close(fd)


def reopened(file: BinaryIO, path: Path) -> BinaryIO:
    """Another file for the rows of ``path``, where this one is what has that name by now.

    A run that was killed while it gave the name leaves a file with two.

    Raises:
        Conflict: somebody else was quicker.
        LocalFailure: nobody can.
    """
    if not is_named(file, path):
        return file
    part_of(path).unlink(missing_ok=True)
    file.close()
    return opened(part_of(path))


def is_named(file: BinaryIO, path: Path) -> bool:
    """Whether an open file has this name."""
    return _is_there(file.fileno(), path)


def _is_there(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
