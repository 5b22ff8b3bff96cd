"""Values in the text of YAML: read with their places, and changed where they stand.

Whatever is not changed keeps its bytes: comments, order, quotes, line ends. What is read here was
written by anybody: its size and depth are bounded, and of YAML only what documents need is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.deploy.text import plain
from lading.errors import InvalidInput

# The number of a document, then keys and places in lists.
Path = tuple[int | str, ...]

_LONGEST: Final = 256 * 1024
_DEEPEST: Final = 48


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A value, and where it stands."""

    value: str
    start: int
    end: int
    # ``"``, ``'``, or None where it stands without; ``|`` and ``>`` begin texts of several lines.
    style: str | None


@dataclass(frozen=True, slots=True)
class _Mapping:
    """Where entries of a mapping stand; of one in braces nothing is added or removed."""

    column: int
    in_braces: bool
    # Where each key begins.
    keys: dict[str, int]


@dataclass(frozen=True, slots=True)
class Text:
    """Documents of YAML, with the place of each value."""

    raw: str
    scalars: Mapping[Path, _Scalar]
    mappings: Mapping[Path, _Mapping]

    @classmethod
    def parse(cls, raw: str) -> Text:
        """The documents in a text.

        Raises:
            InvalidInput: it is no YAML, too large, or has what no such document needs.
        """
        scalars: dict[Path, _Scalar] = {}
        mappings: dict[Path, _Mapping] = {}
        for number, root in enumerate(_nodes(raw)):
            _place(root, (number,), scalars, mappings)
        return cls(raw, scalars, mappings)

    def values(self) -> dict[Path, str]:
        """Each value by its place."""
        return {path: scalar.value for path, scalar in self.scalars.items()}

    def changed(self, wanted: Mapping[Path, str | None]) -> str:
        """The text with other values: those that are None are removed, new ones stand last.

        Raises:
            InvalidInput: a value stands where it cannot be changed by itself.
        """
        pieces = [piece for path, value in wanted.items() for piece in self._piece(path, value)]
        made = self.raw
        # From the end, so that places before it stay what they are; of those that are added at one
        # place the last is put in first.
        numbered = sorted(enumerate(pieces), key=lambda each: (each[1][0], each[0]), reverse=True)
        for _, (start, end, text) in numbered:
            made = made[:start] + text + made[end:]
        return made

    def _piece(self, path: Path, value: str | None) -> Iterator[tuple[int, int, str]]:
        scalar = self.scalars.get(path)
        if value is None:
            if scalar is not None:
                yield self._removed(path, scalar)
        elif scalar is None:
            yield self._added(path, value)
        elif scalar.value != value:
            yield scalar.start, scalar.end, _written(value, scalar.style, path)

    def _removed(self, path: Path, scalar: _Scalar) -> tuple[int, int, str]:
        """The line of an entry, with its end."""
        mapping = self._editable(path)
        if len(mapping.keys) == 1:
            raise InvalidInput(f"nothing would be left beside {_shown(path)}")
        start = self.raw.rfind("\n", 0, mapping.keys[str(path[-1])]) + 1
        return start, self._line_end(scalar.end), ""

    def _added(self, path: Path, value: str) -> tuple[int, int, str]:
        """A line after the last value of the same mapping."""
        mapping = self._editable(path)
        beside = [self.scalars.get((*path[:-1], key)) for key in mapping.keys]
        ends = [scalar.end for scalar in beside if scalar is not None]
        if len(ends) != len(beside) or not ends:
            raise InvalidInput(f"there is no place for {_shown(path)}")
        at = self._line_end(max(ends))
        end = "\r\n" if self.raw[:at].endswith("\r\n") else "\n"
        line = f"{' ' * mapping.column}{path[-1]}: {_written(value, None, path)}{end}"
        return at, at, line if self.raw[:at].endswith("\n") else f"{end}{line.removesuffix(end)}"

    def _editable(self, path: Path) -> _Mapping:
        mapping = self.mappings.get(path[:-1])
        if mapping is None or mapping.in_braces:
            raise InvalidInput(
                f"{_shown(path)} cannot be changed by itself",
                cause="it is not in a mapping with a line for each entry",
            )
        return mapping

    def _line_end(self, at: int) -> int:
        """Where the next line begins."""
        end = self.raw.find("\n", at)
        return len(self.raw) if end < 0 else end + 1


def _written(value: str, style: str | None, path: Path) -> str:
    """A value as it stood before: in the same quotes, or in some where it must have them."""
    if style in ("|", ">"):
        raise InvalidInput(
            f"{_shown(path)} is a text of several lines", hint="write it in one line"
        )
    if not value.isprintable() or not value.isascii():
        raise InvalidInput(f"{_shown(path)} cannot become {value[:80]!r}")
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not plain(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


def _shown(path: Path) -> str:
    return ".".join(map(str, path[1:]))[:200] or "the document"


# Reading


def _nodes(raw: str) -> Iterator[Any]:
    import yaml

    if len(raw) > _LONGEST:
        raise InvalidInput("the file is larger than documents are", cause=f"{len(raw)} characters")
    try:
        _demand_simple(yaml.parse(raw, Loader=yaml.SafeLoader))
        yield from yaml.compose_all(raw, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InvalidInput("the file is no YAML", cause=str(error)[:300]) from error


def load(raw: str) -> tuple[Any, ...]:
    """The documents in a text as plain data, each value in one place.

    Raises:
        InvalidInput: as :meth:`Text.parse`.
    """
    import yaml

    Text.parse(raw)
    try:
        return tuple(yaml.safe_load_all(raw))
    except (yaml.YAMLError, ValueError) as error:  # 2026-02-30 is a date, and none
        raise InvalidInput("the file is no YAML", cause=str(error)[:300]) from error


def _demand_simple(events: Iterator[Any]) -> None:
    """Refuse what could stand for more than is written, or for something else."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > _DEEPEST:
            raise InvalidInput("the file is nested deeper than documents are")
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise InvalidInput(
                "the file has anchors, aliases or tags",
                cause=f"line {event.start_mark.line + 1}",
                hint="write values where they belong",
            )


def _place(
    node: Any, path: Path, scalars: dict[Path, _Scalar], mappings: dict[Path, _Mapping]
) -> None:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        start, end = node.start_mark.index, node.end_mark.index
        scalars[path] = _Scalar(node.value, start, end, node.style or None)
    elif isinstance(node, yaml.SequenceNode):
        for number, part in enumerate(node.value):
            _place(part, (*path, number), scalars, mappings)
    elif isinstance(node, yaml.MappingNode):
        keys: dict[str, int] = {}
        for key, part in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in keys:
                raise InvalidInput(
                    "the file has a key twice, or one that is no word",
                    cause=f"line {key.start_mark.line + 1}",
                )
            keys[key.value] = key.start_mark.index
            _place(part, (*path, key.value), scalars, mappings)
        column = node.start_mark.column
        mappings[path] = _Mapping(column, bool(node.flow_style), keys)
