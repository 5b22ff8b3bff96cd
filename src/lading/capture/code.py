"""The source that trained the model: repository, commit, branch, and whether all is committed.

Two questions to git, three with the patch. How they are asked so that nothing of the repository
runs is :mod:`lading.capture.git`'s business.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.capture.author import named_in
from lading.capture.git import (
    MOST_OUTPUT,
    Configuration,
    Git,
    GitFailed,
    TooMuch,
    configuration,
    reason,
)
from lading.capture.large_files import FILTER, PointerCheck
from lading.capture.remote_url import public_address
from lading.capture.repository import Misleading, Repository, borrows, find_repository

if TYPE_CHECKING:
    from lading.spec.lineage import Code

LARGEST_PATCH: Final = 8 * 1024 * 1024
# Names that a command line is sure to hold.
_MOST_LEFT_OUT: Final = 200

# Untracked files are not asked for: the model is often one, and looking for them walks the disk.
# What is in a submodule would be looked at by a git of its own, under its own configuration.
_STATUS: Final = (
    *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no"),
    *("--ignore-submodules=dirty", "--no-ahead-behind", "--no-renames"),
)
_DIFF: Final = (
    *("diff", "HEAD", "--binary", "--full-index", "--no-color", "--no-renames", "--no-relative"),
    *("--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=dirty"),
    *("--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null", "--"),
)


@dataclass(frozen=True, slots=True)
class CapturedCode:
    """Where the code is, the patch of what was not committed, and what could not be told."""

    code: Code | None = None
    patch: bytes | None = None
    notes: tuple[str, ...] = ()
    author: str | None = None


def capture(
    folder: Path,
    *,
    environment: Mapping[str, str],
    fallback: Path | None = None,
    with_diff: bool = False,
) -> CapturedCode:
    """The code behind a model's folder: its repository, else that of the fallback folder.

    ``environment`` is where PATH and the user's configuration of git are looked up. The path in
    the code is that of whichever folder the repository was found for. Dirty means that a tracked
    file differs from the commit; files that git does not track are not looked at. With
    ``with_diff`` the changes of tracked files are the patch, if they fit into 8 MiB; its sha256
    is in the code, its name is for whoever stores it.
    """
    for place in (folder, fallback):
        if place is None:
            continue
        try:
            repository = find_repository(place)
        except Misleading as error:
            return CapturedCode(notes=(f"The code is not known: {error}.",))
        if repository:
            return _asked(repository, place, environment, with_diff)
    return CapturedCode()


def _asked(
    repository: Repository, place: Path, environment: Mapping[str, str], with_diff: bool
) -> CapturedCode:
    git = Git.find(environment)
    if git is None:
        return CapturedCode(notes=("The code is not known: git is not installed.",))
    try:
        settings = configuration(git, repository.top, repository.configurations)
        return _Questions(git, repository, settings).answered(place, with_diff)
    except GitFailed as error:
        return CapturedCode(notes=(f"The code is not known: {error}.",))


@dataclass(frozen=True, slots=True)
class _State:
    """What the status says."""

    commit: str | None
    branch: str | None
    dirty: bool
    # Paths that git takes for changed and that are not.
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Questions:
    """What one repository is asked."""

    git: Git
    repository: Repository
    settings: Configuration

    def answered(self, place: Path, with_diff: bool) -> CapturedCode:
        """All that is known of the code.

        Raises:
            GitFailed: git does not answer.
        """
        from lading.spec.lineage import Code

        who = named_in(self.settings)
        if self.settings.last("core.bare") == "true" and not self.repository.linked:
            return CapturedCode(notes=("The code is not known: the repository is bare.",))
        if any("=" in name for name in self.settings.filters):
            # -c cannot spell such a name, so its program would run.
            why = "a filter of the repository cannot be kept from running"
            return CapturedCode(notes=(f"The code is not known: {why}.",), author=who)
        check = PointerCheck(self.repository.top) if FILTER in self.settings.filters else None
        state = _state(self._ask(*_STATUS), check)
        address, notes = self._address(state)
        patch = None
        if state.commit is None:
            notes += ("The repository has no commit yet.",)
        elif with_diff and state.dirty:
            patch, said = self._patch(state)
            notes += said
        code = Code(
            repository=address,
            commit=state.commit,
            branch=state.branch,
            path=self._path(place),
            dirty=state.dirty if state.commit else None,
            patch_sha256=hashlib.sha256(patch).hexdigest() if patch else None,
        )
        return CapturedCode(code, patch, notes + self._unseen(state), who)

    def _ask(self, *question: str, limit: int = MOST_OUTPUT) -> bytes:
        answer = self.git.ask(
            self.repository.top,
            *question,
            without=self.settings.filters,
            work_tree=self.repository.top,
            limit=limit,
        )
        if answer.status:
            raise GitFailed(reason(answer))
        return answer.out

    def _path(self, place: Path) -> str | None:
        """The folder inside the repository; None for its top."""
        here = place.resolve()
        inside = (here if here.is_dir() else here.parent).relative_to(self.repository.top)
        return None if inside == Path() else _text(inside.as_posix())

    def _address(self, state: _State) -> tuple[str | None, tuple[str, ...]]:
        remote = self._remote(state)
        url = remote and self.settings.first(f"remote.{remote}.url")
        if not url:
            return None, ()
        address = public_address(url)
        if address is None:
            return None, (
                "The repository's remote is a folder of this machine, or an address that may "
                "hold a secret, and was left out.",
            )
        return address, ()

    def _remote(self, state: _State) -> str | None:
        """The remote that the branch follows, else origin, else the only one there is."""
        followed = self.settings.last(f"branch.{state.branch}.remote")
        remotes = self.settings.remotes
        if followed in remotes:
            return followed
        if "origin" in remotes:
            return "origin"
        return remotes[0] if len(remotes) == 1 else None

    def _is_its_own(self) -> bool:
        """Whether the repository holds this folder's files and no other's, for all that is known.

        A git folder that is kept apart says whose it is, where it is that of a submodule.
        """
        kept_apart = self.repository.git_folder != self.repository.top / ".git"
        if kept_apart and not self.repository.linked:
            named = self.settings.last("core.worktree")
            if not named or (self.repository.git_folder / named).resolve() != self.repository.top:
                return False
        return not borrows(self.repository)

    def _patch(self, state: _State) -> tuple[bytes | None, tuple[str, ...]]:
        if not self._is_its_own():
            return None, (
                "What was not committed was left out: the repository may hold the files of "
                "another one.",
            )
        if len(state.same) > _MOST_LEFT_OUT:
            return None, ("What was not committed is not known: too many files are kept by LFS.",)
        without = [f":(top,exclude,literal){path}" for path in state.same]
        try:
            patch = self._ask(*_DIFF, ":(top)", *without, limit=LARGEST_PATCH)
        except TooMuch:
            return None, (
                f"What was not committed is larger than {LARGEST_PATCH >> 20} MiB: no patch.",
            )
        except GitFailed as error:
            return None, (f"What was not committed is not known: {error}.",)
        if not patch:
            return None, ()
        return patch, ("The patch holds changes of tracked files only.",)

    def _unseen(self, state: _State) -> tuple[str, ...]:
        notes = []
        if self.settings.includes:
            notes.append("Settings that the repository includes from other files do not count.")
        if state.dirty and self.settings.filters:
            names = ", ".join(sorted(map(_text, self.settings.filters))[:5])
            notes.append(
                f"Filters of git ({names}) were not run: a file may count as changed that only "
                "they change."
            )
        if (self.repository.top / ".gitmodules").is_file():
            notes.append("Changes inside submodules were not looked for.")
        return tuple(notes)


def _state(answer: bytes, check: PointerCheck | None) -> _State:
    """The status, from git's second porcelain format.

    A file of LFS counts as changed to git where its filter does not run; the check knows better.
    """
    headers: dict[str, str] = {}
    changed, same = False, []
    for entry in os.fsdecode(answer).split("\0"):
        if entry.startswith("# "):
            name, _, value = entry[2:].partition(" ")
            headers.setdefault(name, value)
        elif entry.startswith("1 .M N...") and len(words := entry.split(" ", 8)) == 9:
            mode_as_before = words[4] == words[5]
            if check and mode_as_before and check.matches(words[8], words[7]):
                same.append(words[8])
            else:
                changed = True
        elif entry[:2] in ("1 ", "2 ", "u "):
            changed = True
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return _State(
        commit=None if commit == "(initial)" else commit,
        branch=None if branch in (None, "(detached)") else _text(branch),
        dirty=changed,
        same=tuple(same),
    )


def _text(name: str) -> str:
    """A name as text, whatever bytes the file system holds."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
