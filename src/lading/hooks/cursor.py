"""Cursors: which events were told to whom, kept on disk so that a restart tells none twice.

What is told is written down twice: that it is about to be told, and that it was. Whoever dies
in between cannot know whether it was told, so it is told again, as the same delivery. Between
two rounds, or stopped in good order, every event is told exactly once.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from lading.errors import Conflict, InvalidInput, LocalFailure, Unsupported

State = Literal["before", "about", "done", "passed", "failed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_FORMAT: Final = 1
_TABLES = """
CREATE TABLE begun (repository TEXT NOT NULL, sink TEXT NOT NULL, PRIMARY KEY (repository, sink))
    WITHOUT ROWID;
CREATE TABLE told (
    repository TEXT NOT NULL, tag TEXT NOT NULL, sink TEXT NOT NULL, state TEXT NOT NULL,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (repository, sink, tag)
) WITHOUT ROWID;
"""


class Cursor:
    """One cursor, held by one watch at a time. A context manager; for one thread."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open or make it.

        Raises:
            InvalidInput: the name is none.
            Conflict: another watch holds it.
            LocalFailure: the file cannot be read or written.
            Unsupported: a newer Lading wrote it.
        """
        if _NAME.fullmatch(name) is None:
            raise InvalidInput(
                f"not a cursor's name: {name[:100]!r}",
                hint="letters, digits, . _ - and at most 100",
            )
        self.name = name
        self.path = folder / f"{name}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(
                folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._take()
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def begin(self, repository: str, sink: str, present: Iterable[str]) -> bool:
        """Remember, once, that these events came before anybody was told; whether this was new."""
        known = "SELECT 1 FROM begun WHERE repository = ? AND sink = ?"
        if self._rows(known, repository, sink):
            return False
        rows = [(repository, tag, sink, "before") for tag in present]
        try:
            with self._database:
                self._database.execute("INSERT INTO begun VALUES (?, ?)", (repository, sink))
                self._database.executemany(
                    "INSERT OR IGNORE INTO told (repository, tag, sink, state) VALUES (?, ?, ?, ?)",
                    rows,
                )
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return True

    def settled(self, repository: str, sinks: Collection[str]) -> set[str]:
        """The events' tags of which nothing is left to tell any of these sinks."""
        sets = [
            {
                str(tag)
                for (tag,) in self._rows(
                    "SELECT tag FROM told WHERE repository = ? AND sink = ? AND state != 'about'",
                    repository,
                    sink,
                )
            }
            for sink in sinks
        ]
        return set.intersection(*sets) if sets else set()

    def state(self, repository: str, tag: str, sink: str) -> State | None:
        """What became of an event; ``about`` where nobody knows."""
        rows = self._rows(
            "SELECT state FROM told WHERE repository = ? AND sink = ? AND tag = ?",
            repository,
            sink,
            tag,
        )
        return rows[0][0] if rows else None

    def set(self, repository: str, tag: str, sink: str, state: State) -> None:
        """Write down what becomes of an event; it is on disk when this returns."""
        try:
            with self._database:
                self._database.execute(
                    "INSERT INTO told (repository, tag, sink, state) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET state = excluded.state, at = CURRENT_TIMESTAMP",
                    (repository, tag, sink, state),
                )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let it go."""
        self._database.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"another watch holds the cursor {self.name}",
                cause="two of them would tell everything twice",
                hint="--cursor NAME for one of its own",
            ) from error

    def _open(self) -> None:
        try:
            self._database = sqlite3.connect(self.path, timeout=5)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            # A commit must survive the machine, or what was told would be told again.
            self._database.execute("PRAGMA synchronous = FULL")
            (found,) = self._database.execute("PRAGMA user_version").fetchone()
            if found == 0:
                self._database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = 1; COMMIT")
            elif found != _FORMAT:
                raise Unsupported(
                    f"a newer Lading wrote the cursor {self.name}", hint="--cursor NAME"
                )
            self.path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            self._database.close()
            raise self._failed(error) from error
        except Unsupported:
            self._database.close()
            raise

    def _rows(self, query: str, *values: str) -> list[tuple[State]]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> LocalFailure:
        return LocalFailure(
            f"cannot use the cursor {self.name}",
            cause=f"{self.path}: {error}",
            hint="mend the disk; without that file a watch begins anew, with what comes then",
        )
