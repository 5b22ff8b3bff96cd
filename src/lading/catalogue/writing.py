"""How a repository is written into the catalogue: whole, in one transaction."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from lading.catalogue.flat import Facts
from lading.catalogue.state import KnownVersion, ReadVersion, RepositoryState, StagesKnown
from lading.spec.digest import Digest


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of what is inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some failures have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def put_repository(
    connection: sqlite3.Connection,
    base: str,
    state: RepositoryState,
    kept: tuple[KnownVersion, ...],
    read: tuple[ReadVersion, ...],
) -> None:
    """Let a repository be what was found, and nothing that it was before."""
    before = _drop(connection, base)
    repository = connection.execute(
        "INSERT INTO repositories (base, fingerprint, ledger, stages) VALUES (?, ?, ?, ?)",
        (base, state.fingerprint, state.ledger, _encoded(state.stages)),
    ).lastrowid
    for version in read:
        if version.source is not None and version.facts is not None:
            _add_document(connection, version.source, version.facts)
    connection.executemany(
        "INSERT INTO versions (repository, tag, digest, media_type, size, note, document)"
        " VALUES (?, ?, ?, ?, ?, ?, (SELECT id FROM documents WHERE source = ?))",
        ((repository, v.tag, *_root(v), v.note, v.source) for v in read),
    )
    connection.executemany(
        "INSERT INTO versions (repository, tag, digest, media_type, size, document, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((repository, *version) for version in kept),
    )
    # What another process removed meanwhile is read again the next time.
    lost = connection.execute(
        "DELETE FROM versions WHERE repository = ? AND note IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = document)",
        (repository,),
    )
    if lost.rowcount:
        connection.execute("UPDATE repositories SET fingerprint = '' WHERE id = ?", (repository,))
    _sweep(connection, before)


def forget_repositories(connection: sqlite3.Connection, bases: tuple[str, ...]) -> None:
    """Remove repositories, and documents that no other has."""
    for base in bases:
        _sweep(connection, _drop(connection, base))


def _drop(connection: sqlite3.Connection, base: str) -> str:
    """Remove a repository; the documents that it had, as JSON."""
    had = connection.execute(
        "SELECT json_group_array(document) FROM versions WHERE document IS NOT NULL AND repository"
        " IN (SELECT id FROM repositories WHERE base = ?)",
        (base,),
    ).fetchone()[0]
    connection.execute(
        "DELETE FROM versions WHERE repository IN (SELECT id FROM repositories WHERE base = ?)",
        (base,),
    )
    connection.execute("DELETE FROM repositories WHERE base = ?", (base,))
    return str(had)


def _sweep(connection: sqlite3.Connection, documents: str) -> None:
    """Remove those of some documents that no version has any more."""
    unused = connection.execute(
        "SELECT json_group_array(value) FROM json_each(?)"
        " WHERE NOT EXISTS (SELECT 1 FROM versions WHERE document = value)",
        (documents,),
    ).fetchone()[0]
    if unused != "[]":
        _empty(connection, unused)
        connection.execute(
            "DELETE FROM documents WHERE id IN (SELECT value FROM json_each(?))", (unused,)
        )


def _empty(connection: sqlite3.Connection, documents: str) -> None:
    for table in ("facts", "metrics"):
        connection.execute(
            f"DELETE FROM {table} WHERE document IN (SELECT value FROM json_each(?))",  # noqa: S608  one of the two above
            (documents,),
        )


def _add_document(connection: sqlite3.Connection, source: Digest, facts: Facts) -> None:
    """Keep what a document says, in place of what was kept of it before."""
    document = connection.execute(
        "INSERT INTO documents (source, note) VALUES (?, ?)"
        " ON CONFLICT (source) DO UPDATE SET note = excluded.note RETURNING id",
        (source, facts.note),
    ).fetchone()[0]
    _empty(connection, json.dumps([document]))
    rows = [
        (name, at, value)
        for name, said in facts.values.items()
        for at, value in enumerate(said if isinstance(said, tuple) else (said,))
    ]
    connection.executemany(
        "INSERT OR IGNORE INTO keys (name) VALUES (?)", ((name,) for name in facts.values)
    )
    connection.executemany(
        "INSERT INTO facts (key, document, at, value)"
        " VALUES ((SELECT id FROM keys WHERE name = ?), ?, ?, ?)",
        ((name, document, at, _stored(value)) for name, at, value in rows),
    )
    connection.executemany(
        "INSERT INTO metrics (document, at, name, value, split, dataset, higher)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (document, at, m.name, m.value, m.split, m.dataset, m.higher_is_better)
            for at, m in enumerate(facts.metrics)
        ),
    )


def _root(version: ReadVersion) -> tuple[str, str, int]:
    root = version.root
    return (root.digest, root.media_type, root.size) if root else ("", "", 0)


def _encoded(stages: StagesKnown) -> str:
    return json.dumps(
        {
            "stages": dict(stages.stages),
            "deprecated": sorted(stages.deprecated),
            "registered": dict(stages.registered),
            "seq": stages.seq,
            "begins": stages.begins,
        }
    )


def _stored(value: object) -> Any:
    """SQLite has no truth values: they are kept as bytes, which nothing else is."""
    return bytes([value]) if isinstance(value, bool) else value
