"""From a version up to its parents, theirs, and everything that they were made with.

What a document names was written by whoever pushed it, so it is followed with care: other hosts
are not shown a password that the environment holds for the ones that a person named, and a
document from elsewhere leads neither to this machine's ports nor into its folders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.ancestry.lineage_graph import MOST_NODES, Graph, Seen, add_leaves, add_model
from lading.operations.open import Opened
from lading.operations.open import open as open_version
from lading.spec.digest import Digest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.operations.ancestry.result import LineageResult
    from lading.settings import Settings
    from lading.spec.lineage import Parent


@dataclass(frozen=True, slots=True)
class _Step:
    """A parent that is still to be followed, and whose it is."""

    parent: Parent
    child: str
    place: Reference
    depth: int


def upstream(place: Reference, depth: int, settings: Settings) -> LineageResult:
    """The graph above a version."""
    graph = Graph()
    waiting: deque[_Step] = deque()
    with open_version(place, settings=settings) as version:
        digest = str(version.digest)
        root = add_model(graph, Seen.of(version), version.reference)
        add_leaves(graph, version.document, root)
        waiting.extend(_parents(version, root, place, 1))
    trusted = frozenset(filter(None, (place.host, (settings.registry or "").partition("/")[0])))
    while waiting:
        step = waiting.popleft()
        if graph.is_full:
            graph.note(f"only the first {MOST_NODES} things are shown")
            break
        waiting.extend(_follow(step, graph, depth, trusted, settings))
    return graph.result(str(place), digest, "up")


def _parents(version: Opened, id_: str, place: Reference, depth: int) -> list[_Step]:
    found = version.document.lineage
    return [_Step(parent, id_, place, depth) for parent in (found.parents if found else ())]


def _follow(
    step: _Step, graph: Graph, depth: int, trusted: frozenset[str], settings: Settings
) -> list[_Step]:
    """Draw a parent; the parents of that, where it was not met before."""
    parent, relation = step.parent, step.parent.relation or "parent"
    if parent.digest and (known := graph.known(parent.digest)):
        _join(graph, known, step.child, relation, parent.reference)
        return []
    if step.depth > depth:
        _add_unknown(graph, step, "not followed", f"it is more than {depth} steps away")
        return []
    try:
        version, place = _open(parent, step.place, trusted, settings)
    except LadingError as error:
        _add_unknown(graph, step, "unreachable", str(error))
        return []
    with version:
        known = graph.known(version.digest)
        try:
            id_ = known or add_model(graph, Seen.of(version), parent.reference)
            further = [] if known else _parents(version, id_, place, step.depth + 1)
        except LadingError as error:
            _add_unknown(graph, step, "unreachable", str(error))
            return []
        if not _join(graph, id_, step.child, relation, parent.reference) or known:
            return []
        add_leaves(graph, version.document, id_)
        return further


def _join(graph: Graph, parent: str, child: str, relation: str, reference: str) -> bool:
    joined = graph.join(parent, child, relation)
    if not joined:
        graph.note(f"{reference[:200]} names itself among its own ancestors; that is left out")
    return joined


def _add_unknown(graph: Graph, step: _Step, status: str, why: str) -> None:
    parent = step.parent
    details = {"licence": parent.license} if parent.license else {}
    id_ = graph.add(
        parent.digest or f"reference {parent.reference}",
        "model",
        parent.reference,
        digest=parent.digest,
        status="unreachable" if status == "unreachable" else "not followed",
        why=why,
        details=details,
    )
    _join(graph, id_, step.child, parent.relation or "parent", parent.reference)


def _open(
    parent: Parent, child: Reference, trusted: frozenset[str], settings: Settings
) -> tuple[Opened, Reference]:
    """A parent, wherever it is first found.

    Raises:
        LadingError: it is nowhere; the first refusal says why.
    """
    refusal: LadingError | None = None
    for place in _places(parent, child, settings):
        try:
            _demand_harmless(place, child, settings)
            version = open_version(place, settings=_discreet(settings, place, trusted))
        except LadingError as error:
            refusal = refusal or error
            continue
        digests = (version.digest, version.artifact.model.digest)
        if parent.digest is None or parent.digest in digests:
            return version, place
        version.close()
        refusal = NotFound(
            f"{place} is another version now",
            cause=f"it names {version.digest.short}, and {parent.digest} was not found",
        )
    raise refusal or NotFound(f"there is no {parent.reference[:200]}")


def _places(parent: Parent, child: Reference, settings: Settings) -> Iterator[Reference]:
    """Where a parent may be: by digest where it is named, on its child's registry, and beside its
    child; then by its name."""
    named = Reference.parse(parent.reference)
    places = [stores.locate(named, settings)]
    if named.host is None and named.layout is None and child.host:
        # A name without a host was meant for the place where the child was pushed to.
        places.insert(0, named.with_host(child.host))
    if parent.digest:
        digest = Digest(parent.digest)
        yield from (place.with_digest(digest) for place in places)
        yield child.with_digest(digest)
    yield from (stores.with_name(place) for place in places)


def _demand_harmless(place: Reference, child: Reference, settings: Settings) -> None:
    """Refuse what a document from a registry may not lead to."""
    if child.host is None:
        return
    from lading.stores.remote.origin import origin_of

    if place.layout is not None:
        raise InvalidInput(
            f"{place} is a folder of this machine", cause="a document from a registry names it"
        )
    if (
        place.host
        and origin_of(place.host, settings).is_loopback
        and not origin_of(child.host, settings).is_loopback
    ):
        raise InvalidInput(
            f"{place} is on this machine", cause=f"a document from {child.host} names it"
        )


def _discreet(settings: Settings, place: Reference, trusted: frozenset[str]) -> Settings:
    """The settings without a password that was meant for registries that a person named."""
    if place.host is None or place.host in trusted:
        return settings
    return replace(settings, username=None, password=None, identity_token=None)
