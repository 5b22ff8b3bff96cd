"""The catalogue: what is known of repositories, and columns of facts for filters.

One thread uses it; any number of processes may. It never fails for the machine's sake: what cannot
be kept on disk is kept in memory until the process ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from lading.catalogue import database
from lading.catalogue.database import Damaged, Hindered, told_apart
from lading.catalogue.flat import LISTS, Measured
from lading.catalogue.state import (
    KnownRepository,
    KnownVersion,
    ReadVersion,
    RepositoryState,
    StagesKnown,
)
from lading.catalogue.writing import forget_repositories, put_repository, transaction
from lading.errors import InvalidInput
from lading.expressions import Value
from lading.spec.digest import Digest

_log = logging.getLogger(__name__)

FILE: Final = "catalogue.sqlite"
# Of so many documents, it is worth while to look for one by itself.
_MOST: Final = 4

_Answer = TypeVar("_Answer")


class Catalogue:
    """An open catalogue; use it in ``with``.

    Every method may raise :class:`Damaged`: the file turned out to be no longer what was written.
    It was put aside then, and the catalogue begins anew when it is opened again.
    """

    def __init__(self, path: Path | None) -> None:
        """Open a catalogue's file, or one that ends with this process."""
        self._path = path
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        # A log that cannot be folded into its file now will be by whoever opens it next.
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    # What is known

    def repositories(self) -> tuple[str, ...]:
        """Every repository that was ever looked at, by its full name."""
        return tuple(row[0] for row in self._rows("SELECT base FROM repositories ORDER BY base"))

    def known(self, bases: Iterable[str]) -> dict[str, KnownRepository]:
        """What is known of some repositories; nothing of those that were never looked at."""
        # In one transaction, so that both come from the same moment.
        self._rows("BEGIN")
        try:
            rows = self._rows(
                "SELECT id, base, fingerprint, ledger, stages FROM repositories"
                " WHERE base IN (SELECT value FROM json_each(?))",
                json.dumps(list(bases)),
            )
            versions = {number: self._versions(number) for number, *_ in rows}
        finally:
            self._end()
        return {
            base: KnownRepository(
                base, RepositoryState(mark, ledger, self._stages(stages)), versions[number]
            )
            for number, base, mark, ledger, stages in rows
        }

    def _versions(self, repository: int) -> tuple[KnownVersion, ...]:
        rows = self._rows(
            "SELECT tag, digest, media_type, size, document, note FROM versions"
            " WHERE repository = ?",
            repository,
        )
        return tuple(map(KnownVersion._make, rows))

    def sources(self) -> frozenset[str]:
        """The digests of all documents that need not be fetched again."""
        return frozenset(row[0] for row in self._rows("SELECT source FROM documents"))

    # Columns

    def column(self, name: str, documents: Iterable[int]) -> dict[int, Value]:
        """What documents say under one name: some of them, and others perhaps."""
        wanted = list(documents)
        (total,) = self._rows("SELECT count(*) FROM documents")[0]
        query = "SELECT document, value FROM facts WHERE key = (SELECT id FROM keys WHERE name = ?)"
        # To look for most of them one by one takes longer than to read the whole column.
        if len(wanted) * _MOST < total:
            query += " AND document IN (SELECT value FROM json_each(?))"
            rows = self._rows(f"{query} ORDER BY document, at", name, json.dumps(wanted))
        else:
            rows = self._rows(f"{query} ORDER BY document, at", name)
        if name in LISTS:
            return {document: tuple(values) for document, values in _grouped(rows).items()}
        found: dict[int, Any] = dict(rows)
        truths = [document for document, value in found.items() if type(value) is bytes]
        return found | {document: _value(found[document]) for document in truths}

    def facts(self, documents: Iterable[int]) -> dict[int, dict[str, Value]]:
        """Everything that some documents say."""
        rows = self._rows(
            "SELECT f.document, k.name, f.value FROM facts f JOIN keys k ON k.id = f.key"
            " WHERE f.document IN (SELECT value FROM json_each(?))"
            " ORDER BY f.document, f.key, f.at",
            json.dumps(list(documents)),
        )
        found: dict[int, dict[str, Value]] = {}
        for document, name, value in rows:
            values = found.setdefault(document, {})
            if name in LISTS:
                before = values.get(name, ())
                values[name] = (*before, str(value)) if isinstance(before, tuple) else (str(value),)
            else:
                values[name] = _value(value)
        return found

    def metrics(self, documents: Iterable[int]) -> dict[int, tuple[Measured, ...]]:
        """The metrics of some documents, with what they were measured on."""
        rows = self._rows(
            "SELECT document, name, value, split, dataset, higher FROM metrics"
            " WHERE document IN (SELECT value FROM json_each(?)) ORDER BY document, at",
            json.dumps(list(documents)),
        )
        found: dict[int, list[Measured]] = {}
        for document, name, value, split, dataset, higher in rows:
            better = None if higher is None else bool(higher)
            found.setdefault(document, []).append(Measured(name, value, split, dataset, better))
        return {document: tuple(measured) for document, measured in found.items()}

    def notes(self, documents: Iterable[int]) -> dict[int, str]:
        """What was left out of some documents."""
        return dict(
            self._rows(
                "SELECT id, note FROM documents WHERE note IS NOT NULL"
                " AND id IN (SELECT value FROM json_each(?))",
                json.dumps(list(documents)),
            )
        )

    # Writing

    def put(
        self,
        base: str,
        state: RepositoryState,
        kept: Iterable[KnownVersion],
        read: Iterable[ReadVersion],
    ) -> KnownRepository:
        """Let a repository be what was found at one moment, whole or not at all; what it is now.

        A state with no fingerprint is not complete, and is looked at again the next time.
        """
        kept, read = tuple(kept), tuple(read)
        self._transaction(lambda connection: put_repository(connection, base, state, kept, read))
        return self.known([base])[base]

    def forget(self, bases: Iterable[str]) -> None:
        """Know nothing of some repositories; nor of their documents where no other has them."""
        names = tuple(bases)
        self._transaction(lambda connection: forget_repositories(connection, names))

    # Inner steps

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            return database.in_memory()
        try:
            return database.on_disk(self._path)
        except Hindered as hindered:
            _log.info("the catalogue is kept in memory: %s", hindered)
            return database.in_memory(self._path)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        try:
            with told_apart():
                return self._connection.execute(query, values).fetchall()
        except Hindered:
            self._leave_the_disk()
            with told_apart():
                return self._connection.execute(query, values).fetchall()
        except Damaged as damaged:
            self._abandon(damaged)
            raise

    def _end(self) -> None:
        """Be done with a transaction that only read; a connection that was given up has none."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def _transaction(self, work: Callable[[sqlite3.Connection], None]) -> None:
        try:
            with told_apart(), transaction(self._connection):
                work(self._connection)
        except Hindered:
            self._leave_the_disk()
            with told_apart(), transaction(self._connection):
                work(self._connection)
        except Damaged as damaged:
            self._abandon(damaged)
            raise

    def _stages(self, raw: str) -> StagesKnown:
        try:
            return _parsed(raw)
        except (InvalidInput, ValueError, LookupError, TypeError, AttributeError) as error:
            damaged = Damaged(f"not the stages of a repository: {error}")
            self._abandon(damaged)
            raise damaged from error

    def _leave_the_disk(self) -> None:
        """Go on in memory with what is known: the disk is full, read-only, or in somebody's way."""
        path, self._path = self._path, None
        if path is None:
            return
        _log.info("the catalogue goes on in memory: %s cannot be used", path)
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            self._connection.backup(memory)
        except sqlite3.Error as error:
            memory.close()
            # What was told from it so far cannot be gone on with: begin again.
            raise Damaged(f"{path} can no longer be read: {error}") from error
        self.close()
        self._connection = memory

    def _abandon(self, damaged: Damaged) -> None:
        self.close()
        if self._path is not None:
            with contextlib.suppress(Hindered):
                database.put_aside(self._path, str(damaged))


def using(cache: Path, work: Callable[[Catalogue], _Answer]) -> _Answer:
    """What some work answers with the catalogue in a cache's folder.

    Where the file turns out to be damaged the work is done again with a new one, and at last with
    one in memory: the answer does not depend on what lay there.
    """
    for path in (cache / FILE, cache / FILE, None):
        with Catalogue(path) as catalogue:
            try:
                return work(catalogue)
            except Damaged as damaged:
                _log.info("the catalogue was damaged: %s", damaged)
    raise AssertionError("what is in memory is not damaged")


def _value(stored: Any) -> Any:
    return bool(stored[0]) if isinstance(stored, bytes) and stored else stored


def _grouped(rows: Iterable[tuple[int, Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for document, value in rows:
        found.setdefault(document, []).append(str(value))
    return found


def _parsed(raw: str) -> StagesKnown:
    value: Mapping[str, Any] = json.loads(raw)
    return StagesKnown(
        {stage: tuple(map(Digest, names)) for stage, names in value["stages"].items()},
        frozenset(map(Digest, value["deprecated"])),
        {tag: Digest(digest) for tag, digest in value["registered"].items()},
        int(value["seq"]),
        int(value["begins"]),
    )
