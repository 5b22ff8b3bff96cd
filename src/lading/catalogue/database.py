"""The catalogue's file: opened, made, put aside where it is damaged, done without where need be."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

# A file with another number is put aside: nothing in it is worth converting.
SCHEMA_VERSION: Final = 2
_WAIT_SECONDS: Final = 10.0
_SIDE_FILES: Final = ("-wal", "-shm")
_SCHEMA: Final = (
    "CREATE TABLE repositories (id INTEGER PRIMARY KEY, base TEXT NOT NULL UNIQUE,"
    " fingerprint TEXT NOT NULL, ledger TEXT NOT NULL, stages TEXT NOT NULL)",
    # AUTOINCREMENT: a number is never used again, so who still holds one meets nobody else's.
    "CREATE TABLE documents (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL UNIQUE,"
    " note TEXT)",
    "CREATE TABLE versions (repository INTEGER NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,"
    " media_type TEXT NOT NULL, size INTEGER NOT NULL, document INTEGER, note TEXT,"
    " PRIMARY KEY (repository, tag)) WITHOUT ROWID",
    "CREATE INDEX versions_document ON versions (document)",
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # By key first: a search reads a few keys of all documents.
    "CREATE TABLE facts (key INTEGER NOT NULL, document INTEGER NOT NULL, at INTEGER NOT NULL,"
    " value, PRIMARY KEY (key, document, at)) WITHOUT ROWID",
    "CREATE INDEX facts_document ON facts (document)",
    "CREATE TABLE metrics (document INTEGER NOT NULL, at INTEGER NOT NULL, name TEXT NOT NULL,"
    " value NOT NULL, split TEXT, dataset TEXT, higher INTEGER, PRIMARY KEY (document, at))"
    " WITHOUT ROWID",
)
# What is wrong with the file, as opposed to with the disk, rights or another process.
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
)


class Damaged(Exception):
    """The file is not what was written into it; it was put aside."""


class Hindered(Exception):
    """The file cannot be used now: full, read-only, locked, or not to be opened at all."""


@contextlib.contextmanager
def told_apart() -> Iterator[None]:
    """SQLite's errors as what can be done about them.

    Raises:
        Damaged: the file is to be made anew.
        Hindered: the file is to be left alone.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        kind = Damaged if code in _DAMAGED else Hindered
        raise kind(str(error)) from error


def on_disk(path: Path) -> sqlite3.Connection:
    """The file, made where there is none; a damaged or strange one is put aside first.

    Raises:
        Hindered: it can be neither used nor made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Hindered(str(error)) from error
    try:
        return _opened(path)
    except Damaged as damaged:
        put_aside(path, str(damaged))
    try:
        return _opened(path)
    except Damaged as damaged:
        raise Hindered(str(damaged)) from damaged


def in_memory(path: Path | None = None) -> sqlite3.Connection:
    """A catalogue that ends with this process, with what a file holds as far as it can be read."""
    if path is not None:
        with contextlib.suppress(sqlite3.Error, Damaged, Hindered):
            return _copied(path)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _make(connection)
    return connection


def put_aside(path: Path, why: str) -> None:
    """Let a file be out of the way, for somebody to look at.

    Raises:
        Hindered: it cannot be moved.
    """
    _log.info("the catalogue %s is put aside: %s", path, why)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_name(f"{path.name}.damaged"))
        for suffix in _SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise Hindered(str(error)) from error


def _opened(path: Path) -> sqlite3.Connection:
    with told_apart():
        connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        with told_apart():
            _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    if (found := _version(connection)) != SCHEMA_VERSION:
        if found:
            raise Damaged(f"its schema is {found}, not {SCHEMA_VERSION}")
        # Where that cannot be (some network disks), readers and writers wait for each other.
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        _make(connection)
    # With a write-ahead log nothing is torn by this; at most the last searches are forgotten.
    connection.execute("PRAGMA synchronous = NORMAL")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have been quicker.
    if _version(connection) == 0:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _copied(path: Path) -> sqlite3.Connection:
    """What lies in a file that cannot be written to, in memory."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with contextlib.closing(_readable(path)) as source:
            source.backup(memory)
        if _version(memory) != SCHEMA_VERSION:
            raise Damaged("another schema")
    except BaseException:
        memory.close()
        raise
    return memory


def _readable(path: Path) -> sqlite3.Connection:
    # immutable: in a folder that cannot be written to there is no place for the log's lock.
    for query in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{query}", uri=True, timeout=1.0)
        try:
            connection.execute("SELECT count(*) FROM repositories").fetchone()
        except sqlite3.Error:
            connection.close()
        else:
            return connection
    raise Hindered(f"{path} cannot be read")
