"""Hostile text taken apart: bounded TOML, and fields that are what they should be.

Whatever is wrong is ``InvalidInput`` that names the file; nothing else is ever raised.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from lading.capture.lock.locked import LockedFile
from lading.errors import InvalidInput
from lading.spec.packages import normalised

LARGEST_LOCK: Final = 16 * 1024 * 1024
_MOST_PACKAGES: Final = 20_000
_LONGEST_TEXT: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?")
_HASH: Final = re.compile(r"[a-z0-9_-]{2,20}:[0-9A-Za-z]{8,256}")
# pip ends a line of requirements wherever Unicode does: none of this may get into one.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS: Final = re.compile(r"[^\s\"'<>\\^`{|}]+")
_REVISION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/+-]*")
_INSIDE: Final = re.compile(r"[^\s#&\"'\\]+")
_SOURCE_SUFFIXES: Final = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")

Table = Mapping[str, Any]


def wrong(what: str, cause: str) -> InvalidInput:
    """The refusal of a lock."""
    return InvalidInput(f"{what} is not a lock that can be read", cause=cause[:200])


def toml(raw: bytes, what: str) -> dict[str, Any]:
    """The table in some TOML.

    Raises:
        InvalidInput: it is none, is too large, or is nested too deeply.
    """
    if len(raw) > LARGEST_LOCK:
        raise wrong(what, f"{len(raw):,} bytes, the limit is 16 MiB")
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise wrong(what, " ".join(str(error).split()) or type(error).__name__) from error


def tables(value: object, what: str) -> list[dict[str, Any]]:
    """An array of tables; none where nothing is written.

    Raises:
        InvalidInput: it is something else, or there are too many.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise wrong(what, f"expected an array of tables, got {type(value).__name__}")
    if len(value) > _MOST_PACKAGES:
        raise wrong(what, f"{len(value):,} entries, the limit is {_MOST_PACKAGES:,}")
    return value


def table(value: object) -> Table:
    """A table, or an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Text of one line and a bearable length, or None."""
    if not isinstance(value, str) or not value or len(value) > _LONGEST_TEXT:
        return None
    return None if _CONTROLS.search(value) else value


def texts(value: object) -> tuple[str, ...]:
    """All texts of an array."""
    return tuple(filter(None, map(text, value[:1000]))) if isinstance(value, list) else ()


def number(value: object) -> int | None:
    """A size, or None."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return value if isinstance(value, int) and fits else None


def name(value: object, what: str) -> str:
    """A distribution's name, normalised.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise wrong(what, f"{str(value)[:80]!r} is no name of a package")
    return normalised(value)


def version(value: object, what: str) -> str:
    """A version as it is written.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(value, str) or not is_version(value):
        raise wrong(what, f"{str(value)[:80]!r} is no version")
    return value.strip()


def specifiers(value: object, what: str) -> str | None:
    """Which versions of Python a lock is for; None where it does not say.

    Raises:
        InvalidInput: it says something else.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    found = text(value)
    try:
        return str(SpecifierSet(found)) if found else None
    except (InvalidSpecifier, ValueError) as error:
        raise wrong(what, f"{str(found)[:80]!r} says nothing of a Python version") from error


_PLAIN_VERSION: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,7}(\.post[0-9]{1,4})?")


@lru_cache(maxsize=4096)
def is_version(value: str) -> bool:
    """Whether this is a version that Python's packaging knows."""
    if len(value) > 200:
        return False
    # As most are; the library takes longer to import than all else here together.
    if _PLAIN_VERSION.fullmatch(value):
        return True
    from packaging.version import InvalidVersion, Version

    try:
        Version(value)
    except (InvalidVersion, ValueError):  # int() refuses numbers of more than 4300 digits
        return False
    return True


def hash_list(value: object) -> tuple[str, ...]:
    """Hashes written ``algorithm:digest``, those that are."""
    found = [value] if isinstance(value, str) else list(texts(value))
    return tuple(sorted({each for each in found if _HASH.fullmatch(each)}))


def hash_table(value: object) -> tuple[str, ...]:
    """Hashes written as a table, by algorithm."""
    return hash_list([f"{key}:{part}" for key, part in table(value).items()])


def clean_url(url: str) -> str:
    """The URL without anybody's credentials, query or fragment.

    A user without a password stays where ssh needs one (``ssh://git@…``). Queries may be
    signatures of a day, which are credentials, too.
    """
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
    except ValueError:  # a host in brackets that is no address
        return ""
    keep = bool(at) and parts.scheme.endswith("ssh") and ":" not in user
    return urlunsplit((parts.scheme, parts.netloc if keep else host, parts.path, "", ""))


def url(value: object) -> str | None:
    """A clean URL, or None."""
    found = text(value)
    return (clean_url(found) or None) if found and _ADDRESS.fullmatch(found) else None


def revision(value: object) -> str | None:
    """A commit, tag or branch, or None; no more than the name of one."""
    found = text(value)
    return found if found and _REVISION.fullmatch(found) else None


def subdirectory(value: object) -> str | None:
    """A folder inside an archive or a repository, or None."""
    found = text(value)
    return found if found and _INSIDE.fullmatch(found) else None


def file_of(
    package: str, release: str | None, entry: Table, hashes: tuple[str, ...], what: str
) -> LockedFile:
    """A wheel or source archive as a lock tells of it: by name, URL or path.

    Raises:
        InvalidInput: it has no name, or is a file of another package or version.
    """
    address, path = url(entry.get("url")), text(entry.get("path"))
    told = text(entry.get("name")) or text(entry.get("filename")) or text(entry.get("file"))
    named = told or _last(path) or unquote(_last(urlsplit(address).path if address else None))
    if not named or "/" in named or not _belongs(named, package, release):
        raise wrong(what, f"{named[:80]!r} is no file of {package} {release or ''}".rstrip())
    return LockedFile(named, hashes, address, path, number(entry.get("size")))


def _last(path: str | None) -> str:
    return (path or "").replace("\\", "/").rpartition("/")[2]


def _belongs(filename: str, package: str, release: str | None) -> bool:
    """Whether a file's name says this package and version; a lie here would be installed."""
    if filename.endswith(".whl"):
        parts = filename[: -len(".whl")].split("-")
        if len(parts) not in (5, 6) or (len(parts) == 6 and not parts[2][:1].isdigit()):
            return False
        own, its_version = parts[0], parts[1]
    else:
        stem = next((filename[: -len(s)] for s in _SOURCE_SUFFIXES if filename.endswith(s)), "")
        own, _, its_version = stem.rpartition("-")
    same = normalised(own) == package
    return same and (release is None or same_version(its_version, release))


@lru_cache(maxsize=4096)
def same_version(one: str, other: str) -> bool:
    """Whether two versions are one, however they are written: ``1.0`` is ``1.0.0``."""
    from packaging.version import Version

    if one == other:
        return True
    return is_version(one) and is_version(other) and Version(one) == Version(other)
