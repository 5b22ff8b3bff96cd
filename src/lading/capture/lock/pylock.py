"""``pylock.toml``, the lock of PEP 751, read and written.

An entry of such a file must say where its package comes from, and with which hash. Of a package
that is merely installed, or that a requirements file pins, that is not known: it is kept in
``[tool.lading]``, and then the file is marked as being for no environment at all. So an installer
refuses it, instead of leaving those packages out without a word; ``lading lock --format
requirements`` makes a list of it that can be installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from lading.capture.lock import parsing
from lading.capture.lock.locked import (
    KINDS,
    Archive,
    Directory,
    Locked,
    LockedFile,
    Package,
    Vcs,
    in_order,
)
from lading.capture.lock.markers import parsed
from lading.capture.lock.parsing import Table, hash_table, table, tables, text, texts, wrong

_NOWHERE: Final = "python_version < '0'"
_WHY: Final = (
    "Of some packages it is not known where they came from, so no installer may take this file",
    "for all there is: they are under [tool.lading], and `lading lock` writes all as requirements.",
)


def read(raw: bytes, what: str) -> Locked:
    """The lock in a ``pylock.toml``.

    Raises:
        InvalidInput: it is none.
    """
    value = parsing.toml(raw, what)
    if (text(value.get("lock-version")) or "").partition(".")[0] != "1":
        raise wrong(what, f"lock-version is {str(value.get('lock-version'))[:20]!r}, not 1.0")
    own = table(table(value.get("tool")).get("lading"))
    packages = [_package(entry, what) for entry in tables(value.get("packages"), what)]
    packages += [_pin(entry, what) for entry in tables(own.get("packages"), what)]
    environments = texts((own if "packages" in own else value).get("environments"))
    for marker in environments:
        parsed(marker, what)
    return Locked(
        packages=in_order(packages),
        requires_python=parsing.specifiers(value.get("requires-python"), what),
        environments=environments,
        extras=tuple(parsing.name(each, what) for each in texts(value.get("extras"))),
        groups=texts(value.get("dependency-groups")),
        default_groups=texts(value.get("default-groups")),
    )


def _package(entry: Table, what: str) -> Package:
    name = parsing.name(entry.get("name"), what)
    stated = entry.get("version")
    release = parsing.version(stated, what) if stated is not None else None
    told = [table(entry.get("sdist")), *tables(entry.get("wheels"), what)]
    files = (
        parsing.file_of(name, release, file, hash_table(file.get("hashes")), what)
        for file in told
        if file
    )
    return Package(
        name=name,
        version=release,
        marker=_marker(entry.get("marker"), what),
        requires_python=parsing.specifiers(entry.get("requires-python"), what),
        index=parsing.url(entry.get("index")),
        files=tuple(files),
        origin=_origin(entry, what),
    )


def _origin(entry: Table, what: str) -> Vcs | Directory | Archive | None:
    if vcs := table(entry.get("vcs")):
        return _vcs(vcs, what)
    if directory := table(entry.get("directory")):
        path = text(directory.get("path"))
        if path is None:
            raise wrong(what, "a directory has no path")
        editable = directory.get("editable") is True
        return Directory(path, editable, parsing.subdirectory(directory.get("subdirectory")))
    if archive := table(entry.get("archive")):
        return Archive(
            url=parsing.url(archive.get("url")),
            hashes=hash_table(archive.get("hashes")),
            path=text(archive.get("path")),
            size=parsing.number(archive.get("size")),
            subdirectory=parsing.subdirectory(archive.get("subdirectory")),
        )
    return None


def _vcs(vcs: Table, what: str) -> Vcs:
    kind, commit = text(vcs.get("type")), parsing.revision(vcs.get("commit-id"))
    place = parsing.url(vcs.get("url")) or parsing.url(vcs.get("path"))
    if kind not in KINDS or not commit or not place:
        raise wrong(what, "a vcs entry lacks its type, commit or URL")
    requested = parsing.revision(vcs.get("requested-revision"))
    inside = parsing.subdirectory(vcs.get("subdirectory"))
    return Vcs(kind, place, commit, requested, inside)


def _pin(entry: Table, what: str) -> Package:
    hashes = parsing.hash_list(entry.get("hashes"))
    address = parsing.url(entry.get("url"))
    return Package(
        name=parsing.name(entry.get("name"), what),
        version=parsing.version(entry["version"], what) if "version" in entry else None,
        marker=_marker(entry.get("marker"), what),
        origin=Archive(address, hashes) if address else None,
        hashes=() if address else hashes,
    )


def _marker(value: object, what: str) -> str | None:
    if value is None:
        return None
    marker = text(value)
    if marker is None:
        raise wrong(what, "a marker is no line of text")
    return str(parsed(marker, what))


def write(locked: Locked) -> bytes:
    """The lock as a ``pylock.toml``; the same lock is the same bytes."""
    packages = in_order(locked.packages)
    pins = [package for package in packages if not _has_source(package)]
    lines = [f"# {line}" for line in _WHY] if pins else []
    environments = (_NOWHERE,) if pins else locked.environments
    lines += _head(locked, environments)
    lines += [] if len(pins) < len(packages) else ["packages = []"]
    for package in packages:
        if _has_source(package):
            lines += ["", "[[packages]]", *_entry(package)]
    if pins:
        lines += ["", "[tool.lading]", *_pair("environments", list(locked.environments))]
    for package in pins:
        lines += ["", "[[tool.lading.packages]]", *_pin_entry(package)]
    return ("\n".join(lines) + "\n").encode()


def _has_source(package: Package) -> bool:
    """Whether this can be said as PEP 751 wants it: from where, and with a hash."""
    if isinstance(package.origin, Archive):
        return package.is_hashed
    if package.origin is not None:
        return True
    return bool(package.files) and all(f.hashes and (f.url or f.path) for f in package.files)


def _head(locked: Locked, environments: Iterable[str]) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    yield from _pair("environments", list(environments))
    yield from _pair("requires-python", locked.requires_python)
    yield from _pair("extras", list(locked.extras))
    yield from _pair("dependency-groups", list(locked.groups))
    yield from _pair("default-groups", list(locked.default_groups))
    yield 'created-by = "lading"'


def _entry(package: Package) -> Iterator[str]:
    yield from _pair("name", package.name)
    yield from _pair("version", package.version)
    yield from _pair("marker", package.marker)
    yield from _pair("requires-python", package.requires_python)
    yield from _pair("index", package.index)
    yield from _pair("vcs", _said(package.origin) if isinstance(package.origin, Vcs) else None)
    directory = isinstance(package.origin, Directory)
    yield from _pair("directory", _said(package.origin) if directory else None)
    archive = isinstance(package.origin, Archive)
    yield from _pair("archive", _said(package.origin) if archive else None)
    sources = [file for file in package.files if not file.is_wheel]
    yield from _pair("sdist", _file(sources[0]) if sources else None)
    if wheels := sorted(f for f in map(_inline_file, package.files) if f):
        yield "wheels = ["
        yield from (f"    {wheel}," for wheel in wheels)
        yield "]"


def _pin_entry(package: Package) -> Iterator[str]:
    yield from _pair("name", package.name)
    yield from _pair("version", package.version)
    yield from _pair("marker", package.marker)
    origin = package.origin
    hashes = package.all_hashes
    if isinstance(origin, Archive):
        yield from _pair("url", origin.url)
        hashes = origin.hashes
    yield from _pair("hashes", list(hashes))


def _said(origin: Vcs | Directory | Archive | None) -> dict[str, Any]:
    if isinstance(origin, Vcs):
        return {
            "type": origin.kind,
            "url": origin.url,
            "requested-revision": origin.requested,
            "commit-id": origin.commit,
            "subdirectory": origin.subdirectory,
        }
    if isinstance(origin, Directory):
        editable = True if origin.editable else None
        where = {"path": origin.path, "editable": editable}
        return where | {"subdirectory": origin.subdirectory}
    if isinstance(origin, Archive):
        return {
            "url": origin.url,
            "path": origin.path,
            "size": origin.size,
            "hashes": _by_algorithm(origin.hashes),
            "subdirectory": origin.subdirectory,
        }
    return {}


def _inline_file(file: LockedFile) -> str | None:
    return _value(_file(file)) if file.is_wheel else None


def _file(file: LockedFile) -> dict[str, Any]:
    # A URL whose last part is the name says it already; the shorter file is the one people read.
    tells = any((place or "").rpartition("/")[2] == file.name for place in (file.path, file.url))
    return {
        "name": None if tells else file.name,
        "url": file.url,
        "path": file.path,
        "size": file.size,
        "hashes": _by_algorithm(file.hashes),
    }


def _by_algorithm(hashes: Iterable[str]) -> dict[str, str]:
    pairs = (each.partition(":") for each in sorted(hashes, reverse=True))
    return {algorithm: digest for algorithm, _, digest in pairs}


def _pair(key: str, value: Any) -> Iterator[str]:
    if value not in (None, [], {}):
        yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # JSON's text is TOML's, but for one character that TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    said = {key: part for key, part in value.items() if part is not None}
    return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in said.items()) + " }"


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else _value(key)
