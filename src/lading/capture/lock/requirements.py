"""pip's requirements files: read where they are locks, and written.

A lock is one in which every line pins one version, or names one address. What it says of indexes
is not read: an index's name is nobody's business, and may hold credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lading.capture.lock import parsing
from lading.capture.lock.locked import (
    KINDS,
    Archive,
    Directory,
    Locked,
    Package,
    Vcs,
    in_order,
)
from lading.spec.packages import normalised

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_CONTINUED: Final = re.compile(r"\\\r?\n")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*$")
_HASHES: Final = re.compile(r"\s--hash[= ]\s*(\S+)")
_OPTION: Final = re.compile(r"\s--?[a-z].*$")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_UNHASHED: Final = "Of some packages no hash is known, and pip takes hashes of all or of none."


def read(raw: bytes, what: str) -> Locked | None:
    """The lock in a requirements file, or None where it is a wish and no lock.

    Raises:
        InvalidInput: it is no text, or too large.
    """
    if len(raw) > parsing.LARGEST_LOCK:
        raise parsing.wrong(what, f"{len(raw):,} bytes, the limit is 16 MiB")
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise parsing.wrong(what, str(error)) from error
    packages = []
    for line in _lines(content):
        package = _package(line)
        if package is None:
            return None
        packages.append(package)
    return Locked(in_order(packages)) if packages else None


def _lines(content: str) -> Iterator[str]:
    for line in _CONTINUED.sub(" ", content).splitlines():
        plain = _COMMENT.sub("", line).strip()
        # Where packages come from, and what else pip is told; but -r and -c name other files.
        if plain and (not plain.startswith("-") or _names_more(plain)):
            yield plain


def _names_more(line: str) -> bool:
    return line.startswith(("-r", "-c", "-e", "--requirement", "--constraint", "--editable"))


def _package(line: str) -> Package | None:
    """The package that a line pins, or None where it pins none."""
    hashes = parsing.hash_list(_HASHES.findall(line))
    wish = _requirement(_OPTION.sub("", line))
    if wish is None:
        return None
    marker = str(wish.marker) if wish.marker else None
    name = normalised(wish.name)
    if wish.url:
        origin = _origin(wish.url, hashes)
        return Package(name, marker=marker, origin=origin) if origin else None
    pins = [each for each in wish.specifier if each.operator in ("==", "===")]
    if len(wish.specifier) != 1 or not pins or not parsing.is_version(pins[0].version):
        return None
    return Package(name, pins[0].version, marker, hashes=hashes)


def _requirement(line: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line) if len(line) <= 4096 else None
    except (InvalidRequirement, RecursionError):
        return None


def _origin(url: str, hashes: tuple[str, ...]) -> Vcs | Archive | None:
    address, _, fragment = url.partition("#")
    told = dict(part.partition("=")[::2] for part in fragment.split("&"))
    inside = parsing.subdirectory(told.get("subdirectory"))
    kind, plus, place = address.partition("+")
    if plus and kind in KINDS:
        place, _, revision = place.rpartition("@")
        repository = parsing.url(place)
        pinned = repository and _COMMIT.fullmatch(revision)
        return Vcs(kind, str(repository), revision, None, inside) if pinned else None
    remote = None if address.startswith("file:") else parsing.url(address)
    return Archive(remote, hashes, subdirectory=inside) if remote else None


def write(locked: Locked) -> str:
    """The lock as a requirements file that pip and uv install from.

    pip takes a hash of every package or of none, and knows none for a commit: where one is lacking
    all are left out, and the file says so. What comes from a folder cannot be had from anywhere,
    and is a comment.
    """
    there = [package for package in locked.packages if can_be_had(package)]
    hashed = all(_hashes(package) for package in there)
    lines = [] if hashed or not any(map(_hashes, there)) else [f"# {_UNHASHED}"]
    for package in locked.packages:
        lines.append(_line(package, hashed) if can_be_had(package) else _comment(package))
    return "".join(f"{line}\n" for line in lines)


def pinned(package: Package) -> str:
    """One requirement for a package, without hashes or a marker."""
    origin = package.origin
    if isinstance(origin, Vcs):
        inside = f"#subdirectory={origin.subdirectory}" if origin.subdirectory else ""
        return f"{package.name} @ {origin.kind}+{origin.url}@{origin.commit}{inside}"
    if isinstance(origin, Archive) and origin.url:
        inside = f"#subdirectory={origin.subdirectory}" if origin.subdirectory else ""
        return f"{package.name} @ {origin.url}{inside}"
    return f"{package.name}=={package.version}" if package.version else package.name


def can_be_had(package: Package) -> bool:
    """Whether others can install it: of an archive by its address, or by its hash from anywhere."""
    origin = package.origin
    if isinstance(origin, Archive):
        return bool(origin.url) or bool(origin.hashes and package.version)
    return not isinstance(origin, Directory)


def _hashes(package: Package) -> tuple[str, ...]:
    return package.origin.hashes if isinstance(package.origin, Archive) else package.all_hashes


def _line(package: Package, hashed: bool) -> str:
    # pip takes a URL to end only where a blank comes before the semicolon.
    marker = f" ; {package.marker}" if package.marker else ""
    hashes = _hashes(package) if hashed else ()
    return " \\\n".join([pinned(package) + marker, *(f"    --hash={each}" for each in hashes)])


def _comment(package: Package) -> str:
    version = f" {package.version}" if package.version else ""
    where = package.origin.path if isinstance(package.origin, Directory | Archive) else "a folder"
    return f"# {package.name}{version} was installed from {where}"
