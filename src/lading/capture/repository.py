"""Which repository a folder lies in, told from the disk alone: git is not asked here.

The folder may come from anywhere, its ``.git`` with it. One that borrows from another repository
would have git tell of that one: of its commits, its address, its files.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LONGEST_POINTER: Final = 4096
# Objects that are in no pack yet: git packs them long before there are so many.
_MOST_ENTRIES: Final = 200_000
# What says which commit is checked out, and whose repository it is.
_TELLING: Final = ("HEAD", "config", "config.worktree", "packed-refs", "index")
_UNREAD: Final = frozenset({"hooks", "logs", "modules", "worktrees"})
_ALTERNATES: Final = ("objects/info/alternates", "objects/info/http-alternates")


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder that is under git: its top, and where git keeps what it knows."""

    top: Path
    git_folder: Path
    # That of the repository which a linked work tree belongs to.
    common: Path

    @property
    def linked(self) -> bool:
        """Whether it is a linked work tree, to which its repository agrees."""
        return self.common != self.git_folder

    @property
    def configurations(self) -> frozenset[Path]:
        """The files of the repository's own configuration."""
        return frozenset({self.common / "config", self.git_folder / "config.worktree"})


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
        git_folder = entry if stat.S_ISDIR(mode) else _followed(entry, mode)
        repository = Repository(top, git_folder, _common(git_folder))
        _demand_its_own(repository)
        return repository
    return None


def borrows(repository: Repository) -> bool:
    """Whether anything git reads may lie in another repository, as far as links tell.

    Each folder is looked through: one pack that is a link is as good as all.
    """
    folders = {repository.git_folder, repository.common}
    if any(os.path.lexists(folder / name) for folder in folders for name in _ALTERNATES):
        return True
    waiting, seen = [str(folder) for folder in folders], 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    seen += 1
                    if seen > _MOST_ENTRIES or entry.is_symlink():
                        return True
                    # Hooks do not run, and what is in the repositories of parts is not read.
                    if entry.is_dir(follow_symlinks=False) and entry.name not in _UNREAD:
                        waiting.append(entry.path)
        except OSError:
            return True
    return False


def _common(git_folder: Path) -> Path:
    """Where git keeps what all work trees share.

    A linked work tree is kept inside the folder that it shares, so nobody can claim to be one of
    a repository in which they may not write.
    """
    pointer = git_folder / "commondir"
    if not os.path.lexists(pointer):
        return git_folder
    shared = git_folder.parent.parent
    named = _pointer(pointer)
    if git_folder.parent.name != "worktrees" or not named or "\0" in named:
        raise Misleading("the folder's .git leads to the repository of another folder")
    if _place(named, git_folder).resolve() != shared:
        raise Misleading("the folder's .git leads to the repository of another folder")
    return shared


def _demand_its_own(repository: Repository) -> None:
    """Refuse files that lead to another repository, and those that keep git waiting."""
    for folder in {repository.git_folder, repository.common}:
        for path in (*(folder / name for name in _TELLING), folder / "refs"):
            try:
                mode = path.lstat().st_mode
                # HEAD was a link to a branch once.
                lies_here = not stat.S_ISLNK(mode) or folder in path.resolve().parents
                mode = path.stat().st_mode if lies_here else mode
            except (OSError, RuntimeError):
                continue
            if not lies_here:
                raise Misleading("the folder's .git leads to the repository of another folder")
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Misleading("the folder's .git holds what is no file")


def _followed(entry: Path, mode: int) -> Path:
    """Where a ``.git`` that is no folder leads: a linked work tree, a submodule, a folder apart.

    A file may name any folder. One called ``.git`` belongs to the files beside it, and a linked
    work tree is known to its repository: else the changes of one would show the other's content.
    """
    git_folder = _named(entry) if stat.S_ISREG(mode) else entry.resolve()
    if git_folder is None or not git_folder.is_dir():
        raise Misleading("the folder's .git leads nowhere")
    back = git_folder / "gitdir"
    known = not os.path.lexists(back) or _place(_pointer(back), git_folder) == entry
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
    """The one line of a small file of git's; nothing where it is no file, or a link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.fsdecode(os.read(descriptor, _LONGEST_POINTER)).rstrip("\n")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
