"""git, asked about folders that may come from anywhere.

A repository that was found on disk brings its own configuration, and configuration can name
programs: monitors, hooks, filters, external diffs, transports. Whatever is asked here is asked so
that none of them runs. What the answers mean for a model is not decided here.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE: Final = 5.0
MOST_OUTPUT: Final = 16 * 1024 * 1024
_MOST_COMPLAINT: Final = 2048
_PIECE: Final = 65536

# What git needs of the environment. All else of git's own (GIT_DIR, GIT_INDEX_FILE, …) was meant
# for whoever started this program, a hook for one.
_KEPT: Final = frozenset(
    {"HOME", "XDG_CONFIG_HOME", "TMPDIR", "LD_LIBRARY_PATH", "DEVELOPER_DIR", "SUDO_UID"}
)
# Where the user's configuration lies; continuous integration puts safe.directory there.
_KEPT_PREFIX: Final = "GIT_CONFIG_"
_SET: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "",
    # A partial clone fetches what it lacks while it compares: with no transport it cannot, not
    # even where its configuration allows one by name.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_OVERRULED: Final = (
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.askPass=",
    "credential.helper=",
    "diff.external=",
    "diff.submodule=short",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
)
_FILTER: Final = re.compile(r"filter\.(.*)\.[a-z]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What git said."""

    status: int
    out: bytes
    complaint: str

    @property
    def text(self) -> str:
        """The output as text, whatever bytes it was."""
        return self.out.decode("utf-8", "replace")


class GitFailed(Exception):
    """git gave no answer that can be used; says why in one sentence."""


