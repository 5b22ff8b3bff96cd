"""A lock as its packages: the one shape that every kind of lock is read into and written from.

Frozen values, and what can be asked of them. Formats are the other modules'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

# The systems of versions that pip knows.
KINDS: Final = ("git", "hg", "svn", "bzr")


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A wheel or a source archive that an index offers; hashes as ``sha256:…``."""

    name: str
    hashes: tuple[str, ...]
    url: str | None = None
    path: str | None = None
    size: int | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether it is built already."""
        return self.name.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Vcs:
    """A commit of a repository; the URL holds no credentials."""

    kind: str
    url: str
    commit: str
    requested: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder of the machine that made the lock."""

    path: str
    editable: bool = False
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive, by its address and not through an index; the URL holds no credentials."""

    url: str | None
    hashes: tuple[str, ...]
    path: str | None = None
    size: int | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """A package, exactly pinned, and all that is known of where it comes from.

    ``hashes`` are those of files whose names nobody told.
    """

    name: str
    version: str | None = None
    marker: str | None = None
    requires_python: str | None = None
    index: str | None = None
    files: tuple[LockedFile, ...] = ()
    origin: Vcs | Directory | Archive | None = None
    hashes: tuple[str, ...] = ()

    @property
    def is_hashed(self) -> bool:
        """Whether a changed download would be noticed; a commit is its own hash."""
        if isinstance(self.origin, Archive):
            return bool(self.origin.hashes)
        if self.origin is not None:
            return isinstance(self.origin, Vcs)
        return bool(self.hashes) or (bool(self.files) and all(f.hashes for f in self.files))

    @property
    def all_hashes(self) -> tuple[str, ...]:
        """Every hash that one of its files may have, each once, sorted."""
        return tuple(sorted({*self.hashes, *(h for file in self.files for h in file.hashes)}))


@dataclass(frozen=True, slots=True)
class Locked:
    """A whole lock."""

    packages: tuple[Package, ...]
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()

    @property
    def is_hashed(self) -> bool:
        """Whether every package has a hash."""
        return bool(self.packages) and all(package.is_hashed for package in self.packages)


def in_order(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Packages as every lock lists them: by name, then version, then marker."""
    return tuple(sorted(packages, key=lambda p: (p.name, p.version or "", p.marker or "")))


def with_hashes(packages: Iterable[Package], known: Mapping[str, Package]) -> tuple[Package, ...]:
    """The packages, with the files and hashes that another lock knows of the same versions."""
    return tuple(_with_hashes(package, known.get(package.name)) for package in packages)


def _with_hashes(package: Package, known: Package | None) -> Package:
    if known is None or package.origin or known.origin or known.version != package.version:
        return package
    return replace(package, files=known.files, hashes=known.hashes, index=known.index)
