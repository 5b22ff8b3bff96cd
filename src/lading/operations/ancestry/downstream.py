"""From a version down to what was made from it: by reading what other versions say of themselves.

Nothing points downwards, so versions are looked through: those of the repositories that can be
listed, and of those that a person names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lading.errors import LadingError
from lading.operations import stores
from lading.operations.ancestry.lineage_graph import MOST_NODES, Graph, Seen, add_model
from lading.operations.open import open as open_version
from lading.spec.reference import Reference
from lading.spec.tags import image_of, is_own
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.operations.ancestry.result import LineageResult
    from lading.settings import Settings
    from lading.spec.lineage import Parent

_MOST_REPOSITORIES: Final = 500
_MOST_VERSIONS: Final = 5000


@dataclass(frozen=True, slots=True)
class _Version:
    """A version that was looked at, and what it is called."""

    place: Reference
    seen: Seen

    def is_parent_of(self, other: _Version) -> bool:
        """Whether another version says that it was made from this one."""
        return any(map(self.is_named_by, other.seen.parents))

    def is_named_by(self, parent: Parent) -> bool:
        """Whether this version is meant."""
        if parent.digest:
            return parent.digest in (self.seen.digest, self.seen.model_digest)
        # Without a digest only the name tells, with or without its registry.
        return parent.reference in (str(self.place), str(replace(self.place, host=None)))


def downstream(
    place: Reference, depth: int, within: Iterable[Reference], settings: Settings
) -> LineageResult:
    """The graph below a version."""
    graph = Graph()
    with open_version(place, settings=settings) as opened:
        root = _Version(place, Seen.of(opened))
    versions = _looked_through(place, within, graph, settings)
    waiting = deque([(root, add_model(graph, root.seen, str(place)), 1)])
    while waiting:
        version, above, step = waiting.popleft()
        for child in filter(version.is_parent_of, versions):
            if graph.is_full:
                graph.note(f"only the first {MOST_NODES} things are shown")
                return graph.result(str(place), root.seen.digest, "down")
            is_new = graph.known(child.seen.digest) is None
            below = add_model(graph, child.seen, str(child.place))
            if not graph.join(above, below, _relation(version, child)) or not is_new:
                continue
            if step < depth:
                waiting.append((child, below, step + 1))
            elif any(map(child.is_parent_of, versions)):
                graph.note(f"more was made from {child.place}, more than {depth} steps away")
    return graph.result(str(place), root.seen.digest, "down")


def _relation(parent: _Version, child: _Version) -> str:
    named = next(each for each in child.seen.parents if parent.is_named_by(each))
    return named.relation or "parent"


def _looked_through(
    place: Reference, within: Iterable[Reference], graph: Graph, settings: Settings
) -> tuple[_Version, ...]:
    """Every version of every repository that there is to look through, each digest once."""
    named = [place, *within]
    found: dict[str, _Version] = {}
    with ThreadPoolExecutor(settings.jobs) as pool:
        places = list(_tagged(_repositories(place, named, graph, settings), graph, settings))
        if len(places) > _MOST_VERSIONS:
            graph.note(f"only the first {_MOST_VERSIONS} of {len(places)} versions were looked at")
        for version in pool.map(lambda each: _look(each, settings), places[:_MOST_VERSIONS]):
            if isinstance(version, str):
                graph.note(version)
            else:
                found.setdefault(version.seen.digest, version)
    return tuple(found.values())


def _look(place: Reference, settings: Settings) -> _Version | str:
    """A version, or why it could not be read."""
    try:
        with open_version(place, settings=settings) as opened:
            return _Version(place, Seen.of(opened))
    except LadingError as error:
        return f"{place} was not looked at: {error}"


def _tagged(
    repositories: Iterable[Reference], graph: Graph, settings: Settings
) -> Iterator[Reference]:
    for repository in repositories:
        try:
            every = stores.open_store(repository, settings).names()
            names = [name for name in every if not (is_own(name) or image_of(name))]
        except LadingError as error:
            graph.note(f"{repository.base} was not looked through: {error}")
            continue
        # Whatever else has a name there is a version by its own name, too, or no model: only what
        # another tool wrote has none that is a version's.
        versions = [name for name in names if Version.from_tag(name)]
        yield from (repository.with_tag(name) for name in sorted(versions or names))


def _repositories(
    place: Reference, named: Iterable[Reference], graph: Graph, settings: Settings
) -> Iterator[Reference]:
    """The repositories that were named, and those beside the first, each once."""
    seen: set[str] = set()
    for repository in (*named, *_beside(place, graph, settings)):
        if repository.base in seen:
            continue
        if len(seen) == _MOST_REPOSITORIES:
            graph.note(f"only the first {_MOST_REPOSITORIES} repositories were looked through")
            return
        seen.add(repository.base)
        yield replace(repository, tag=None, digest=None)


def _beside(place: Reference, graph: Graph, settings: Settings) -> Iterator[Reference]:
    if place.layout is not None:
        return
    if place.host is None:
        yield from map(Reference, stores.local_repositories(settings))
        return
    from lading.stores.remote.listing import catalogue

    try:
        stores.demand_online(place.host, settings)
        names = sorted(catalogue(place.host, settings))
    except LadingError as error:
        graph.note(
            f"{place.host} does not tell which repositories it has, so only those that are named"
            f" were looked through (--in REPO): {error}"
        )
        return
    if not names:
        graph.note(
            f"{place.host} keeps no catalogue, so only repositories that are named were looked"
            " through (--in REPO)"
        )
    yield from (Reference(name, host=place.host) for name in names)