class TooMuch(GitFailed):
    """The answer is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Git:
    """The program, and what it may see of the environment."""

    program: str
    environment: Mapping[str, str]

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> Git | None:
        """git as it is installed; None where it is not.

        Relative folders of PATH are left out: they would be looked up in the repository.
        """
        places = environment.get("PATH", os.defpath).split(os.pathsep)
        path = os.pathsep.join(place for place in places if Path(place).is_absolute())
        program = shutil.which("git", path=path)
        if program is None:
            return None
        kept = {
            name: value
            for name, value in environment.items()
            if name in _KEPT or name.startswith(_KEPT_PREFIX)
        }
        return cls(program, {**kept, "PATH": path, **_SET})

    def ask(
        self,
        folder: Path,
        *question: str,
        without: Sequence[str] = (),
        work_tree: Path | None = None,
        limit: int = MOST_OUTPUT,
    ) -> Answer:
        """What git answers in a folder; filters of the names in ``without`` do not run.

        Nothing above the folder counts as its repository.

        Raises:
            TooMuch: the answer is larger than the limit.
            GitFailed: git cannot be started, or does not answer in time.
        """
        if os.pathsep in str(folder):
            # Of a list of paths it would be two, and git would go on to the folders above.
            raise GitFailed("git cannot be kept to a folder with a colon in its path")
        overruled = [*_OVERRULED, *(text for name in without for text in _no_filter(name))]
        options = [part for text in overruled for part in ("-c", text)]
        environment = {**self.environment, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
        if work_tree is not None:
            # Whatever core.worktree says: the files of another folder are nobody's business.
            environment["GIT_WORK_TREE"] = str(work_tree)
        command = [self.program, "--no-pager", *options, *question]
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except (OSError, ValueError) as error:
            raise GitFailed(f"git cannot be started: {error}") from error
        return _answer(process, limit)


def _no_filter(name: str) -> Iterator[str]:
    """An empty command is none; a filter that is required would fail without one."""
    for setting in ("clean=", "smudge=", "process=", "required=false"):
        yield f"filter.{name}.{setting}"


def _answer(process: subprocess.Popen[bytes], limit: int) -> Answer:
    try:
        out, complaint = _read(process, limit)
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise GitFailed(f"git did not answer within {PATIENCE:g} seconds") from error
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
    return Answer(status, out, complaint.decode("utf-8", "replace"))


def _read(process: subprocess.Popen[bytes], limit: int) -> tuple[bytes, bytes]:
    """Both streams, as far as they may grow, before time is up."""
    assert process.stdout
    assert process.stderr
    until = time.monotonic() + PATIENCE
    out, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, out)
        waiting.register(process.stderr, selectors.EVENT_READ, complaint)
        while waiting.get_map():
            ready = waiting.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired("git", PATIENCE)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    waiting.unregister(key.fileobj)
                elif key.data is out:
                    out += piece
                    if len(out) > limit:
                        raise TooMuch(f"git's answer is larger than {limit:,} bytes")
                else:
                    complaint += piece[: _MOST_COMPLAINT - len(complaint)]
    return bytes(out), bytes(complaint)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every setting that holds in a place, the last of each name winning."""

    values: Mapping[str, tuple[str, ...]]
    # Every setting's name, also of those that do not count.
    names: frozenset[str] = frozenset()
    # Whether the repository includes settings from other files.
    includes: bool = False

    def last(self, name: str) -> str | None:
        """What holds for a name."""
        return self.values[name][-1] if name in self.values else None

    def first(self, name: str) -> str | None:
        """The first of several: a remote is fetched from its first address."""
        return self.values[name][0] if name in self.values else None

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of all filters that are defined."""
        found = (_FILTER.fullmatch(name) for name in sorted(self.names))
        return tuple(dict.fromkeys(match[1] for match in found if match))

    @property
    def remotes(self) -> tuple[str, ...]:
        """The names of all remotes with an address."""
        return tuple(
            name.removeprefix("remote.").removesuffix(".url")
            for name in self.values
            if name.startswith("remote.") and name.endswith(".url")
        )


def configuration(git: Git, folder: Path, own: Collection[Path] = ()) -> Configuration:
    """The settings that hold in a folder: the system's, the user's and the repository's.

    ``own`` are the files of the repository's configuration. What they include from others does
    not count: it may be the address of another repository, or another person's name.

    Raises:
        GitFailed: git cannot read them.
    """
    answer = git.ask(folder, "config", "--list", "--show-origin", "-z")
    if answer.status:
        raise GitFailed(reason(answer))
    values: dict[str, list[str]] = {}
    names: set[str] = set()
    known: dict[str, bool] = {}
    of_repository = includes = False
    words = os.fsdecode(answer.out).split("\0")
    for origin, entry in zip(words[::2], words[1::2], strict=False):
        name, _, value = _readable(entry).partition("\n")
        if origin not in known:
            known[origin] = _is_one_of(own, folder, origin)
        # The repository's come after the system's and the user's, and before those given here.
        of_repository = of_repository or known[origin]
        names.add(name)
        if known[origin] or not of_repository or not origin.startswith("file:"):
            values.setdefault(name, []).append(value)
        else:
            includes = True
    counted = {name: tuple(found) for name, found in values.items()}
    return Configuration(counted, frozenset(names), includes)


def _is_one_of(own: Collection[Path], folder: Path, origin: str) -> bool:
    if not own or not origin.startswith("file:"):
        return False
    path = folder / origin.removeprefix("file:")
    return path in own or path.resolve() in own


def _readable(entry: str) -> str:
    return os.fsencode(entry).decode("utf-8", "replace")


def reason(answer: Answer) -> str:
    """Why git refused, in a few words that name no folder of this machine."""
    complaint = answer.complaint
    if "dubious ownership" in complaint or "unsafe repository" in complaint:
        return "git does not trust the folder: it belongs to another user (see safe.directory)"
    if "bad config" in complaint or "bad numeric config" in complaint:
        return "git cannot read the repository's configuration"
    if "not a git repository" in complaint:
        return "git does not know the folder as a repository: it is damaged"
    return "git cannot read the repository: it may be damaged"
