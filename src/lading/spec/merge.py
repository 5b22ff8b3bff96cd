"""What is said of a version, laid over what is known of it already.

Fields of a document as plain JSON values. What somebody gives wins over what was found out, and
over what an existing version says; lists whose entries have an identity of their own keep the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Objects that are merged field by field, named by their path; any other value is taken whole.
_MERGED: Final = frozenset(
    {
        "",
        *("tags", "params", "framework", "input_example"),
        *("lineage", "environment", "card", "governance"),
    }
)
# Lists, and what tells their entries apart.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("name", "split", "dataset", "group"),
    "lineage.parents": ("reference",),
    "lineage.datasets": ("name", "uri", "split"),
    "lineage.runs": ("tracker", "id"),
}

_Object = Mapping[str, object]


def laid_over(given: _Object, known: _Object) -> dict[str, object]:
    """The known fields with the given ones over them; the order of the known ones stays.

    Laying the result over again changes nothing, so that pushing the same twice is the same.
    """
    return _objects(given, known, "")


def _laid(given: object, known: object, path: str) -> object:
    if path in _KEYS and isinstance(given, list):
        return _lists(given, known if isinstance(known, list) else [], _KEYS[path])
    if path in _MERGED and isinstance(given, Mapping):
        return _objects(given, known if isinstance(known, Mapping) else {}, path)
    return given


def _objects(given: _Object, known: _Object, path: str) -> dict[str, object]:
    merged = dict(known)
    for name, value in given.items():
        below = f"{path}.{name}" if path else name
        merged[name] = _laid(value, known.get(name), below)
    return merged


def _lists(given: list[object], known: list[object], names: tuple[str, ...]) -> list[object]:
    merged = {_key(entry, names): entry for entry in known}
    for entry in given:
        key = _key(entry, names)
        before = merged.get(key)
        both = isinstance(entry, Mapping) and isinstance(before, Mapping)
        merged[key] = {**before, **entry} if both else entry  # type: ignore[dict-item]  # both are
    return list(merged.values())


def _key(entry: object, names: tuple[str, ...]) -> str:
    values = [entry.get(name) for name in names] if isinstance(entry, Mapping) else [entry]
    return repr(values)
