"""A folder of documents: written whole or not at all, and never over what somebody else wrote.

Each file begins with a line that says who wrote it. The files of a base have a sum there, so that
one that was edited is known from one that was not. ``digests.yaml`` and values have none: others
change them (``lading deploy update``), and comments in them stay as long as the values do.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from lading.deploy import edit
from lading.deploy.kustomize import DIGESTS
from lading.errors import Conflict, InvalidInput, LocalFailure

Status = Literal["written", "unchanged"]

_BY: Final = "# Written by lading deploy"
_SUMMED: Final = re.compile(rf"{_BY}; sum of the rest: ([0-9a-f]{{12}})", re.ASCII)
_LARGEST: Final = 4 * 1024 * 1024
_MODE: Final = 0o644


def put(folder: Path, files: Mapping[str, str], *, force: bool = False) -> Status:
    """Have exactly these documents in a folder; a second time nothing is touched.

    Documents of an earlier call that are no longer among them go; values of other stages stay.

    Raises:
        Conflict: the folder holds files that others wrote, or edited, and ``force`` is not given.
        LocalFailure: it cannot be written.
    """
    wanted = headed(files)
    with _told(folder):
        if not folder.exists() and _make(folder, wanted):
            return "written"
        with _alone(folder):
            return _put(folder, wanted, force=force)


def _put(folder: Path, wanted: Mapping[str, str], *, force: bool) -> Status:
    present = _present(folder)
    if not force:
        _demand_ours(folder, present)
    changed = {
        name: text
        for name, text in wanted.items()
        if name not in present or not _says_the_same(name, present[name], text)
    }
    obsolete = [name for name in present if name not in wanted and _goes(name, present[name])]
    _change(folder, changed, obsolete)
    return "written" if changed or obsolete else "unchanged"


def headed(files: Mapping[str, str]) -> dict[str, str]:
    """Documents as they are written, each under the line that says whose it is."""
    return {name: _headed(name, text) for name, text in files.items()}


def is_ours(text: str | None) -> bool:
    """Whether a file's text was written here, and not edited since."""
    if text is None:
        return False
    first, _, rest = text.partition("\n")
    summed = _SUMMED.fullmatch(first)
    return summed[1] == _sum(rest) if summed else first == _BY


def is_from_here(text: str) -> bool:
    """Whether a file was written here, whoever edited it since."""
    return text.startswith(_BY)


def summed(before: str, after: str) -> str:
    """A changed text, with a new sum where the former one was right."""
    first, _, rest = after.partition("\n")
    if not (is_ours(before) and _SUMMED.fullmatch(first)):
        return after
    return f"{_BY}; sum of the rest: {_sum(rest)}\n{rest}"


def replace(folder: Path, files: Mapping[str, tuple[str, str]]) -> None:
    """Give files that are there another text; each is (what it was, what it is to be).

    Each is whole at any moment, and none changes where one cannot. Who is killed between two of
    them leaves the second as it was: run again, it follows.

    Raises:
        Conflict: one has changed since it was read.
        LocalFailure: it cannot be written.
    """
    with _told(folder), _alone(folder):
        for name, texts in files.items():
            # Another one who did the same was quicker.
            if (folder / name).read_bytes() not in [text.encode() for text in texts]:
                raise Conflict(f"{folder / name} changed meanwhile", hint="try again")
        modes = {name: (folder / name).stat().st_mode & 0o777 for name in files}
        _change(folder, {name: text for name, (_, text) in files.items()}, [], modes)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalFailure(
            f"cannot write {folder}",
            cause=error.strerror,
            hint="-o names a folder that you may write to, or one that is not there yet",
        ) from error


def _headed(name: str, text: str) -> str:
    """A text under the line that says whose it is."""
    others_change = name == DIGESTS or name.startswith("values")
    return f"{_BY}\n{text}" if others_change else f"{_BY}; sum of the rest: {_sum(text)}\n{text}"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _present(folder: Path) -> dict[str, str | None]:
    """What is in a folder by name: a file's text; nothing for what is no text of a usual size."""
    found: dict[str, str | None] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue  # git's, an editor's
        found[entry.name] = None
        if entry.is_file() and entry.stat().st_size <= _LARGEST:
            with suppress(UnicodeDecodeError):
                found[entry.name] = Path(entry).read_bytes().decode()
    return found


def _demand_ours(folder: Path, present: Mapping[str, str | None]) -> None:
    for name, text in present.items():
        if is_ours(text):
            continue
        edited = text is not None and text.startswith(_BY)
        raise Conflict(
            f"{folder / name} was {'edited' if edited else 'not written by lading deploy'}",
            hint="changes belong into an overlay that names this folder as a resource; "
            "--force writes over it"
            if edited
            else "name a folder of its own; --force writes beside it, and over files of one name",
        )


def _says_the_same(name: str, present: str | None, wanted: str) -> bool:
    """Whether nothing is to be written; comments in what others change make no difference."""
    if present == wanted:
        return True
    if present is None or not (name == DIGESTS or name.startswith("values")):
        return False
    try:
        return edit.load(present) == edit.load(wanted)
    except InvalidInput:
        return False


def _goes(name: str, text: str | None) -> bool:
    return is_ours(text) and not name.startswith("values")


def _make(folder: Path, files: Mapping[str, str]) -> bool:
    """A new folder, which has its name when everything is in it; not where another was quicker."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, text in files.items():
            _write(made / name, text)
        made.chmod(0o755)
        made.rename(folder)
    except BaseException as error:
        shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _change(
    folder: Path,
    files: Mapping[str, str],
    obsolete: list[str],
    modes: Mapping[str, int] | None = None,
) -> None:
    """Change a folder: everything is on the disk before the first file gets its name.

    Whoever interrupts it meanwhile finds every file as it was.
    """
    new = {name: (path := folder / name).with_name(f".{path.name}.new") for name in files}
    old = {name: _content(folder / name) for name in files}
    given: list[str] = []
    try:
        for name, path in new.items():
            _write(path, files[name], (modes or {}).get(name, _MODE))
        for name, path in new.items():
            given.append(name)
            path.replace(folder / name)
    except BaseException:
        for name in given:
            _restore(folder / name, old[name])
        raise
    finally:
        for path in new.values():
            path.unlink(missing_ok=True)
    for name in obsolete:
        (folder / name).unlink()


def _content(path: Path) -> tuple[bytes, int] | None:
    """A file's content and mode; None where there is no file."""
    if not path.is_file():
        return None
    return path.read_bytes(), path.stat().st_mode & 0o777


def _restore(path: Path, old: tuple[bytes, int] | None) -> None:
    """Give a file that may have been replaced what it had, or take it away."""
    if old is not None:
        path.write_bytes(old[0])
        path.chmod(old[1])
    elif path.is_file():
        path.unlink()


def _write(path: Path, text: str, mode: int = _MODE) -> None:
    """A new file. Whoever fills a repository could have put a link there, to anywhere."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(text.encode())
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No two at once: half of the one's files beside half of the other's run nothing.

    Where a folder cannot be locked, each file is whole still.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
