"""A skops file with nothing in it but the model: saved twice, it is the same bytes twice.

skops writes the time into its archive, names every part by where it lay in memory, and a file of
bytes by chance. A version that is saved again would be other content every time.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_SCHEMA: Final = "schema.json"
_IDENTITY: Final = "__id__"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def settle(path: Path) -> None:
    """Rewrite a skops file without times and addresses; what it loads as is the same."""
    settled = path.with_name(path.name + ".settled")
    with ZipFile(path) as written, ZipFile(settled, "w", ZIP_STORED) as target:
        schema = json.loads(written.read(_SCHEMA))
        numbers = _numbered(schema)
        names = _named(schema, written.namelist(), numbers)
        _rename(schema, numbers, names)
        for name in sorted(names, key=lambda each: names[each]):
            raw = json.dumps(schema, indent=2).encode() if name == _SCHEMA else written.read(name)
            target.writestr(ZipInfo(names[name], _EPOCH), raw)
    settled.replace(path)


def _numbered(schema: Any) -> dict[int, int]:
    """A number for each address, in the order in which they are met."""
    numbers: dict[int, int] = {}
    for node in _nodes(schema):
        if isinstance(address := node.get(_IDENTITY), int):
            numbers.setdefault(address, len(numbers) + 1)
    return numbers


def _named(schema: Any, members: list[str], numbers: dict[int, int]) -> dict[str, str]:
    """What members are called: each by the number of the part that it belongs to."""
    names = {_SCHEMA: _SCHEMA}
    taken: Counter[int] = Counter()
    for node in _nodes(schema):
        address, file = node.get(_IDENTITY), node.get("file")
        if not isinstance(address, int) or not isinstance(file, str) or file in names:
            continue
        # The same bytes in two places are one part, but two files.
        number = numbers[address]
        again = f"-{taken[number]}" if taken[number] else ""
        taken[number] += 1
        names[file] = f"{number:06}{again}{PurePosixPath(file).suffix}"
    return {name: names.get(name, name) for name in members}


def _rename(schema: Any, numbers: dict[int, int], names: dict[str, str]) -> None:
    for node in _nodes(schema):
        if isinstance(address := node.get(_IDENTITY), int):
            node[_IDENTITY] = numbers[address]
        if isinstance(file := node.get("file"), str):
            node["file"] = names.get(file, file)


def _nodes(schema: Any) -> list[dict[str, Any]]:
    """Every object of a tree, in the order of the text; without recursion, for deep trees."""
    found: list[dict[str, Any]] = []
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.append(value)
            waiting += reversed(list(value.values()))
        elif isinstance(value, list):
            waiting += reversed(value)
    return found
