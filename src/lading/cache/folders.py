"""The cache's own folders and locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lading.errors import Unavailable
from lading.packing.unpack.disk import Lock, disk_errors

HINT = "set LADING_CACHE to a folder you may write to"

_LOCK = "lock"
STAGING = "staging"


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Tell of what the disk refuses in words that fit the cache.

    Raises:
        LocalFailure: instead of an OSError.
    """
    with disk_errors(root, hint=HINT):
        yield


@contextlib.contextmanager
def made(root: Path, *parts: str) -> Iterator[int]:
    """A folder of the cache, made where it is missing."""
    path = root.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    with opened(root, *parts) as fileno:
        yield fileno


@contextlib.contextmanager
def opened(root: Path, *parts: str) -> Iterator[int]:
    """A folder of the cache.

    Raises:
        FileNotFoundError: it was never made.
    """
    fileno = os.open(root.joinpath(*parts), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fileno
    finally:
        os.close(fileno)


@contextlib.contextmanager
def shared(root: Path) -> Iterator[None]:
    """While this is held, nothing is pruned."""
    with _locked(root, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def reading(root: Path) -> Iterator[None]:
    """The same as far as it can be had: a cache that only may be read is read all the same."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(shared(root))
        yield


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """While this is held, nothing is pulled.

    Raises:
        Unavailable: something is being pulled.
    """
    try:
        with _locked(root, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError as error:
        raise Unavailable(
            "the cache is in use", cause=f"a pull is under way in {root}", hint="try again later"
        ) from error


@contextlib.contextmanager
def held(root: Path, key: str) -> Iterator[int]:
    """The staging folder, while nobody else works on the same thing."""
    with made(root, STAGING) as staging, Lock(f"{key}.lock", staging):
        yield staging


@contextlib.contextmanager
def _locked(root: Path, mode: int) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    fileno = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fileno, mode)
        try:
            yield
        finally:
            # A process that was forked meanwhile holds it as well until it is said so.
            fcntl.flock(fileno, fcntl.LOCK_UN)
    finally:
        os.close(fileno)
