"""Digests that were computed before, so that an unchanged file is not read again.

A file is known by device, inode, size and its two times; a layer by its files and their names in
the archive. What is remembered may be forgotten at any moment: a database that is damaged,
locked or cannot be written makes a push slower, never wrong.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from lading.packing.scan import FileIdentity

if TYPE_CHECKING:
    from sqlite3 import Connection

_log = logging.getLogger(__name__)

# A file written to so shortly before it is read may be written to again within the same tick of
# the clock that its times are taken from (git calls it racy).
_TICK_NS: Final = 20_000_000
_SECOND_NS: Final = 1_000_000_000

_MOST_ROWS: Final = 200_000
_PATIENCE: Final = 1.0
# SQLite before 3.32 takes 999 values at once.
_AT_ONCE: Final = 900
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS digest
    (age INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)
"""

Value = TypeVar("Value")


def file_key(identity: FileIdentity) -> str:
    """The key under which a file's own sha256 is remembered."""
    return hashlib.sha256(f"lading file 1\0{identity.key}".encode()).hexdigest()


def is_settled(identity: FileIdentity, began_ns: int) -> bool:
    """Whether a later change of the file is sure to change its identity.

    ``began_ns`` is a moment not after the reading began, by the system's clock.
    """
    # Some file systems count whole seconds only, or two at a time.
    coarse = identity.ctime_ns % _SECOND_NS == 0
    tick = 2 * _SECOND_NS + _TICK_NS if coarse else _TICK_NS
    # ctime is the kernel's own; mtime may have been set to any time, also to come.
    return identity.ctime_ns < began_ns - tick and abs(identity.mtime_ns - began_ns) > tick


class DigestMemory:
    """Hexadecimal sha256 digests by key, kept in one file; many processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, keys: Iterable[str]) -> dict[str, str]:
        """The digests that are remembered, of all that are asked for."""
        wanted = [bytes.fromhex(key) for key in keys]
        if not wanted or not self._path.exists():
            return {}
        return self._try(lambda database: dict(_found(database, wanted)), {})

    def remember(self, digests: Mapping[str, str]) -> None:
        """Keep some digests; the oldest are forgotten when there are too many."""
        if digests:
            rows = [_row(bytes.fromhex(key), bytes.fromhex(digests[key])) for key in digests]
            self._try(lambda database: _keep(database, rows), None)

    def _try(self, work: Callable[[Connection], Value], otherwise: Value) -> Value:
        import sqlite3

        try:
            with self._open() as database:
                return work(database)
        except sqlite3.OperationalError as error:
            # Locked, read-only, on a full disk: it may be well again the next time.
            _log.debug("no digest memory at %s: %s", self._path, error)
        except sqlite3.DatabaseError as error:
            _log.debug("digest memory at %s is damaged and made anew: %s", self._path, error)
            self._remove()
        except OSError as error:
            _log.debug("no digest memory at %s: %s", self._path, error)
        return otherwise

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        import sqlite3

        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as database:
            # A machine that loses power may damage the file: rows carry a check of their own.
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_TABLE)
            with database:
                yield database

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.debug("cannot remove %s: %s", self._path, error)


def _found(database: Connection, wanted: list[bytes]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        places = ",".join("?" * len(some))
        query = f"SELECT key, value FROM digest WHERE key IN ({places})"  # noqa: S608  # no text
        for key, value in database.execute(query, some):
            if _row(key, value[:32])[1] == value:
                yield key.hex(), value[:32].hex()


def _keep(database: Connection, rows: list[tuple[bytes, bytes]]) -> None:
    database.executemany("INSERT OR REPLACE INTO digest (key, value) VALUES (?, ?)", rows)
    # A row that is replaced becomes the youngest.
    database.execute(
        "DELETE FROM digest WHERE age <= (SELECT MAX(age) FROM digest) - ?", (_MOST_ROWS,)
    )


def _row(key: bytes, digest: bytes) -> tuple[bytes, bytes]:
    """A row: the key, and the digest with a check over both."""
    return key, digest + hashlib.sha256(key + digest).digest()[:8]
