"""The distributions in folders of packages, each read only when it is asked for.

Their names and versions are in the names of their folders; of the few that count, the metadata is
read. Nothing is imported, so the folders may belong to any interpreter.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from lading.spec.packages import normalised

# Far above what the largest frameworks have.
_LARGEST_FILE: Final = 32 * 1024 * 1024
_LARGEST_HEADER: Final = 1024 * 1024
_MOST_DISTRIBUTIONS: Final = 20_000
_REQUIRES: Final = re.compile(rb"^Requires-Dist:(.+)$", re.M | re.I)


@dataclass(frozen=True)
class Distribution:
    """One installed distribution: its name, normalised, and the folder that tells of it."""

    name: str
    folder: Path
    stated_version: str | None

    @cached_property
    def version(self) -> str | None:
        """The version, as its metadata says it."""
        found = re.search(rb"^Version:[ \t]*(\S+)", self._header, re.M | re.I)
        return found[1].decode("utf-8", "replace") if found else self.stated_version

    @property
    def requires(self) -> tuple[str, ...]:
        """What it needs, each as its metadata says it."""
        found = _REQUIRES.findall(self._header)
        if found or self.folder.suffix != ".egg-info":
            return tuple(each.strip().decode("utf-8", "replace") for each in found[:5000])
        return tuple(_old_requires(self._text("requires.txt")))

    @cached_property
    def direct_url(self) -> dict[str, Any] | None:
        """Where it came from, if not from an index (PEP 610)."""
        try:
            found = json.loads(self._text("direct_url.json") or "null")
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def installer(self) -> str:
        """The program that put it here, as that says itself."""
        return self._text("INSTALLER").strip()[:50]

    @property
    def is_editable(self) -> bool:
        """Whether its modules are those of a folder that somebody works in."""
        told = (self.direct_url or {}).get("dir_info")
        return isinstance(told, dict) and told.get("editable") is True

    def provides(self, module: str) -> bool:
        """Whether a module, or a package with dots in its name, comes with it."""
        path = module.replace(".", "/").encode("utf-8", "replace")
        if "." not in module and path in self._top_level:
            return True
        if any(b"\n" + path + end in self._listing for end in (b"/", b".py,", b".pyc,")):
            return True
        # Compiled modules: name.cpython-311-x86_64-linux-gnu.so, name.pyd.
        start = b"\n" + path + b"."
        if start in self._listing and re.search(
            re.escape(start) + rb"(?:[\w-]+\.)?(?:so|pyd),", self._listing
        ):
            return True
        return any(_holds(folder, module) for folder in self._added_folders())

    def provides_whole(self, module: str) -> bool:
        """Whether the module is a package of its own here, and no name that several share."""
        path = b"\n" + module.replace(".", "/").encode("utf-8", "replace")
        return path + b"/__init__.py," in self._listing or path + b".py," in self._listing

    @cached_property
    def _header(self) -> bytes:
        name = "PKG-INFO" if self.folder.suffix == ".egg-info" else "METADATA"
        # Older tools wrote one file where there is a folder now.
        path = self.folder / name if self.folder.is_dir() else self.folder
        raw = _read(path, _LARGEST_HEADER)
        return re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]

    @cached_property
    def _top_level(self) -> frozenset[bytes]:
        return frozenset(self._text("top_level.txt").encode().split())

    @cached_property
    def _listing(self) -> bytes:
        """The files it brought, each after a line's end and before a comma."""
        if self.folder.suffix != ".egg-info":
            # Names are in quotes only where they hold commas, and no module's does.
            return b"\n" + _read(self.folder / "RECORD", _LARGEST_FILE)
        listing = _read(self.folder / "installed-files.txt", _LARGEST_FILE)
        return b"\n" + b"".join(b.removeprefix(b"../") + b",\n" for b in listing.splitlines())

    def _text(self, name: str) -> str:
        return _read(self.folder / name, _LARGEST_HEADER).decode("utf-8", "replace")

    def _added_folders(self) -> Iterator[Path]:
        """The folders that an editable installation adds to where modules are looked for."""
        if not self.is_editable:
            return
        found = False
        for name in re.findall(rb"\n([^/\n,]+\.pth),", self._listing):
            content = _read(self.folder.parent / os.fsdecode(name), _LARGEST_HEADER)
            for line in content.decode("utf-8", "replace").splitlines()[:100]:
                if line.strip() and not line.startswith(("import ", "import\t", "#")):
                    found = True
                    yield self.folder.parent / line.strip()
        # Else it has a finder of its own (setuptools), and the usual places are tried.
        url = str((self.direct_url or {}).get("url"))
        if not found and url.startswith("file:"):
            root = Path(unquote(urlsplit(url).path))
            yield from (root, root / "src")


class Installed:
    """The distributions of some folders; where two have the same name, the first counts."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._known: dict[str, tuple[Distribution, ...]] = {}

    @cached_property
    def _all(self) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for path in self._paths:
            for distribution in _in(path):
                found.setdefault(distribution.name, distribution)
        return found

    def __len__(self) -> int:
        return len(self._all)

    def find(self, name: str) -> Distribution | None:
        """The distribution of that name, however it is written."""
        return self._all.get(normalised(name))

    def versions(self) -> dict[str, str]:
        """Every distribution and its version, as the names of the folders say."""
        return {
            name: version
            for name, distribution in self._all.items()
            if (version := distribution.stated_version or distribution.version)
        }

    def providing(self, module: str) -> tuple[Distribution, ...]:
        """The distributions that a module comes with.

        By the longest part of its name that is known. Several only where they share a name, or
        where two bring the same one.
        """
        parts = module.split(".")
        found = self._known.get(parts[0])
        if found is None:
            found = self._known[parts[0]] = self._bringing(parts[0])
        for length in range(2, len(parts) + 1):
            closer = tuple(each for each in found if each.provides(".".join(parts[:length])))
            if len(found) < 2 or not closer:
                break
            found = closer
        return found

    def _bringing(self, top: str) -> tuple[Distribution, ...]:
        alike = self.find(top)
        if alike and alike.provides_whole(top):
            return (alike,)
        return tuple(each for each in self._all.values() if each.provides(top))


def _in(path: Path) -> Iterator[Distribution]:
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith("-info"))
    except OSError:  # sys.path names what may not be there, and archives
        return
    for name in names[:_MOST_DISTRIBUTIONS]:
        # name-version.dist-info, name-version-py3.11.egg-info, name.egg-info; in names a dash is
        # written as an underscore.
        stem, _, kind = name.rpartition(".")
        own, _, rest = stem.partition("-")
        if own and kind in ("dist-info", "egg-info"):
            yield Distribution(normalised(own), path / name, rest.partition("-")[0] or None)


def _holds(folder: Path, module: str) -> bool:
    place = folder.joinpath(*module.split("."))
    return place.is_dir() or place.with_name(place.name + ".py").is_file()


def _old_requires(text: str) -> Iterator[str]:
    """``requires.txt`` of an egg: requirements, then those of each extra and marker."""
    section = ""
    for line in map(str.strip, text.splitlines()[:5000]):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            extra, _, marker = section.partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f'extra == "{extra}"'] if extra else []
            yield f"{line} ; {' and '.join(parts)}" if parts else line


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except (OSError, ValueError):  # what a distribution does not say is what it lacks
        return b""
