"""Staged files move to their final names: all of them or, where something is in the way, none.

Which file goes where was decided before, in :mod:`lading.packing.unpack.placement`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lading.errors import Conflict, LadingError, LocalFailure
from lading.packing.unpack.disk import Walker, same_bytes
from lading.packing.unpack.placement import Arrangement, Placement, contradiction
from lading.packing.unpack.staging import tree_path

_SHOWN = 5


@dataclass(slots=True)
class Obstacles:
    """What lies where files should go."""

    different: list[str] = field(default_factory=list)
    blocking: list[str] = field(default_factory=list)

    def refusal(self, directory: Path) -> LadingError:
        """The error that names them."""
        found = self.blocking or self.different
        shown = ", ".join(repr(path)[1:-1] for path in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        if self.blocking:
            return Conflict(
                f"cannot place files in {directory}",
                cause=f"links, files or folders are in the way: {shown}{more}",
                hint="remove them, or choose another folder",
            )
        return Conflict(
            f"{directory} has other files of these names",
            cause=f"{shown}{more}",
            hint="--force replaces them; nothing was changed",
        )


class Commit:
    """The last step of a pull: from the folder of the stages to the folder itself.

    ``moved`` are the keys of layers that an earlier run had begun to move.
    """

    def __init__(
        self, directory: Path, folder: int, pull: int, *, moved: frozenset[str], fsync: bool
    ) -> None:
        self._directory = directory
        self._moved = moved
        self._fsync = fsync
        self._folder = folder
        self._stages = Walker(pull)
        self._finals = Walker(folder)
        self._makers = Walker(folder, create=True)

    def close(self) -> None:
        """Let go of every folder."""
        for walker in (self._stages, self._finals, self._makers):
            walker.close()

    def check(self, arrangement: Arrangement, *, force: bool) -> list[Placement]:
        """What has to be moved; nothing is moved yet.

        Raises:
            Conflict: something else is in the way.
            IntegrityError: two layers bring different files of one name.
        """
        for first, second in arrangement.twins:
            if not self._equal(first, second):
                raise contradiction(first)
        obstacles = Obstacles()
        moves = [
            placement
            for placement in arrangement.files
            if self._must_move(placement, obstacles, force=force)
        ]
        for folder in arrangement.folders:
            self._check_folder(folder, obstacles)
        if obstacles.blocking or obstacles.different:
            raise obstacles.refusal(self._directory)
        return moves

    def move(self, moves: Iterable[Placement], folders: Collection[str]) -> None:
        """Do it.

        Raises:
            Conflict: something came in the way meanwhile.
        """
        touched: set[str] = set()
        try:
            for folder in folders:
                self._makers.folder(folder)
            for placement in moves:
                source, name = self._stages.of(tree_path(placement.key, placement.member))
                target, final = self._makers.of(placement.path)
                os.rename(name, final, src_dir_fd=source, dst_dir_fd=target)
                touched.add(placement.path.rpartition("/")[0])
            if self._fsync:
                self._sync(touched.union(folders))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY):
                raise Obstacles(blocking=[str(error.filename)]).refusal(self._directory) from error
            raise

    def _sync(self, folders: Iterable[str]) -> None:
        """Make sure of what was moved into some folders, and of the folders themselves."""
        above = {""}
        for path in folders:
            while path not in above:
                above.add(path)
                path = path.rpartition("/")[0]  # noqa: PLW2901  upwards
        for folder in above:
            os.fsync(self._finals.folder(folder))

    def _must_move(self, placement: Placement, obstacles: Obstacles, *, force: bool) -> bool:
        try:
            existing = self._final(placement.path)
        except NotADirectoryError:
            obstacles.blocking.append(placement.path.rpartition("/")[0])
            return False
        staged = self._staged(placement)
        if existing is None:
            if staged is None:
                raise self._vanished(placement)
            return True
        if stat.S_ISDIR(existing.st_mode):
            obstacles.blocking.append(placement.path)
            return False
        if staged is None:
            # An earlier run was stopped while it moved files: this one it had moved.
            if placement.key in self._moved and _is_file(existing, placement.size):
                return False
            raise self._vanished(placement)
        if self._same(placement, existing):
            return False
        if not force:
            obstacles.different.append(placement.path)
        return True

    def _final(self, path: str) -> os.stat_result | None:
        """What is under a final name.

        Raises:
            NotADirectoryError: a link or a file is in the place of one of its folders.
        """
        try:
            return self._finals.entry(path)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotADirectoryError(error.errno, error.strerror, path) from error
            raise

    def _staged(self, placement: Placement) -> os.stat_result | None:
        return self._stages.entry(tree_path(placement.key, placement.member))

    def _same(self, placement: Placement, existing: os.stat_result) -> bool:
        if not _is_file(existing, placement.size):
            return False
        with (
            self._finals.opened(placement.path) as present,
            self._stages.opened(tree_path(placement.key, placement.member)) as arrived,
        ):
            return same_bytes(present, arrived)

    def _equal(self, first: Placement, second: Placement) -> bool:
        if self._staged(first) is None or self._staged(second) is None:
            return True  # compared before the earlier run moved one of them
        with (
            self._stages.opened(tree_path(first.key, first.member)) as one,
            self._stages.opened(tree_path(second.key, second.member)) as other,
        ):
            return same_bytes(one, other)

    def _check_folder(self, path: str, obstacles: Obstacles) -> None:
        try:
            self._finals.folder(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            obstacles.blocking.append(path)

    def _vanished(self, placement: Placement) -> LocalFailure:
        return LocalFailure(
            f"a staged file of {self._directory} is gone: {placement.path!r}"[:300],
            hint="pull again",
        )


def _is_file(status: os.stat_result, size: int) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size == size
