"""Divide a lock: what loading a model needs, what only training does. Pure.

A lock says which version of each package, seldom which package needs which. So the division is
made where the packages are: pip is given the ones that the model needs by name, and the whole
lock as its constraints; what it chooses is held against the lock, hash by hash, and only then
installed (``inside/steps``). Here the files for that are written.

Constraints carry no hashes. Only pip 26 takes the hash of a constraint for that of a package
which came along; older ones refuse, and base images have older ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lading.capture.lock.locked import Directory, Locked, Package, in_order
from lading.capture.lock.markers import holds
from lading.capture.lock.requirements import can_be_had, pinned
from lading.spec.packages import normalised

# Lading comes as a wheel of its own, in the version that builds.
OWN: Final = "lading"


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock, as pip is told of it."""

    name: str
    version: str | None
    requirement: str
    marker: str | None = None
    hashes: tuple[str, ...] = ()
    # The files of which the hashes are, as far as they are known.
    files: tuple[str, ...] = ()
    # The lock knows only a source archive: it has to be built.
    is_source: bool = False

    @property
    def line(self) -> str:
        """The pin as a line of a requirements file, without hashes."""
        # pip takes a URL to end only where a blank comes before the semicolon.
        return f"{self.requirement} ; {self.marker}" if self.marker else self.requirement

    def as_json(self) -> dict[str, Any]:
        """The pin as it is written for the steps inside a build."""
        return {
            "name": self.name,
            "version": self.version,
            "line": self.line,
            "hashes": list(self.hashes),
            "files": list(self.files),
        }


@dataclass(frozen=True, slots=True)
class Division:
    """A lock, and those of its packages that a model needs by name."""

    pins: tuple[Pin, ...]
    direct: tuple[str, ...]
    # From a folder of the machine that made the lock: nobody else can install them.
    absent: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every package that can be installed."""
        return frozenset(pin.name for pin in self.pins)

    @property
    def is_hashed(self) -> bool:
        """Whether every package would be noticed if it were another."""
        return bool(self.pins) and all(pin.hashes for pin in self.pins)

    @property
    def notes(self) -> tuple[str, ...]:
        """What somebody who builds an image of it ought to know."""
        notes = []
        if self.absent:
            notes.append(
                f"{_named(self.absent)} came from a folder and is not installed:"
                " its code must be among the model's files"
            )
        if unhashed := [pin.name for pin in self.pins if not pin.hashes]:
            notes.append(
                f"{len(unhashed)} of {len(self.pins)} packages have no hash in the lock:"
                " their versions are checked, their content is not"
            )
        return tuple(notes)

    def files(self) -> dict[str, bytes]:
        """What the steps inside a build read, by file name."""
        needed = frozenset(self.direct)
        return {
            "direct.txt": _lines(pin.line for pin in self.pins if pin.name in needed),
            "constraints.txt": _lines(pin.line for pin in self.pins),
            "sources.txt": _lines(sorted({pin.name for pin in self.pins if pin.is_source})),
            "lock.json": _json([pin.as_json() for pin in self.pins]),
        }


def divide(locked: Locked, direct: Iterable[str], *, python: str) -> Division:
    """What of a lock the model needs by name; everything, where nobody knows.

    What the model needs and the lock does not have is left to the build, which finds out whether
    the model loads without it.
    """
    packages = list(_wanted(locked, python))
    pins = tuple(_pin(package) for package in packages if can_be_had(package))
    there = frozenset(pin.name for pin in pins)
    absent = tuple(sorted({package.name for package in packages} - there))
    wanted = frozenset(map(normalised, direct)) - {OWN}
    return Division(pins, tuple(sorted(wanted & there)) or tuple(sorted(there)), absent)


def runtime_constraints(division: Division, running: Mapping[str, str]) -> bytes:
    """What holds for the packages that the server needs: the lock first, then what runs here.

    A server is built with the versions that it was tested with beside this very Lading, unless the
    model was made with others.
    """
    own = [f"{name}=={version}" for name, version in sorted(running.items())]
    pins = [line for line in own if line.partition("==")[0] not in division.names | {OWN}]
    return _lines([*(pin.line for pin in division.pins), *pins])


def only_training(division: Division, installed: Iterable[str]) -> tuple[str, ...]:
    """The packages of the lock that are not among those that are installed in an image."""
    return tuple(sorted(division.names - frozenset(map(normalised, installed))))


def _wanted(locked: Locked, python: str) -> Iterator[Package]:
    """The packages that may count in an image, with markers that pip understands.

    Whether an extra or a group of dependencies is asked for only locks know: that is decided here.
    """
    environment = linux(python)
    for package in in_order(locked.packages):
        if package.name == OWN:
            continue
        marker = package.marker or ""
        if "dependency_groups" not in marker and "extra" not in marker:
            yield package
        elif holds(marker, environment, locked.default_groups):
            yield replace(package, marker=None)


def linux(python: str, machine: str = "x86_64") -> dict[str, str]:
    """What markers ask of an image with a Python, a minor version or an exact one."""
    minor = ".".join(python.split(".")[:2])
    full = python if python.count(".") > 1 else f"{minor}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": minor,
        "sys_platform": "linux",
    }


def _pin(package: Package) -> Pin:
    origin = package.origin
    hashes = package.all_hashes
    if origin is not None:
        hashes = () if isinstance(origin, Directory) else tuple(getattr(origin, "hashes", ()))
    return Pin(
        name=package.name,
        version=package.version,
        requirement=pinned(package),
        marker=package.marker,
        hashes=hashes,
        files=tuple(sorted(file.name for file in package.files)),
        is_source=bool(package.files) and not any(file.is_wheel for file in package.files),
    )


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _named(names: Iterable[str]) -> str:
    return ", ".join(_first(names, 10))


def _first(names: Iterable[str], most: int) -> Iterator[str]:
    listed = list(names)
    yield from listed[:most]
    if len(listed) > most:
        yield f"{len(listed) - most} more"
