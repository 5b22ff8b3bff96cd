"""``uv.lock``: the packages that the project itself needs, with the markers on the way to them.

Groups for development and extras that nobody asked for are not followed. The file is read as it
is; uv is not asked.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from lading.capture.lock import parsing
from lading.capture.lock.locked import (
    Archive,
    Directory,
    Locked,
    LockedFile,
    Package,
    Vcs,
    in_order,
)
from lading.capture.lock.markers import ALWAYS, NEVER, Condition, both, either, parsed, written
from lading.capture.lock.parsing import Table, table, tables, text, texts, wrong
from lading.spec.packages import normalised

# Every step makes some package more needed than it was; honest locks take a few for each edge.
_MOST_STEPS: Final = 500_000

# A package, and the extra of it that is meant; None for the package itself.
_Node = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class _Graph:
    """The entries of a lock, and which of them have a name."""

    entries: list[Table]
    what: str
    named: Mapping[str, list[int]] = field(default_factory=dict)

    def edges(self, node: _Node) -> Iterator[tuple[_Node, str | None]]:
        at, extra = node
        entry = self.entries[at]
        found = entry.get("dependencies")
        if extra is not None:
            found = table(entry.get("optional-dependencies")).get(extra)
        for edge in tables(found, self.what):
            marker = self.marker(edge.get("marker"))
            extras = texts(edge.get("extra"))
            for target in self.targets(edge):
                yield (target, None), marker
                yield from (((target, each), marker) for each in extras)

    def targets(self, edge: Table) -> list[int]:
        name = parsing.name(edge.get("name"), self.what)
        found = [
            at
            for at in self.named.get(name, ())
            if all(
                edge.get(key) in (None, self.entries[at].get(key)) for key in ("version", "source")
            )
        ]
        if not found:
            raise wrong(self.what, f"it needs {name} and does not have it")
        return found

    def marker(self, value: object) -> str | None:
        if value is None:
            return None
        marker = text(value)
        if marker is None:
            raise wrong(self.what, "a marker is no line of text")
        if "extra " in marker:
            raise wrong(self.what, "extras of its project exclude each other")
        return str(parsed(marker, self.what))


def read(raw: bytes, what: str) -> Locked:
    """What a ``uv.lock`` says that its project needs.

    Raises:
        InvalidInput: it is no such lock, or none that can be followed.
    """
    value = parsing.toml(raw, what)
    if value.get("version") != 1:
        raise wrong(what, f"its format is {str(value.get('version'))[:20]!r}, known is 1")
    graph = _graph(tables(value.get("package"), what), what)
    roots = _roots(graph, texts(table(value.get("manifest")).get("members")))
    needed = _needed(graph, roots)
    packages = [
        package
        for at, condition in needed.items()
        if at not in roots and (package := _package(graph, at, condition)) is not None
    ]
    return Locked(
        packages=in_order(packages),
        requires_python=parsing.specifiers(value.get("requires-python"), what),
        environments=tuple(
            str(parsed(marker, what)) for marker in texts(value.get("supported-markers"))
        ),
    )


def _graph(entries: list[dict[str, object]], what: str) -> _Graph:
    named: dict[str, list[int]] = defaultdict(list)
    for at, entry in enumerate(entries):
        named[parsing.name(entry.get("name"), what)].append(at)
    return _Graph(list(entries), what, named)


def _roots(graph: _Graph, members: tuple[str, ...]) -> frozenset[int]:
    """The project beside the lock; of a workspace without one, all its members."""
    sources = [table(entry.get("source")) for entry in graph.entries]
    here = [
        at
        for at, source in enumerate(sources)
        if "." in (source.get("editable"), source.get("virtual"), source.get("directory"))
    ]
    known = {normalised(member) for member in members}
    here = here or [at for name in known for at in graph.named.get(name, ())]
    if not here:
        raise wrong(graph.what, "no package in it is the project itself")
    return frozenset(here)


def _needed(graph: _Graph, roots: frozenset[int]) -> dict[int, Condition]:
    """Every package that is reached, and on which condition."""
    conditions: dict[_Node, Condition] = {(at, None): ALWAYS for at in roots}
    waiting: deque[_Node] = deque(conditions)
    steps = 0
    while waiting:
        node = waiting.popleft()
        for target, marker in graph.edges(node):
            steps += 1
            if steps > _MOST_STEPS:
                raise wrong(graph.what, "its packages need each other in too many ways")
            before = conditions.get(target, NEVER)
            after = either(before, both(conditions[node], marker))
            if after != before:
                conditions[target] = after
                waiting.append(target)
    return {at: condition for (at, extra), condition in conditions.items() if extra is None}


def _package(graph: _Graph, at: int, condition: Condition) -> Package | None:
    entry, what = graph.entries[at], graph.what
    source = table(entry.get("source"))
    if "virtual" in source:
        return None  # a name for others' needs; there is nothing to install
    name = parsing.name(entry.get("name"), what)
    stated = entry.get("version")
    release = parsing.version(stated, what) if stated is not None else None
    if len(graph.named[name]) > 1:
        condition = _within_fork(graph, entry, condition)
    origin = _origin(source, entry, what)
    registry = parsing.url(source.get("registry"))
    return Package(
        name=name,
        version=release,
        marker=written(condition),
        index=registry if registry and "://" in registry else None,
        files=() if origin else tuple(_files(name, release, entry, what)),
        origin=origin,
    )


def _within_fork(graph: _Graph, entry: Table, condition: Condition) -> Condition:
    """Where this one of several versions counts."""
    forks = [graph.marker(fork) for fork in texts(entry.get("resolution-markers"))]
    found = NEVER
    for fork in forks:
        found = either(found, both(condition, fork))
    return found or condition


def _files(name: str, release: str | None, entry: Table, what: str) -> Iterator[LockedFile]:
    for file in (table(entry.get("sdist")), *tables(entry.get("wheels"), what)):
        if file:
            yield parsing.file_of(name, release, file, parsing.hash_list(file.get("hash")), what)


def _origin(source: Table, entry: Table, what: str) -> Vcs | Directory | Archive | None:
    for kind in ("editable", "directory"):
        if path := text(source.get(kind)):
            return Directory(path, kind == "editable")
    if git := text(source.get("git")):
        return _git(git, what)
    address, path = parsing.url(source.get("url")), text(source.get("path"))
    if not address and not path:
        return None
    told = [table(entry.get("sdist")), *tables(entry.get("wheels"), what)]
    hashes = [found for each in told for found in parsing.hash_list(each.get("hash"))]
    return Archive(
        address,
        tuple(hashes[:1]),
        path,
        subdirectory=parsing.subdirectory(source.get("subdirectory")),
    )


def _git(address: str, what: str) -> Vcs:
    try:
        parts = urlsplit(address)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    except ValueError as error:
        raise wrong(what, f"{address[:80]!r} is no URL") from error
    commit, url = parsing.revision(parts.fragment), parsing.url(address)
    if not commit or not url:
        raise wrong(what, "a package from git has no commit")
    asked = query.get("rev") or query.get("tag") or query.get("branch")
    inside = parsing.subdirectory(query.get("subdirectory"))
    return Vcs("git", url, commit, parsing.revision(asked), inside)
