"""List the versions of a repository, or the repositories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.lifecycle.drifted import DriftedStage, index_of, strayed
from lading.operations.lifecycle.own_version import warning
from lading.operations.missing import demand_begun
from lading.spec import mediatypes
from lading.spec.digest import Digest
from lading.spec.manifest import parse
from lading.spec.own_version import other_version
from lading.spec.reference import Reference
from lading.spec.tags import LEDGER, image_of, is_own
from lading.spec.version import Version
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings

_SUMMARY = ("framework", "task", "format", "parameters")


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version in one line."""

    version: str
    digest: str
    created: str | None
    size: int | None
    files: int | None
    summary: str
    tags: tuple[str, ...]
    # Somebody said that it should not be used.
    deprecated: bool = False
    # What there is an image for: ``base``, ``train``, ``serve``.
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedTag:
    """A tag that is no version, and what it names; images of versions are among them."""

    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class ListResult:
    """The versions of a repository, newest first; or repositories where none was named."""

    repository: str | None
    versions: tuple[ListedVersion, ...]
    tags: tuple[ListedTag, ...]
    repositories: tuple[str, ...]
    # Stages whose tags are not what the ledger's index says.
    drifted: tuple[DriftedStage, ...] = ()
    notes: tuple[str, ...] = ()


def list_versions(
    repository: str | Reference | None = None, *, settings: Settings | None = None
) -> ListResult:
    """Every version with its date, size and summary, in the order of semantic versions.

    Without a repository: the repositories of the local store, or of the default registry as far
    as its catalogue tells. What is deprecated, and which stages drifted, the ledger's index says:
    one request where there is a ledger.

    Raises:
        NotFound: nothing was ever pushed there.
    """
    settings = stores.settled(settings)
    if repository is None:
        return ListResult(None, (), (), tuple(_repositories(settings)))
    place = stores.locate(repository, settings)
    registry = _registry_in(place)
    if place.name and registry is None:
        raise InvalidInput(f"list takes a repository, not {place}", hint=f"lading inspect {place}")
    try:
        store = stores.open_store(place, settings)
    except NotFound as error:
        if registry is None:
            raise
        raise InvalidInput(
            f"{registry} is a registry, not a model", hint=f"lading search '{registry}/*'"
        ) from error
    everything = list(store.names())
    names = [name for name in everything if not is_own(name)]
    demand_begun(store, place, settings, everything)
    if not names:
        hint = f"lading history {place.base} says what was there"
        raise NotFound(f"{place.base} has no versions", hint=hint)
    found = _looked(store, names, settings.jobs)
    index, note = index_of(store) if LEDGER in everything else (None, None)
    deprecated = index.deprecated if index else frozenset()
    tags = {entry.name: entry.digest for entry in found}
    versions, others = _sorted(found)
    return ListResult(
        place.base,
        tuple(_version(entry, others, entry.digest in deprecated) for entry in versions),
        tuple(ListedTag(entry.name, entry.digest) for entry in others),
        (),
        tuple(strayed(store, place, index, tags, settings)) if index else (),
        (*_misnamed(place, versions), *([note] if note else [])),
    )


def _misnamed(place: Reference, versions: list[_Named]) -> Iterator[str]:
    for entry in versions:
        if said := other_version(entry.name, entry.annotations):
            yield warning(place.with_tag(entry.name), said)


@dataclass(frozen=True, slots=True)
class _Named:
    """A name, and what lies under it as far as it could be read."""

    name: str
    digest: Digest
    annotations: dict[str, str]


def _registry_in(place: Reference) -> str | None:
    """The host that somebody wrote where a model belongs, as far as it looks like one."""
    name, port = place.repository, place.tag
    if place.host or place.layout or place.digest or not ("." in name or name == "localhost"):
        return None
    if port is None:
        return name if "/" not in name else None
    return f"{name}:{port}" if port.isdecimal() and "/" not in name else None


def _looked(store: AnyStore, names: list[str], jobs: int) -> list[_Named]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(jobs) as pool:
        return [entry for entry in pool.map(lambda name: _look(store, name), names) if entry]


def _sorted(found: list[_Named]) -> tuple[list[_Named], list[_Named]]:
    """The versions, highest first, and the other tags by name."""
    versions = [(version, e) for e in found if (version := Version.from_tag(e.name))]
    others = [entry for entry in found if not Version.from_tag(entry.name)]
    versions.sort(key=lambda pair: pair[0], reverse=True)
    return [entry for _, entry in versions], sorted(others, key=lambda entry: entry.name)


def _look(store: AnyStore, name: str) -> _Named | None:
    try:
        descriptor = store.resolve(name)
    except NotFound:
        return None  # removed since the names were listed
    try:
        annotations = parse(read(store, descriptor), descriptor.media_type).annotations
    except LadingError:
        annotations = {}
    return _Named(name, descriptor.digest, dict(annotations))


def _version(entry: _Named, others: list[_Named], deprecated: bool) -> ListedVersion:
    annotations = entry.annotations
    version = Version.from_tag(entry.name)
    images = filter(None, (image_of(other.name) for other in others))
    summary = [
        annotations[f"dev.lading.{key}"] for key in _SUMMARY if f"dev.lading.{key}" in annotations
    ]
    summary += [
        f"{key.removeprefix('dev.lading.metric.')}={value}"
        for key, value in sorted(annotations.items())
        if key.startswith("dev.lading.metric.")
    ]
    return ListedVersion(
        version=str(version),
        digest=entry.digest,
        created=annotations.get(mediatypes.CREATED),
        size=_number(annotations.get("dev.lading.size")),
        files=_number(annotations.get("dev.lading.files")),
        summary=" ".join(summary) or annotations.get(mediatypes.DESCRIPTION, "")[:60],
        tags=tuple(sorted(other.name for other in others if other.digest == entry.digest)),
        deprecated=deprecated,
        images=tuple(sorted(target for target, of in images if of == version)),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _repositories(settings: Settings) -> Iterator[str]:
    if not settings.registry:
        yield from stores.local_repositories(settings)
        return
    from lading.stores.remote.listing import catalogue

    host, _, prefix = settings.registry.rstrip("/").partition("/")
    below = f"{prefix}/" if prefix else ""
    stores.demand_online(host, settings)
    for name in sorted(catalogue(host, settings)):
        if name.startswith(below):
            yield name.removeprefix(below)
