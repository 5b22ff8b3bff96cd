"""Look at a version without its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.errors import LadingError, NotFound, Unavailable
from lading.operations import stores
from lading.operations.evidence import ListedEvidence, shown
from lading.operations.lifecycle import said_against
from lading.operations.lifecycle.drifted import index_of
from lading.operations.lifecycle.stages import warn_of_drift
from lading.operations.reading.cached_source import CachedSource
from lading.operations.reading.gathered import Gathered, gather, kept
from lading.packing.artifact import Artifact, Kind, recognise
from lading.packing.listing import ListedFile, listing
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import DOCUMENT_LIMIT, Manifest, parse
from lading.spec.plain import read_table, table
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.ports import Source
    from lading.settings import Settings

# Who can use which entry, by its role. Runtimes mount an empty folder, without an error, for
# anything but the image, so the other two are never offered to them.
_CONSUMERS = {
    "image": ("Docker", "Podman", "containerd", "CRI-O", "Kubernetes image volumes", "KServe"),
    "model": ("lading", "oras"),
    "modelpack": ("modctl", "kit", "Harbor"),
}


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """A file of the model."""

    path: str
    size: int
    role: str | None
    sha256: str | None
    layer: str


@dataclass(frozen=True, slots=True)
class InspectedLayer:
    """A layer, and what each manifest calls its kind."""

    digest: str
    size: int
    title: str
    media_types: dict[str, str]


@dataclass(frozen=True, slots=True)
class InspectedManifest:
    """One view of the cargo, and who can use it."""

    role: str
    digest: str
    size: int
    platform: str | None
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InspectResult:
    """All that is known of a version from kilobytes."""

    reference: str
    digest: str
    kind: Kind
    media_type: str
    name: str | None
    version: str | None
    created: str | None
    size: int
    files: tuple[InspectedFile, ...]
    layers: tuple[InspectedLayer, ...]
    manifests: tuple[InspectedManifest, ...]
    annotations: dict[str, str]
    document: dict[str, Any]
    evidence: tuple[ListedEvidence, ...]
    notes: tuple[str, ...]
    # Somebody said that it should not be used.
    deprecated: bool = False


def inspect(reference: str | Reference, *, settings: Settings | None = None) -> InspectResult:
    """The document, files, layers, digests and evidence of a version, and who can consume it.

    Where nothing hangs on the version, its evidence costs one small request; that it is deprecated
    the ledger's index says, for one more.

    Where nobody answers, it is what the cache has of the version that this machine saw last.

    Raises:
        InvalidInput: it is no model; says what it is.
        NotFound: there is no such version.
        Unavailable: nobody answers, and the cache does not have it.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    try:
        root = stores.resolve(store, place)
        warn_of_drift(store, place, root, settings)
        artifact = recognise(store, root, str(place))
    except Unavailable as down:
        return _from_cache(place, settings, down)
    found = _evidence(store, root, place, settings)
    index, unknown = index_of(store)
    deprecated = index is not None and root.digest in index.deprecated
    notes = (
        *found.notes,
        *([unknown] if unknown else []),
        *(said_against.deprecated(index, root.digest, place.base) if index else ()),
    )
    return _result(
        store, place, artifact, _views(store, artifact), found, notes=notes, deprecated=deprecated
    )


def _from_cache(place: Reference, settings: Settings, down: Unavailable) -> InspectResult:
    """What this machine has of a version whose registry does not answer.

    Raises:
        Unavailable: it has not enough of it.
    """
    from lading.cache import Cache
    from lading.operations.sources import OfflineSource, seen_last

    if not place.host:
        raise down
    cache = Cache(settings.cache)
    source = CachedSource(OfflineSource(), cache)
    root = seen_last(place, cache, down)
    try:
        artifact = recognise(source, root, str(place))
        views = _views(source, artifact, there=lambda entry: cache.blob(entry.digest) is not None)
        notes = (f"from the cache, without its evidence and its history: {down}",)
        return _result(source, place, artifact, views, Gathered((), ()), notes=notes)
    except NotFound:
        raise down from None


def _result(
    source: Source,
    place: Reference,
    artifact: Artifact,
    views: list[_View],
    found: Gathered,
    *,
    notes: tuple[str, ...],
    deprecated: bool = False,
) -> InspectResult:
    root = artifact.root
    config = _config(source, artifact)
    files = tuple(_file(file) for file in listing(source, artifact) or ())
    facts = config if artifact.kind == "lading" else table(config.get("descriptor"))
    created = facts.get("created") or facts.get("createdAt")
    return InspectResult(
        reference=str(place),
        digest=root.digest,
        kind=artifact.kind,
        media_type=root.media_type,
        name=_text(facts.get("name")),
        version=_text(facts.get("version")),
        created=_text(created),
        size=sum(file.size for file in files) or sum(layer.size for layer in artifact.layers),
        files=files,
        layers=_layers(artifact, views),
        manifests=tuple(_manifest(role, entry) for role, entry, _ in views),
        annotations=dict((artifact.index or artifact.manifest).annotations),
        document=config,
        evidence=shown(found),
        notes=(*artifact.notes, *notes),
        deprecated=deprecated,
    )


def _evidence(store: AnyStore, root: Descriptor, place: Reference, settings: Settings) -> Gathered:
    """The evidence as far as it can be had: to look at a version this is not needed."""
    try:
        return gather(store, root, keep=kept(place, settings), jobs=settings.jobs)
    except LadingError as error:
        return Gathered((), (f"its evidence cannot be read now: {error}",))


_View = tuple[str, Descriptor, Manifest]


def _views(
    source: Source,
    artifact: Artifact,
    there: Callable[[Descriptor], bool] = lambda entry: True,
) -> list[_View]:
    """Every manifest of the version with its role, as far as they are there."""
    if artifact.index is None:
        role = "model" if artifact.kind == "lading" else "modelpack"
        return [(role, artifact.model, artifact.manifest)]
    views = []
    for entry in filter(there, artifact.index.manifests[:64]):
        manifest = parse(read(source, entry), entry.media_type)
        if isinstance(manifest, Manifest):
            views.append((_role(entry, manifest), entry, manifest))
    return views


def _role(entry: Descriptor, manifest: Manifest) -> str:
    if stated := entry.annotations.get(mediatypes.ROLE):
        return stated
    if manifest.config.media_type == mediatypes.MODEL_CONFIG:
        return "model"
    return "image" if manifest.config.media_type == mediatypes.IMAGE_CONFIG else "modelpack"


def _config(source: Source, artifact: Artifact) -> dict[str, Any]:
    return read_table(read(source, artifact.manifest.config, limit=DOCUMENT_LIMIT))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _file(file: ListedFile) -> InspectedFile:
    return InspectedFile(file.path, file.size, file.role, file.sha256, file.layer)


def _layers(artifact: Artifact, views: list[_View]) -> tuple[InspectedLayer, ...]:
    kinds: dict[str, dict[str, str]] = {}
    for role, _, manifest in views:
        for layer in manifest.layers:
            kinds.setdefault(layer.digest, {})[role] = layer.media_type
    return tuple(
        InspectedLayer(
            layer.digest,
            layer.size,
            layer.annotations.get(mediatypes.TITLE)
            or layer.annotations.get(mediatypes.FILEPATH)
            or layer.digest.short,
            kinds.get(layer.digest, {}),
        )
        for layer in artifact.manifest.layers
    )


def _manifest(role: str, entry: Descriptor) -> InspectedManifest:
    platform = str(entry.platform) if entry.platform and role == "image" else None
    return InspectedManifest(role, entry.digest, entry.size, platform, _CONSUMERS.get(role, ()))
