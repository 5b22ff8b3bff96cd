"""A glance at the catalogue for who has no time: read only, a little of it, nothing if in doubt.

Nothing is made, mended or waited for here; what cannot be read at once is not known.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lading.catalogue.database import SCHEMA_VERSION

# A list that is longer helps nobody who is typing.
MOST: Final = 2000
_WAIT_SECONDS: Final = 0.05

_REPOSITORIES: Final = (
    "SELECT base FROM repositories WHERE substr(base, 1, length(?1)) = ?1 ORDER BY base LIMIT ?2"
)
_VERSIONS: Final = (
    "SELECT v.tag FROM versions v JOIN repositories r ON r.id = v.repository"
    " WHERE r.base = ?1 LIMIT ?2"
)
_STAGES: Final = (
    "SELECT DISTINCT s.key FROM repositories r, json_each(r.stages, '$.stages') s"
    " WHERE r.base = ?1 LIMIT ?2"
)
_METRICS: Final = "SELECT DISTINCT name FROM metrics WHERE ?1 IS NULL ORDER BY name LIMIT ?2"
_METRICS_OF: Final = (
    "SELECT DISTINCT m.name FROM metrics m JOIN versions v ON v.document = m.document"
    " JOIN repositories r ON r.id = v.repository WHERE r.base = ?1 ORDER BY m.name LIMIT ?2"
)


def repositories(path: Path, beginning: str) -> tuple[str, ...]:
    """The full names that begin so, of what searches have looked at."""
    return _names(path, _REPOSITORIES, beginning)


def versions(path: Path, base: str) -> tuple[str, ...]:
    """The tags of the versions that a repository had when it was last looked at."""
    return _names(path, _VERSIONS, base)


def stages(path: Path, base: str) -> tuple[str, ...]:
    """The stages of a repository that named something then."""
    return _names(path, _STAGES, base)


def metrics(path: Path, base: str | None = None) -> tuple[str, ...]:
    """The names of metrics: those of a repository, or all that are known."""
    return _names(path, _METRICS if base is None else _METRICS_OF, base)


def _names(path: Path, query: str, of: str | None) -> tuple[str, ...]:
    try:
        with _opened(path) as connection:
            rows = connection.execute(query, (of, MOST)).fetchall()
    except (sqlite3.Error, OSError):
        return ()
    # A file that somebody else made may hold anything.
    return tuple(name for (name,) in rows if isinstance(name, str))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    # Without a log nobody writes, and who would read it the usual way leaves a log behind.
    if not path.with_name(f"{path.name}-wal").exists():
        address += "&immutable=1"
    with contextlib.closing(
        sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)
    ) as connection:
        version: Any = connection.execute("PRAGMA user_version").fetchone()
        if version != (SCHEMA_VERSION,):
            raise sqlite3.DatabaseError("another schema")
        yield connection
