"""Which Python packages an image has: told from their metadata, layer by layer. Nothing is run.

A later layer may replace or take away what an earlier one brought, as container runtimes do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lading.errors import IntegrityError
from lading.images.archive import Entry
from lading.spec.packages import normalised

MOST_PACKAGES: Final = 20_000
_METADATA_LIMIT: Final = 256 * 1024
_MOST_REQUIREMENTS: Final = 500
_LONGEST: Final = 1000

_SITE: Final = re.compile(
    r"(?P<site>(?:.*/)?(?:site|dist)-packages)/(?P<folder>[^/]+)"
    r"\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)"
)
_PYTHON: Final = re.compile(r"(?:.*/)?bin/python(3\.\d{1,2})")
_MINOR: Final = re.compile(r"(?:^|/)python(3\.\d{1,2})/")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", re.ASCII)
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is installed: as its metadata calls it, and where."""

    name: str
    version: str
    # The folder that Python looks in: ``opt/model/lib/python3.12/site-packages``.
    site: str
    license: str | None = None
    requires: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as indexes compare it."""
        return normalised(self.name)


@dataclass(frozen=True, slots=True)
class Contents:
    """What an image has, as far as a model asks."""

    packages: tuple[Package, ...]
    # Minor versions of every interpreter that has a name of its own.
    pythons: frozenset[str] = frozenset()
    # ``glibc`` or ``musl``; None where neither was seen.
    libc: str | None = None
    notes: tuple[str, ...] = ()

    def used(self, environment: Iterable[str]) -> dict[str, Package]:
        """The packages that the image's Python finds, by key; ``environment`` is ``NAME=VALUE``s.

        Where a package is in several places, the one counts whose Python comes first on PATH.
        """
        order = _prefixes(environment)
        found: dict[str, Package] = {}
        for package in sorted(self.packages, key=lambda each: (_rank(each.site, order), each.site)):
            found.setdefault(package.key, package)
        return found

    def python(self, environment: Iterable[str]) -> str | None:
        """The version of the Python that runs: exact, where the image says so."""
        said = dict(each.partition("=")[::2] for each in environment)
        order = _prefixes(f"{name}={value}" for name, value in said.items())
        sites = sorted({p.site for p in self.packages}, key=lambda site: (_rank(site, order), site))
        minors = [match[1] for site in sites if (match := _MINOR.search(f"{site}/"))]
        minor = minors[0] if minors else max(self.pythons, key=_numbers, default=None)
        exact = said.get("PYTHON_VERSION", "")
        return exact if minor and exact.startswith(f"{minor}.") and len(exact) < 20 else minor


@dataclass(slots=True)
class Seen:
    """What is known of an image while its layers are looked at, the lowest first."""

    packages: dict[str, Package] = field(default_factory=dict)
    pythons: dict[str, str] = field(default_factory=dict)
    libc: str | None = None
    _unread: list[str] = field(default_factory=list)

    @property
    def contents(self) -> Contents:
        """All of it, once every layer was looked at."""
        packages = tuple(self.packages[path] for path in sorted(self.packages))
        notes = tuple(f"the metadata of {path} cannot be read" for path in self._unread[:20])
        return Contents(packages, frozenset(self.pythons.values()), self.libc, notes)

    def layer(self, entries: Iterable[Entry]) -> None:
        """Look at one more layer.

        Raises:
            IntegrityError: there are more packages than any image has.
        """
        gone: set[str] = set()
        packages: dict[str, Package] = {}
        pythons: dict[str, str] = {}
        above = self._folders()
        for entry in entries:
            folder, _, name = entry.path.rpartition("/")
            if name == _OPAQUE:
                gone.add(folder)
            elif name.startswith(_WHITEOUT):
                gone.add(f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"))
            elif not entry.is_folder:
                if entry.path in above:
                    gone.add(entry.path)  # a file or a link in a folder's place
                self._look(entry, packages, pythons)
            if len(packages) > MOST_PACKAGES:
                raise IntegrityError("an image is refused", cause=f"over {MOST_PACKAGES} packages")
        self.packages = {
            p: v for p, v in self.packages.items() if not _is_below(p, gone)
        } | packages
        self.pythons = {p: v for p, v in self.pythons.items() if not _is_below(p, gone)} | pythons

    def _folders(self) -> set[str]:
        return {above for path in (*self.packages, *self.pythons) for above in _above(path)}

    def _look(self, entry: Entry, packages: dict[str, Package], pythons: dict[str, str]) -> None:
        name = entry.path.rpartition("/")[2]
        if name.startswith("ld-musl-"):
            self.libc = "musl"
        elif name.startswith("ld-linux") and self.libc is None:
            self.libc = "glibc"
        elif match := _PYTHON.fullmatch(entry.path):
            pythons[entry.path] = match[1]
        elif match := _SITE.fullmatch(entry.path):
            package = _package(match["site"], match["folder"], entry.content)
            if package is None:
                self._unread.append(entry.path[:200])
            else:
                packages[entry.path] = package


def wanted(path: str) -> int | None:
    """How much of a file has to be read to know the package that it is of."""
    return _METADATA_LIMIT if _SITE.fullmatch(path) else None


def _package(site: str, folder: str, raw: bytes | None) -> Package | None:
    """A package by its metadata; by its folder's name, where that is only a link."""
    said = _headers(raw) if raw is not None else {}
    name, _, version = folder.partition("-")
    name = next(iter(said.get("name", ())), name)
    # An old folder's name says for which Python it is, too.
    version = next(iter(said.get("version", ())), version.partition("-")[0])
    if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)):
        return None
    licences = (*said.get("license-expression", ()), *said.get("license", ()))
    license_ = next((text for text in licences if text and text != "UNKNOWN"), None)
    requires = tuple(said.get("requires-dist", ())[:_MOST_REQUIREMENTS])
    return Package(name[:200], version[:200], site, license_, requires)


def _headers(raw: bytes) -> Mapping[str, list[str]]:
    """The fields before the first empty line, by small name; a folded line is left out."""
    found: dict[str, list[str]] = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key and not key[0].isspace():
            found.setdefault(key.lower(), []).append(value.strip()[:_LONGEST])
    return found


def _prefixes(environment: Iterable[str]) -> list[str]:
    """Where Python looks: PYTHONPATH, then beside each folder of PATH."""
    said = dict(each.partition("=")[::2] for each in environment)
    paths = [path.strip("/") for path in said.get("PYTHONPATH", "").split(":") if path]
    programs = (said.get("VIRTUAL_ENV", "") and f"{said['VIRTUAL_ENV']}/bin", *_path(said))
    return [*paths, *(program.strip("/").rpartition("/")[0] for program in programs if program)]


def _path(said: Mapping[str, str]) -> list[str]:
    return said.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")


def _rank(site: str, order: list[str]) -> int:
    for at, prefix in enumerate(order):
        lib = f"{prefix}/lib".lstrip("/")
        if site == prefix or site.startswith((f"{lib}/", f"{lib}64/")):
            return at
    return len(order)


def _numbers(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _is_below(path: str, gone: set[str]) -> bool:
    return path in gone or any(above in gone for above in _above(path))
