"""Which lock of a project counts: found, read, and held against what is installed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.capture.lock import groups, parsing, pylock, requirements, uv
from lading.capture.lock.locked import Locked, Package
from lading.capture.lock.markers import holds
from lading.errors import InvalidInput

_MOST_LOCKS: Final = 8
_MOST_NAMED: Final = 10

_READERS: Final[Mapping[str, Callable[[bytes, str], Locked | None]]] = {
    "uv.lock": uv.read,
    "poetry.lock": groups.read_poetry,
    "pdm.lock": groups.read_pdm,
}


@dataclass(frozen=True, slots=True)
class ProjectLock:
    """A lock of the project, and those of its packages that count on this machine."""

    source: str
    locked: Locked
    here: Mapping[str, Package]
    missing: tuple[str, ...]
    differs: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """How it and what is installed differ, in a sentence if they do."""
        if not self.differs:
            return ()
        more = len(self.differs) - _MOST_NAMED
        named = ", ".join(self.differs[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return (f"{self.source} and what is installed differ: {named}",)


def project_lock(
    folder: Path,
    *,
    direct: Collection[str],
    versions: Mapping[str, str],
    markers: Mapping[str, str],
) -> tuple[ProjectLock | None, tuple[str, ...]]:
    """The lock beside a project's code, and notes of those that could not be read.

    Of several the one counts that has all that is needed directly and agrees best with
    ``versions``, which are installed.
    """
    found: list[ProjectLock] = []
    notes: list[str] = []
    for path in _candidates(folder):
        try:
            locked = _read(path)
        except (InvalidInput, OSError) as error:
            cause = error.cause if isinstance(error, InvalidInput) else str(error)
            notes.append(f"{path.name} was not taken for the lock: {cause}")
            continue
        if locked is None:
            continue
        found.append(_held(path.name, locked, direct, versions, markers))
        if not found[-1].missing and not found[-1].differs:
            break
    best = min(found, key=lambda lock: (len(lock.missing), len(lock.differs)), default=None)
    return best, tuple(notes)


def selected(locked: Locked, markers: Mapping[str, str]) -> dict[str, Package]:
    """The packages of a lock that count in an environment, by name; no extras."""
    chosen: dict[str, Package] = {}
    for package in locked.packages:
        if package.name not in chosen and holds(package.marker, markers, locked.default_groups):
            chosen[package.name] = package
    return chosen


def _held(
    source: str,
    locked: Locked,
    direct: Iterable[str],
    versions: Mapping[str, str],
    markers: Mapping[str, str],
) -> ProjectLock:
    here = selected(locked, markers)
    differs = [
        f"{name} {version} in the lock, {versions[name]} installed"
        for name, package in sorted(here.items())
        if (version := package.version)
        and name in versions
        # A pin without a local label is met by any: 2.13.0 by 2.13.0+cpu.
        and not parsing.same_version(version, versions[name])
        and not parsing.same_version(version, versions[name].partition("+")[0])
    ]
    missing = tuple(sorted(name for name in direct if name not in here))
    return ProjectLock(source, locked, here, missing, tuple(differs))


def _candidates(folder: Path) -> Iterator[Path]:
    own = sorted(folder.glob("pylock.*.toml"))
    pinned = sorted(folder.glob("requirements*.lock"))
    names = [folder / name for name in ("pylock.toml", *_READERS, "requirements.txt")]
    ordered = [names[0], *own, *names[1:-1], *pinned, names[-1]]
    yield from [path for path in ordered if path.is_file()][:_MOST_LOCKS]


def _read(path: Path) -> Locked | None:
    """The lock in a file, or None where it pins too little to be one."""
    with path.open("rb") as file:
        raw = file.read(parsing.LARGEST_LOCK + 1)
    if path.name.startswith("requirements"):
        locked = requirements.read(raw, path.name)
        # Pins without hashes say less than what is installed: that is known with its needs.
        return locked if locked and locked.is_hashed else None
    return _READERS.get(path.name, pylock.read)(raw, path.name)
