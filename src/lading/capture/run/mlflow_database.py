"""MLflow's SQLite store, read without a lock and without trust.

A database is a program of sorts: views and virtual tables run when they are read. Only plain
tables are asked, for one run, by a connection that cannot write and gives up soon.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from lading.capture.run.findings import LONGEST_TEXT, MOST
from lading.capture.run.ground import Unreadable, read_tail
from lading.capture.run.mlflow_record import MOST_COUNTED, DatasetRecord, RunRecord, is_id

if TYPE_CHECKING:
    from sqlite3 import Connection

_PATIENCE: Final = 1.0
_STEPS: Final = 200
# One value; of those that are kept none is longer than _LONGEST_SOURCE.
_LARGEST_VALUE: Final = 1024 * 1024
_LONGEST_SOURCE: Final = 64 * 1024
_MOST_INPUTS: Final = 200
_TABLES: Final = frozenset(
    {"runs", "experiments", "params", "latest_metrics", "tags", "inputs", "input_tags", "datasets"}
)
_MODELS: Final = frozenset({"logged_models"})
_PLAIN: Final = re.compile(r"CREATE TABLE\b(?:(?!\bAS\b).)*", re.IGNORECASE | re.DOTALL)

_RUN: Final = """
    SELECT r.name, e.name, r.user_id, r.status, r.start_time, r.end_time
    FROM runs AS r LEFT JOIN experiments AS e ON e.experiment_id = r.experiment_id
    WHERE r.run_uuid = ?
"""
_DATASETS: Final = """
    SELECT d.name, d.digest, d.dataset_source, d.dataset_profile,
        (SELECT t.value FROM input_tags AS t
         WHERE t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context')
    FROM inputs AS i JOIN datasets AS d ON d.dataset_uuid = i.source_id
    WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?
    ORDER BY i.rowid LIMIT ?
"""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class DatabaseStore:
    """A file ``mlflow.db``, known to lie inside the ground."""

    file: Path

    def run(self, run_id: str) -> RunRecord | None:
        """A run by its id.

        Raises:
            Unreadable: the database is damaged, or not MLflow's.
        """
        return self._ask(lambda database: _record(database, run_id), _TABLES)

    def maker(self, model_id: str) -> str | None:
        """The id of the run that logged a model; None in a store from before MLflow 3.

        Raises:
            Unreadable: the database is damaged, or not MLflow's.
        """
        return self._ask(lambda database: _maker(database, model_id), frozenset())

    def runs(self) -> list[str]:
        """The ids of the runs that are not deleted, up to a number.

        Raises:
            Unreadable: the database is damaged, or not MLflow's.
        """
        return self._ask(_active, frozenset({"runs"}))

    def _ask(self, question: Callable[[Connection], Value], tables: frozenset[str]) -> Value:
        import sqlite3

        if read_tail(self.file, 1) is None:
            raise Unreadable("is gone")
        # immutable: no lock is taken and no journal replayed, both of which would write.
        address = f"file:{quote(os.fsencode(self.file))}?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(address, uri=True)) as database:
                _restrain(database)
                if not tables <= _plain_tables(database):
                    raise Unreadable("is no database of MLflow's, or of another release")
                return question(database)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            # ValueError: Python's module decodes names and complaints strictly.
            raise Unreadable("is damaged, or takes too long to read") from error


def _restrain(database: Connection) -> None:
    import sqlite3

    until = time.monotonic() + _PATIENCE
    database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    for pragma in ("trusted_schema = OFF", "query_only = ON", "mmap_size = 0"):
        database.execute(f"PRAGMA {pragma}")


def _plain_tables(database: Connection) -> set[str]:
    """The tables that are rows on disk: no view, no module, no column that is computed.

    One pattern matched in a computed column may take hours, and nothing interrupts it.
    """
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' LIMIT 1000")
    return {name for name, sql in rows if isinstance(sql, str) and _PLAIN.fullmatch(sql)}


def _record(database: Connection, run_id: str) -> RunRecord | None:
    row = database.execute(_RUN, (run_id,)).fetchone()
    if row is None:
        return None
    name, experiment, user, status, started, ended = row
    record = RunRecord(
        id=run_id,
        name=name,
        experiment=experiment,
        user=user,
        status=status,
        started=started,
        ended=ended,
        metrics=list(_metrics(database, run_id)),
    )
    for key, value in _pairs(database, "params", run_id):
        if _fits(value, LONGEST_TEXT):
            record.params.append((key, value))
        else:
            record.unreadable.append(key)
    for key, value in _pairs(database, "tags", run_id):
        if _fits(value, LONGEST_TEXT):
            record.tags[key] = value
    for row in database.execute(_DATASETS, (run_id, _MOST_INPUTS)):
        if all(_fits(value, _LONGEST_SOURCE) for value in row):
            record.datasets.append(DatasetRecord(*row))
    return record


def _fits(value: object, limit: int) -> bool:
    """Rows are looked at one by one, so that a thousand large ones are never held together."""
    return not isinstance(value, (str, bytes)) or len(value) <= limit


def _pairs(database: Connection, table: str, run_id: str) -> Iterator[tuple[str, Any]]:
    query = f"SELECT key, value FROM {table} WHERE run_uuid = ? ORDER BY key LIMIT ?"  # noqa: S608
    for key, value in database.execute(query, (run_id, MOST + 1)):
        if isinstance(key, str):
            yield key, value


def _metrics(database: Connection, run_id: str) -> Iterator[tuple[str, Any, Any]]:
    query = (
        "SELECT key, value, step, is_nan FROM latest_metrics "
        "WHERE run_uuid = ? ORDER BY key LIMIT ?"
    )
    for key, value, step, is_nan in database.execute(query, (run_id, MOST + 1)):
        if isinstance(key, str):
            yield key, None if is_nan else value, step


def _maker(database: Connection, model_id: str) -> str | None:
    if not _plain_tables(database) >= _MODELS:
        return None
    query = "SELECT source_run_id FROM logged_models WHERE model_id = ?"
    row = database.execute(query, (model_id,)).fetchone()
    return row[0] if row and is_id(row[0]) else None


def _active(database: Connection) -> list[str]:
    query = "SELECT run_uuid FROM runs WHERE lifecycle_stage IS NOT 'deleted' LIMIT ?"
    return [row[0] for row in database.execute(query, (MOST_COUNTED,)) if is_id(row[0])]
