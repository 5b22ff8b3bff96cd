"""Values in the text of systemd's units: read with their places, and changed where they stand.

As :mod:`lading.deploy.edit` does it for YAML: what is not changed keeps its bytes. What is read
here was written by anybody, and is bounded; a value that goes on in another line is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lading.deploy.edit import Path
from lading.errors import InvalidInput

_LONGEST: Final = 256 * 1024
_SECTION: Final = re.compile(r"\[([A-Za-z0-9-]{1,64})\]", re.ASCII)
_ENTRY: Final = re.compile(r"([A-Za-z0-9-]{1,64})[ \t]*=[ \t]*(.*)", re.ASCII)
# NAME=VALUE, or "NAME=VALUE" where there is a space in it.
_NAMED: Final = re.compile(r'"?([A-Za-z0-9_./-]{1,256})=(.*)', re.ASCII)
# Keys with a value for each name: a line gives one.
_KEYS_OF_NAMES: Final = frozenset({"Label", "Environment"})


@dataclass(frozen=True, slots=True)
class _Line:
    """A value, where it stands, and its whole line."""

    value: str
    start: int
    line_start: int
    line_end: int


@dataclass(frozen=True, slots=True)
class UnitText:
    """A unit's file, with the place of each value: SECTION, KEY, and a name or a number."""

    raw: str
    lines: Mapping[Path, _Line]

    @classmethod
    def parse(cls, raw: str) -> UnitText:
        """The values in a text.

        Raises:
            InvalidInput: it is no unit, too large, or says something twice.
        """
        if len(raw) > _LONGEST:
            raise InvalidInput("the file is larger than units are", cause=f"{len(raw)} characters")
        lines: dict[Path, _Line] = {}
        for path, line in _entries(raw):
            where = path if isinstance(path[-1], str) else _numbered(path, lines)
            if where in lines:
                raise InvalidInput(f"the file says {_shown(where)} twice")
            lines[where] = line
        return cls(raw, lines)

    def values(self) -> dict[Path, str]:
        """Each value by its place."""
        return {path: line.value for path, line in self.lines.items()}

    def changed(self, wanted: Mapping[Path, str | None]) -> str:
        """The text with other values: those that are None are removed, new ones stand last.

        Raises:
            InvalidInput: there is no place for a value.
        """
        pieces = [self._piece(path, value) for path, value in wanted.items()]
        made = self.raw
        # From the end, so that places before it stay what they are.
        numbered = enumerate(piece for piece in pieces if piece is not None)
        for _, (start, end, text) in sorted(
            numbered, key=lambda each: (each[1][0], each[0]), reverse=True
        ):
            made = made[:start] + text + made[end:]
        return made

    def _piece(self, path: Path, value: str | None) -> tuple[int, int, str] | None:
        line = self.lines.get(path)
        if value is None:
            return None if line is None else (line.line_start, line.line_end, "")
        if not value.isprintable() or not value.isascii():
            raise InvalidInput(f"{_shown(path)} cannot become {value[:80]!r}")
        if line is not None:
            return line.start, line.start + len(line.value), value
        beside = [other for where, other in self.lines.items() if where[:-1] == path[:-1]]
        if not beside:
            raise InvalidInput(f"there is no place for {_shown(path)}")
        at = max(other.line_end for other in beside)
        begin = "" if self.raw[:at].endswith("\n") else "\n"
        return at, at, f"{begin}{path[1]}={path[2]}={value}\n"


def _entries(raw: str) -> Iterator[tuple[Path, _Line]]:
    section, at = None, 0
    for number, whole in enumerate(raw.splitlines(keepends=True), 1):
        begin, at = at, at + len(whole)
        text = whole.strip()
        if not text or text[0] in "#;":
            continue
        if match := _SECTION.fullmatch(text):
            section = match[1]
            continue
        entry = _ENTRY.fullmatch(text)
        if entry is None or section is None or text.endswith("\\"):
            raise InvalidInput(
                "the file is no unit that is read here",
                cause=f"line {number}",
                hint="write each KEY=VALUE in one line, below its [Section]",
            )
        key, value = entry[1], entry[2]
        start = begin + whole.index(text) + entry.start(2)
        path: Path = (section, key, 0)
        if key in _KEYS_OF_NAMES and (named := _NAMED.fullmatch(value)):
            path, start = (section, key, named[1]), start + named.start(2)
            value = named[2].removesuffix('"') if value.startswith('"') else named[2]
        yield path, _Line(value, start, begin, at)


def _numbered(path: Path, lines: Mapping[Path, _Line]) -> Path:
    count = sum(where[:2] == path[:2] and isinstance(where[2], int) for where in lines)
    return (*path[:2], count)


def _shown(path: Path) -> str:
    return ".".join(map(str, path))[:200]
