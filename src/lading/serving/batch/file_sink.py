"""A file that has its name only when it is whole, and is gone on with where a run broke off.

Beside ``out.csv`` lie ``out.csv.lading-part``, the rows so far, and ``out.csv.lading-part.json``,
the frame. The frame is written after the bytes that it speaks of are on disk, so that whatever
stands behind them is what a broken run left, and is cut off.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from lading.errors import Conflict
from lading.serving.batch.frame import Frame, broken
from lading.serving.batch.part_file import (
    frame_of,
    is_named,
    opened,
    part_of,
    reopened,
    whole_of,
)
from lading.serving.batch.sinks import failed, write_all

_EVERY: Final = 1.0


class FileSink:
    """A file, and another for rejects, that get their names when they are whole.

    A context manager: leaving it by an error keeps what is whole.
    """

    def __init__(
        self,
        output: Path,
        rejects: Path | None,
        about: Mapping[str, str],
        *,
        resumes: bool,
        fresh: bool,
        force: bool,
    ) -> None:
        """Take the place, and what a broken run left of it.

        Raises:
            Conflict: another run is at it; or what is there is about something else.
            LocalFailure: nobody can write here.
        """
        self._output = output
        self._rejects = rejects
        self._resumes = resumes
        self._force = force
        self._frame_path = frame_of(output)
        # The file that is given the output's name.
        self._last: os.stat_result | None = None
        self._done = False
        self._rows = opened(part_of(output))
        self._wrong: BinaryIO | None = None
        try:
            # Another run may have ended while this one waited for its model.
            if output.exists() and not force:
                raise Conflict(f"{output} is there already", hint="--force writes over it")
            self._rows = reopened(self._rows, output)
            if rejects is not None:
                self._wrong = opened(part_of(rejects))
                if rejects.exists() and not force and not is_named(self._wrong, rejects):
                    raise Conflict(f"{rejects} is there already", hint="--force writes over it")
            self.frame = self._begin(about, fresh)
            self._unname_rejects(are_these=self.frame.rows > 0)
            self._kept = self.frame
            self._cut()
        except OSError as error:
            self._let_go()
            raise failed(output, error) from error
        except BaseException:
            self._let_go()
            raise
        self._next = time.monotonic() + _EVERY

    @property
    def stream(self) -> BinaryIO:
        """The rows so far."""
        return self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._done:
                self._keep_or_drop()
        finally:
            self._close()

    def append(self, rows: bytes, rejects: bytes, frame: Frame) -> None:
        """Add a whole batch, and note now and then that it is there."""
        try:
            write_all(self._rows, rows)
            if self._wrong is not None:
                write_all(self._wrong, rejects)
            self.frame = replace(
                frame,
                size=self.frame.size + len(rows),
                rejects_size=self.frame.rejects_size + len(rejects),
            )
            if time.monotonic() >= self._next:
                self._checkpoint()
        except OSError as error:
            raise failed(self._output, error) from error

    def finish(self, end: bytes, make: Callable[[BinaryIO, Path], None] | None) -> str:
        """Give the files their names; the digest of the output."""
        part, whole = part_of(self._output), whole_of(self._output)
        try:
            # Whatever breaks off from here on leaves all rows, and a note that these are all.
            self._checkpoint()
            if make is None:
                write_all(self._rows, end)
                digest = _settled(part)
                self._name_all(part)
            else:
                try:
                    whole.unlink(missing_ok=True)
                    make(self._rows, whole)
                    digest = _settled(whole)
                    self._name_all(whole)
                finally:
                    whole.unlink(missing_ok=True)
            self._drop()
            self._done = True
        except OSError as error:
            raise failed(self._output, error) from error
        return digest

    def _begin(self, about: Mapping[str, str], fresh: bool) -> Frame:
        """The frame of what is there, if it is about the same."""
        new = Frame(about)
        there = os.fstat(self._rows.fileno()).st_size
        if fresh or not there or not self._frame_path.exists():
            self._frame_path.unlink(missing_ok=True)
            return new
        found = Frame.parse(self._frame_path.read_bytes()[: 1 << 20], str(self._output))
        found.demand_same(about, str(self._output))
        if there < found.size:
            raise broken(str(self._output), f"{there} bytes of {found.size}")
        if self._wrong is not None:
            wrong = os.fstat(self._wrong.fileno()).st_size
            if wrong < found.rejects_size:
                raise broken(str(self._rejects), f"{wrong} bytes of {found.rejects_size}")
        return found

    def _cut(self) -> None:
        """Let go of what no frame speaks of."""
        for file, size in ((self._rows, self.frame.size), (self._wrong, self.frame.rejects_size)):
            if file is not None:
                file.truncate(size)
                file.seek(size)

    def _checkpoint(self) -> None:
        if not self._resumes or self.frame is self._kept:
            return
        for file in (self._rows, self._wrong):
            if file is not None:
                os.fsync(file.fileno())
        new = self._frame_path.with_name(self._frame_path.name + ".new")
        with new.open("wb") as file:
            file.write(self.frame.encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._frame_path)
        self._kept = self.frame
        self._next = time.monotonic() + _EVERY

    def _keep_or_drop(self) -> None:
        """After a failure: note what is whole; a full disk leaves the last note standing."""
        try:
            if self._is_named():
                # It broke off behind the last step: of what is whole nothing is cut off.
                self._drop()
                return
            self._unname_rejects(are_these=True)
            self._cut()
            self._checkpoint()
            if not self._frame_path.exists():
                # Nothing can be gone on with.
                self._drop()
        except OSError:
            self._frame_path.with_name(self._frame_path.name + ".new").unlink(missing_ok=True)

    def _drop(self) -> None:
        """Let what lies beside the files go."""
        part_of(self._output).unlink(missing_ok=True)
        if self._rejects is not None:
            part_of(self._rejects).unlink(missing_ok=True)
        self._frame_path.unlink(missing_ok=True)

    def _unname_rejects(self, *, are_these: bool) -> None:
        """Take the name from rejects whose output has none; leave those of another run alone."""
        if self._wrong is None or self._rejects is None:
            return
        if are_these and is_named(self._wrong, self._rejects):
            if self._force:
                # What they were written over does not come back, and they are whole.
                return
            part = part_of(self._rejects)
            if part.exists():
                self._rejects.unlink()
            else:
                self._rejects.replace(part)
        self._wrong = reopened(self._wrong, self._rejects)

    def _name_all(self, part: Path) -> None:
        """The names, the output's last: whoever sees it finds its rejects.

        Both keep their other names until then, so that what breaks off in between is gone on with.
        """
        if self._rejects is not None:
            self._name(part_of(self._rejects), self._rejects)
        self._last = part.stat()
        self._name(part, self._output)

    def _is_named(self) -> bool:
        """Whether the output has its name: asked of the disk, since a signal may come any time."""
        try:
            return self._last is not None and os.path.samestat(self._last, self._output.stat())
        except FileNotFoundError:
            return False

    def _name(self, part: Path, final: Path) -> None:
        """A name more, all at once; over another file only where that was said."""
        new = part.with_name(part.name + ".new")
        try:
            if not self._force:
                os.link(part, final)
                return
            new.unlink(missing_ok=True)
            os.link(part, new)
        except FileExistsError as error:
            raise Conflict(
                f"{final} has come to be meanwhile", hint="--force writes over it"
            ) from error
        except OSError:  # a file system without links
            part.replace(final)
        else:
            new.replace(final)
            # Renaming one name of a file to another of it does nothing.
            new.unlink(missing_ok=True)

    def _let_go(self) -> None:
        """What was made and never written to goes again."""
        pairs = ((self._rows, self._output), (self._wrong, self._rejects))
        for file, path in pairs:
            if file is not None and path is not None and not os.fstat(file.fileno()).st_size:
                part_of(path).unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        for file in (self._rows, self._wrong):
            if file is not None:
                file.close()


def _settled(path: Path) -> str:
    """The digest of a file that is on disk from now on."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
