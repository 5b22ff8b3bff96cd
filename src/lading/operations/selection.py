"""Which files of a version are wanted: ``--include`` and ``--exclude``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Selection:
    """Globs over paths as git writes them: ``*`` stays in a folder, ``**`` does not.

    A glob without a slash is meant for names in any folder, and a folder's name for all in it.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    def __call__(self, path: str) -> bool:
        """Whether this file is wanted."""
        wanted, unwanted = self._patterns
        return (wanted is None or wanted(path)) and not (unwanted and unwanted(path))

    @property
    def key(self) -> str | None:
        """A name for this selection; None where everything is wanted."""
        if not self:
            return None
        text = "\0".join((*sorted(self.include), "\1", *sorted(self.exclude)))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def _patterns(self) -> tuple[_Matcher | None, _Matcher | None]:
        return (
            _Matcher(self.include) if self.include else None,
            _Matcher(self.exclude) if self.exclude else None,
        )


class _Matcher:
    def __init__(self, globs: Iterable[str]) -> None:
        self._pattern = re.compile("|".join(map(_expression, globs)))

    def __call__(self, path: str) -> bool:
        return self._pattern.fullmatch(path) is not None


def _expression(glob: str) -> str:
    """A glob as a regular expression over whole paths."""
    glob = glob.removeprefix("./").rstrip("/")
    anywhere = "" if "/" in glob else "(?:.*/)?"
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]/]+\])", glob.removeprefix("/"))
    return f"{anywhere}{''.join(map(_piece, pieces))}(?:/.*)?"


def _piece(piece: str) -> str:
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in fixed:
        return fixed[piece]
    if piece.startswith("[") and piece.endswith("]"):
        inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(piece)
