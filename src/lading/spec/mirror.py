"""Mirrors: which other places have the content of a registry, or of a part of it. Pure.

What is written is checked here; who is asked when is decided in :mod:`lading.stores.mirrored`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from lading.errors import InvalidInput
from lading.spec.reference import Reference

_MOST: Final = 16
_FILES: Final = ("ca_file", "client_cert", "client_key")
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place that may have what a registry has: HOST, or HOST/PREFIX."""

    place: str
    # How it is spoken to, where that differs. A certificate of ours is shown to it only if it is
    # named for it: it tells who we are.
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def __str__(self) -> str:
        return self.place


# Pairs instead of a mapping, since settings are values: what is mirrored, and by whom, in order.
Mirrors: TypeAlias = tuple[tuple[str, tuple[Mirror, ...]], ...]


def parse_mirrors(value: object) -> Mirrors:
    """Mirrors as a table of ``config.toml`` or a variable names them.

    In a variable: ``HOST=MIRROR,MIRROR HOST/PREFIX=MIRROR/PREFIX``.

    Raises:
        ValueError: it is no such table; says which part.
    """
    table = _table(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise ValueError('write [mirrors] and "HOST" = ["MIRROR"]')
    return tuple((_place(name), _several(name, named)) for name, named in table.items())


def mirrors_of(
    host: str, repository: str, mirrors: Mirrors
) -> tuple[tuple[Mirror, Reference], ...]:
    """The mirrors of a repository and what it is called there; of the longest prefix alone."""
    if host in _HUB:
        host = "docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    whole = f"{host}/{repository}/"
    fitting = [(place, named) for place, named in mirrors if whole.startswith(f"{_plain(place)}/")]
    if not fitting:
        return ()
    place, named = max(fitting, key=lambda each: len(_plain(each[0])))
    rest = whole[len(_plain(place)) + 1 : -1]
    return tuple((mirror, _there(mirror, rest, f"{host}/{repository}")) for mirror in named)


def _there(mirror: Mirror, rest: str, shown: str) -> Reference:
    there = Reference.parse(f"{mirror.place}/{rest}" if rest else mirror.place)
    if not there.host:
        raise InvalidInput(
            f"the mirror {mirror} of {shown} names no repository",
            hint=f"mirrors of one repository name one as well: {mirror}/{rest or 'NAME'}",
        )
    return there


def _plain(place: str) -> str:
    """A place under the one name of its host."""
    host, slash, rest = place.partition("/")
    return f"{'docker.io' if host in _HUB else host}{slash}{rest}"


def _table(text: str) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for entry in text.replace(";", " ").split():
        name, equals, named = entry.partition("=")
        if not equals:
            raise ValueError(f"write HOST=MIRROR,MIRROR instead of {entry[:80]!r}")
        table.setdefault(name, []).extend(named.split(","))
    return table


def _several(name: str, named: object) -> tuple[Mirror, ...]:
    entries = named if isinstance(named, list | tuple) else [named]
    if not 0 < len(entries) <= _MOST:
        raise ValueError(f"{name[:80]} has {len(entries)} mirrors, and may have 1 to {_MOST}")
    found = tuple(_mirror(entry) for entry in entries)
    if _plain(_place(name)) in {_plain(mirror.place) for mirror in found}:
        raise ValueError(f"{name[:80]} is no mirror of itself")
    return found


def _mirror(entry: object) -> Mirror:
    if isinstance(entry, str):
        return Mirror(_place(entry))
    if not isinstance(entry, Mapping):
        raise ValueError(f"a mirror is HOST or HOST/PREFIX, not {entry!r}"[:200])
    fields: dict[str, Any] = dict(entry)
    place = fields.pop("at", None)
    if not isinstance(place, str):
        raise ValueError('a mirror\'s table names it: {at = "HOST", ca_file = "FILE"}')
    if unknown := sorted(set(fields) - set(_FILES)):
        raise ValueError(f"a mirror has no {unknown[0][:40]!r}; {', '.join(_FILES)}")
    if "client_key" in fields and "client_cert" not in fields:
        raise ValueError(f"the client key for {place[:80]} needs its certificate")
    return Mirror(_place(place), **{name: Path(text).expanduser() for name, text in fields.items()})


def _place(text: str) -> str:
    """HOST, or HOST/PREFIX.

    Raises:
        ValueError: it is neither.
    """
    plain = text.strip().rstrip("/")
    try:
        # With one part more it is the name of a repository.
        host = Reference.parse(f"{plain}/x").host
    except InvalidInput as error:
        raise ValueError(f"{text[:80]!r} is neither HOST nor HOST/PREFIX: {error}") from error
    if not host or "@" in plain:
        raise ValueError(f"{text[:80]!r} is neither HOST nor HOST/PREFIX")
    return plain
