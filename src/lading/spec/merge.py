"""What is said of a version, laid over what is known of it already.

Fields of a document as plain JSON values. What somebody gives wins over what was found out, and
over what an existing version says; lists whose entries have an identity of their own keep the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# Objects that are merged field by field, named by their path; any other value is taken whole.
_MERGED: Final = frozenset(
    {
        "",
        *("tags", "params", "framework", "input_example"),
        *("lineage", "environment", "card", "governance"),
    }
)


class _Names(NamedTuple):
    """What tells the entries of a list apart, and what may be left out where one thing fits."""

    own: tuple[str, ...]
    further: tuple[str, ...] = ()


_KEYS: Final[Mapping[str, _Names]] = {
    "metrics": _Names(("name", "split"), ("dataset", "group")),
    "lineage.parents": _Names(("reference",)),
    "lineage.datasets": _Names(("name", "uri", "split")),
    "lineage.runs": _Names(("tracker", "id")),
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


def _lists(given: list[object], known: list[object], names: _Names) -> list[object]:
    merged = {_key(entry, names): entry for entry in known}
    loose = _loose(given, known, names)
    for entry in given:
        key = _key(entry, names)
        key = loose.get(key, key)
        before = merged.get(key)
        both = isinstance(entry, Mapping) and isinstance(before, Mapping)
        merged[key] = {**before, **entry} if both else entry  # type: ignore[dict-item]  # both are
    return list(merged.values())


def _loose(given: list[object], known: list[object], names: _Names) -> dict[str, str]:
    """The keys of entries that say less of themselves than the one known thing that they mean.

    ``auc@test=0.93`` is about the metric that a model card names with its dataset, too; not where
    two such are known, or where the same call names one of them.
    """
    own = _Names(names.own)
    exact = [_key(entry, own) for entry in given if not _is_loose(entry, names)]
    there: dict[str, set[str]] = {}
    for entry in known:
        there.setdefault(_key(entry, own), set()).add(_key(entry, names))
    found = {}
    for entry in given:
        fitting = there.get(_key(entry, own), set())
        if _is_loose(entry, names) and len(fitting) == 1 and _key(entry, own) not in exact:
            found[_key(entry, names)] = next(iter(fitting))
    return found


def _is_loose(entry: object, names: _Names) -> bool:
    return isinstance(entry, Mapping) and all(entry.get(name) is None for name in names.further)


def _key(entry: object, names: _Names) -> str:
    told = (*names.own, *names.further)
    values = [entry.get(name) for name in told] if isinstance(entry, Mapping) else [entry]
    return repr(values)
