"""How a folder differs from what a version says it holds."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lading.errors import Conflict, LocalFailure
from lading.packing.artifact import PREFIX
from lading.packing.ignore import OWN_FILES, Ignored, rules
from lading.packing.listing import ListedFile
from lading.packing.record import bundle_of
from lading.packing.scan import FileIdentity
from lading.packing.tarview import FileMember, TarView
from lading.spec.digest import Digest

_BUFFER = 256 * 1024
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths that a version has and a folder has not, or has otherwise; and the reverse."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether there is no difference at all."""
        return not (self.missing or self.changed or self.extra)


@dataclass(frozen=True, slots=True)
class Spared:
    """What need not be fetched: these files are there, and so these layers are."""

    paths: frozenset[str]
    layers: frozenset[Digest]


def compare(folder: Path, files: Iterable[ListedFile]) -> Difference:
    """Read every file of a folder that a version names, and find those that it does not.

    What Lading wrote into the version need not be there: the folder that was pushed has none of it.
    """
    listed = {file.path: file for file in files}
    states = {path: _state(folder, file) for path, file in listed.items()}
    here = _files(folder, "", rules(folder))
    lacking = [path for path, state in states.items() if state is None and not bundle_of(path)]
    return Difference(
        missing=tuple(sorted(lacking)),
        changed=tuple(sorted(path for path, state in states.items() if state is False)),
        extra=tuple(sorted(path for path in here if path not in listed)),
    )


def _files(folder: Path, prefix: str, ignored: Ignored) -> Iterator[str]:
    """Everything that a push would look at, whether it could be packed or not."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = prefix + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if path in OWN_FILES or ignored(path, is_folder):
            continue
        if is_folder:
            yield from _files(folder / entry.name, f"{path}/", ignored)
        else:
            yield path


def spare(folder: Path, files: Iterable[ListedFile], *, force: bool) -> Spared:
    """Which of a version's files a folder has already.

    Raises:
        Conflict: a file is there with other content, and ``force`` is not given.
    """
    states = [(file, _state(folder, file)) for file in files]
    changed = [file.path for file, state in states if state is False]
    if changed and not force:
        raise overwriting(folder, changed)
    same = frozenset(file.path for file, state in states if state)
    lacking = {file.layer for file, state in states if not state}
    return Spared(same, frozenset(file.layer for file, _ in states) - lacking)


def overwriting(folder: Path, paths: list[str]) -> Conflict:
    """The refusal to overwrite files of a person's own."""
    shown = ", ".join(sorted(paths)[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return Conflict(
        f"{folder} holds other files of the same names",
        cause=f"{shown}{more}",
        hint="--force overwrites them, or choose another folder",
    )


def _state(folder: Path, file: ListedFile) -> bool | None:
    """Whether a file is as the version says; None where there is none."""
    path = folder / file.path
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISREG(status.st_mode):
        return False
    if status.st_size != file.size:
        return False
    if file.sha256 is not None:
        return _sha256(path) == file.sha256
    # Alone in its layer: the layer's digest is the file's.
    view = TarView([FileMember(PREFIX + file.path, path, FileIdentity.of(status))])
    hasher = sha256()
    for _, chunk in view.chunks():
        hasher.update(chunk)
    return Digest.finish(hasher) == file.layer


def _sha256(path: Path) -> str:
    hasher = sha256()
    for piece in _read(path):
        hasher.update(piece)
    return hasher.hexdigest()


def _read(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_BUFFER))
    try:
        with io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW)) as file:
            while count := file.readinto(buffer):
                yield buffer[:count]
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
