"""A skops file with nothing in it but the model: saved twice, it is the same bytes twice.

skops writes the time into its archive, and names every part by where it lay in memory. A version
that is saved again would be other content every time.
"""

from __future__ import annotations

import json
from pathlib import Path
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
        names = {name: _renamed(name, numbers) for name in written.namelist()}
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


def _renamed(name: str, numbers: dict[int, int]) -> str:
    """A member that is named by the address of its part, by the part's number."""
    stem, dot, ending = name.partition(".")
    number = numbers.get(int(stem)) if stem.isdecimal() else None
    return f"{number:06}{dot}{ending}" if number is not None else name


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
