"""What is left out of a version: the defaults, and what ``.ladingignore`` says in git's syntax.

Only the ``.ladingignore`` at the root counts; one deeper down is a file like any other.
``!PATTERN`` brings back what a default or an earlier line leaves out. As in git, nothing below
an ignored folder can be brought back: it is not looked into. Unlike in git, ``?`` and ``[…]``
stand for a character and not for a byte.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput, LocalFailure
from lading.packing.names import PULL_FOLDERS

IGNORE_FILE: Final = ".ladingignore"
# Where a person says what the model is; what it says is in the document.
DECLARATION_FILES: Final = ("lading.yaml", "lading.yml")
# At the root of a folder these speak to Lading, and are no part of the model.
OWN_FILES: Final = frozenset({IGNORE_FILE, *DECLARATION_FILES})

DEFAULTS: Final = (
    # version control
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    "CVS",
    # what programs can make again
    "__pycache__",
    "*.py[cod]",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".venv",
    ".huggingface",
    "/.cache/huggingface",
    *PULL_FOLDERS,
    # editors and desktops
    ".idea",
    ".vscode",
    "*.swp",
    "*.swo",
    "*~",
    ".#*",
    ".DS_Store",
    "._*",
    ".Spotlight-V100",
    ".Trashes",
    ".Trash-*",
    "Thumbs.db",
    "desktop.ini",
    "lost+found",
)

Ignored = Callable[[str, bool], bool]
"""Whether a path is left out; the second argument says whether it is a folder.

To be asked from the root down: what is below an ignored folder is not asked for.
"""

# Put after a folder's path: no name and no wildcard holds it.
_FOLDER: Final = "\0"
_ANY: Final = "[^\0]"
_IN_NAME: Final = "[^/\0]"

_LARGEST: Final = 1024 * 1024
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def rules(folder: Path) -> Ignored:
    """What is left out of a folder.

    Raises:
        InvalidInput: its ``.ladingignore`` is no text.
        LocalFailure: it cannot be read.
    """
    return matcher([*DEFAULTS, *_lines(folder / IGNORE_FILE)])


def matcher(lines: Iterable[str]) -> Ignored:
    """What some lines of patterns leave out; the last pattern that fits decides."""
    patterns = filter(None, map(_parse, lines))
    runs = [_Run(kept, tuple(run)) for kept, run in groupby(patterns, lambda pattern: pattern.kept)]
    runs.reverse()

    def ignored(path: str, is_folder: bool) -> bool:
        text = path + _FOLDER if is_folder else path
        return next((not run.kept for run in runs if run.fits(path, text)), False)

    return ignored


def _lines(path: Path) -> list[str]:
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidInput(f"{path} is not a file")
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise InvalidInput(f"{path} is larger than 1 MiB")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8", cause=str(error)) from error


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A line: what brings back is ``kept``; a path is matched from the root, a name anywhere."""

    glob: str
    kept: bool
    for_folders: bool
    is_path: bool

    @property
    def is_plain(self) -> bool:
        return not (self.is_path or self.for_folders or set(self.glob) & set("*?[\\"))

    @property
    def expression(self) -> str:
        try:
            body = "".join(_pieces(self.glob.removeprefix("/"), self.is_path))
        except _NeverFits:
            return "(?!)"
        return body + (_FOLDER if self.for_folders else _FOLDER + "?")


def _parse(line: str) -> _Pattern | None:
    if line.startswith("#"):
        return None
    glob = _without_spaces(line)
    kept = glob.startswith("!")
    glob = glob[1:] if kept else glob
    for_folders = glob.endswith("/")
    glob = glob[:-1] if for_folders else glob
    return _Pattern(glob, kept, for_folders, "/" in glob) if glob else None


def _without_spaces(line: str) -> str:
    """A line without the spaces at its end, but for one that has a backslash before it."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and bare != line else bare


@dataclass(frozen=True)
class _Run:
    """Patterns in a row that all leave out, or all bring back: their order does not matter."""

    kept: bool
    patterns: tuple[_Pattern, ...]

    def fits(self, path: str, text: str) -> bool:
        """Whether any fits; ``text`` is the path, marked if it is a folder's."""
        name = path.rpartition("/")[2]
        return (
            name in self._plain
            or self._names.fullmatch(name + text[len(path) :]) is not None
            or self._paths.fullmatch(text) is not None
        )

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(pattern.glob for pattern in self.patterns if pattern.is_plain)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return _any(p for p in self.patterns if not p.is_path and not p.is_plain)

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        return _any(p for p in self.patterns if p.is_path)


def _any(patterns: Iterable[_Pattern]) -> re.Pattern[str]:
    return re.compile("|".join(pattern.expression for pattern in patterns) or "(?!)", re.DOTALL)


class _NeverFits(Exception):  # a glob that is cut off in the middle; git, too, ignores it
    """No name fits this glob."""


_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN: Final = re.compile(
    r"""
    \\(?P<escaped>.)
    | (?P<stars>\*+)
    | (?P<any>\?)
    | \[(?P<not>[!^]?)(?P<set>\]?(?:\\.|\[:\w*:\]|[^\]\\])*+)\]
    | (?P<broken>[\[\\])
    | (?P<plain>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_SET: Final = re.compile(
    r"\[:(?P<class>\w*):\]|(?P<first>\\.|.)(?:-(?P<last>\\.|[^\]]))?", re.DOTALL
)


def _pieces(glob: str, is_path: bool) -> Iterator[str]:
    """A glob as parts of a regular expression.

    Raises:
        _NeverFits: it is cut off, or names no class of characters.
    """
    position = 0
    while position < len(glob):
        token = _TOKEN.match(glob, position)
        assert token is not None  # one of its last two branches fits anything
        start, position = token.span()
        if token["broken"]:
            raise _NeverFits
        if token["stars"]:
            begins = start == 0 or glob[start - 1] == "/"
            if (
                is_path
                and len(token["stars"]) > 1
                and begins
                and glob[position : position + 1] == "/"
            ):
                yield f"(?:{_ANY}*/)?"
                position += 1
            elif is_path and len(token["stars"]) > 1 and begins and position == len(glob):
                yield f"{_ANY}*"
            else:
                yield f"{_IN_NAME}*"
        elif token["any"]:
            yield _IN_NAME
        elif token["set"] is not None:
            yield _set(token["not"], token["set"])
        else:
            yield re.escape(token["escaped"] or token["plain"])


def _set(negation: str, text: str) -> str:
    ranges = "".join(map(_range, _IN_SET.finditer(text)))
    if not ranges:
        return _IN_NAME if negation else "(?!)"
    return f"(?={_IN_NAME})[{'^' if negation else ''}{ranges}]"


def _range(part: re.Match[str]) -> str:
    if (name := part["class"]) is not None:
        if name not in _CLASSES:
            raise _NeverFits
        return _CLASSES[name]
    first = part["first"][-1]
    last = part["last"][-1] if part["last"] else first
    # Of a range that is the wrong way round git takes the first character.
    return re.escape(first) if last < first else f"{re.escape(first)}-{re.escape(last)}"
