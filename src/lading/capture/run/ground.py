"""Where trackers leave their files, and how those are read: small, regular, inside the project.

A folder may come from anywhere, so a link in it may lead to a secret: files are opened without
following links, and a folder counts only where it lies inside the ground that is looked at.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.errors import InvalidInput

_LEVELS: Final = 4
_STORE_LEVELS: Final = 8
_LARGEST: Final = 1024 * 1024
_MOST_ENTRIES: Final = 10_000
# Where MLflow puts a model: below the project, deeper than anybody goes up.
_STORES: Final = frozenset({"mlruns", "mlartifacts"})


class Unreadable(Exception):
    """A file is there and cannot be read; says why in a few words."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The folders that are looked into, the nearest to the model first."""

    model: Path
    places: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """The model's folder, or that of a model which is one file."""
        return self.model if self.model.is_dir() else self.model.parent

    def holds(self, path: Path) -> bool:
        """Whether this is a folder inside the ground, links followed."""
        try:
            return path.is_dir() and self._inside(path.resolve())
        except (OSError, RuntimeError, ValueError):
            return False

    def _inside(self, path: Path) -> bool:
        return any(path == place or place in path.parents for place in self.places)

    def has(self, path: Path) -> bool:
        """Whether there is anything of that name."""
        try:
            path.lstat()
        except (OSError, ValueError):
            return False
        return True

    def file(self, path: Path) -> str | None:
        """The text of a small file; None if there is none.

        Raises:
            Unreadable: it is too large, a link, no file, or outside of the ground.
        """
        if not self.has(path):
            return None
        if not self.holds(path.parent):
            raise Unreadable("lies outside of the project")
        return read(path)


def around(folder: Path, near: Path | None = None) -> Ground:
    """The ground around a model's folder, and around another folder near it."""
    model = _resolved(folder)
    start = model if model.is_dir() else model.parent
    starts = [start, *(_above_store(start))]
    if near is not None:
        starts.append(_resolved(near))
    return Ground(model, tuple(dict.fromkeys(p for first in starts for p in _upward(first))))


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, RuntimeError):
        return folder.absolute()


def _above_store(start: Path) -> Iterator[Path]:
    for place in (start, *start.parents[:_STORE_LEVELS]):
        if place.name in _STORES:
            yield place.parent


def _upward(start: Path) -> Iterator[Path]:
    """A folder and a few above it, up to the one that is under git.

    A folder in which everybody may write is nobody's project: anything may lie there.
    """
    for level, place in enumerate((start, *start.parents[:_LEVELS])):
        try:
            mode = place.stat().st_mode
        except OSError:
            return
        if level and (mode & stat.S_IWOTH or place == place.parent):
            return
        yield place
        if os.path.lexists(place / ".git"):
            return


def read(path: Path, limit: int = _LARGEST) -> str | None:
    """The text of a regular file, no link, of at most so many bytes; None if there is none.

    Raises:
        Unreadable: there is something else.
    """
    raw = read_tail(path, limit + 1)
    if raw is not None and len(raw) > limit:
        raise Unreadable(f"is larger than {limit >> 10:,} KiB")
    return None if raw is None else raw.decode("utf-8", "replace")


def read_tail(path: Path, length: int) -> bytes | None:
    """The last so many bytes of a regular file, no link; None if there is none.

    Raises:
        Unreadable: there is something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable("is a link or cannot be opened") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("is no regular file")
        return os.pread(descriptor, length, max(0, found.st_size - length))
    except OSError as error:
        raise Unreadable("cannot be read") from error
    finally:
        os.close(descriptor)


def entries(folder: Path, most: int = _MOST_ENTRIES) -> list[os.DirEntry[str]]:
    """What is in a folder, sorted by name; only so many, and nothing where it cannot be read."""
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                found.append(entry)
                if len(found) >= most:
                    break
    except (OSError, ValueError):
        return found
    return sorted(found, key=lambda entry: entry.name)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder itself, no link to one."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file itself, no link to one."""
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def parsed(content: str, *, yaml: bool) -> dict[str, Any]:
    """The mapping in some YAML or JSON. NaN and infinities are read: they are noted, not refused.

    Raises:
        Unreadable: it is none.
    """
    try:
        value = _yaml(content) if yaml else json.loads(content)
    except (InvalidInput, ValueError, RecursionError) as error:
        raise Unreadable(f"is not {'YAML' if yaml else 'JSON'} that can be read") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable("holds no names with values")
    return value


def _yaml(content: str) -> Any:
    from lading.spec.yaml_text import read_yaml

    return read_yaml(content, "the file")
