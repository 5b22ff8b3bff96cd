"""Which repository a folder lies in, told from the disk alone: git is not asked here."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LONGEST_POINTER: Final = 4096


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder that is under git: its top, and where git keeps what it knows."""

    top: Path
    git_folder: Path


class Misleading(Exception):
    """What looks like a repository is none that may be asked; says why in one sentence."""


def find_repository(folder: Path) -> Repository | None:
    """The repository that a folder lies in; no program is started for this.

    Raises:
        Misleading: its ``.git`` leads nowhere, or into another folder's repository.
    """
    try:
        here = folder.resolve()
    except (OSError, RuntimeError):
        return None
    for top in (here, *here.parents):
        entry = top / ".git"
        try:
            mode = entry.lstat().st_mode
        except (OSError, ValueError):
            continue
        if stat.S_ISDIR(mode):
            return Repository(top, entry)
        return Repository(top, _followed(entry, mode))
    return None


def _followed(entry: Path, mode: int) -> Path:
    """Where a ``.git`` that is no folder leads: a linked work tree, a submodule, a folder apart.

    A file may name any folder. One called ``.git`` belongs to the files beside it, and a linked
    work tree is known to its repository: else the changes of one would show the other's content.
    """
    git_folder = _named(entry) if stat.S_ISREG(mode) else entry.resolve()
    if git_folder is None or not git_folder.is_dir():
        raise Misleading("the folder's .git leads nowhere")
    back = git_folder / "gitdir"
    known = not back.exists() or _place(_pointer(back), git_folder) == entry
    if git_folder.name == ".git" or not known:
        raise Misleading("the folder's .git leads to the repository of another folder")
    return git_folder


def _named(entry: Path) -> Path | None:
    name, _, place = _pointer(entry).partition(": ")
    if name != "gitdir" or not place or "\0" in place:
        return None
    return _place(place, entry.parent).resolve()


def _place(named: str, beside: Path) -> Path:
    """A path that git wrote down, absolute or from the file's own folder."""
    return Path(os.path.normpath(beside / named))


def _pointer(path: Path) -> str:
    """The one line of a small file of git's."""
    try:
        with path.open("rb") as file:
            return os.fsdecode(file.read(_LONGEST_POINTER)).rstrip("\n")
    except OSError:
        return ""
