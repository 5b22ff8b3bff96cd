"""Where the versions of a model run: what was recorded, and what a cluster really runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lading.deploy.running import SERVICES, Known, Running, running, unknown_images
from lading.deploy.whereabouts import (
    Deployed,
    HowKnown,
    Looked,
    Whereabouts,
    called,
    joined,
    latest,
)
from lading.errors import LadingError, NotFound
from lading.operations import stores
from lading.operations.deploying.kubectl import Kubectl, can_ask
from lading.operations.history import versions_of
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.subject import subject
from lading.operations.missing import demand_begun
from lading.operations.reading.gathered import gather, kept
from lading.settings import process_environment
from lading.spec import evidence as kinds
from lading.spec.image import image_from
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.plain import Fields

# Evidence is a request or two for each version, and asked for only where an image is unknown.
MOST_VERSIONS: Final = 200


@dataclass(frozen=True, slots=True)
class RunningVersion:
    """A version at a place, and how that is known."""

    # CLUSTER/NAMESPACE/NAME, as it is recorded or as it was seen.
    place: str
    version: str | None
    digest: str | None
    # The stages that name the version now.
    stages: tuple[str, ...]
    known: HowKnown
    since: str | None
    recorded_by: str | None
    # What named it in the cluster: image volume, image, command, storageUri, annotation.
    how: tuple[str, ...]
    pods: int | None
    ready: int | None
    # How what was recorded and what was seen differ.
    difference: str | None


@dataclass(frozen=True, slots=True)
class WhereResult:
    """Every place where a version of the model runs, as far as anybody knows."""

    reference: str
    # The cluster that was asked, as records call it; None where none was.
    cluster: str | None
    namespace: str | None
    places: tuple[RunningVersion, ...]
    notes: tuple[str, ...] = field(default=())


def where(
    model: str | Reference,
    *,
    context: str | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
    settings: Settings | None = None,
) -> WhereResult:
    """Where a model, or one version of it, runs.

    What ``lading record deploy`` recorded; and with kubectl and a kubeconfig what pods and KServe's
    services of that cluster name in their specs. ``cluster`` is what records call it; else it is
    called as its context is.

    Raises:
        NotFound: there is no such model, or no such version.
        LadingError: a context or a namespace is named, and the cluster cannot be asked.
    """
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    logbook = open_logbook(place, settings)
    book, state = logbook.read(whole=True)
    demand_begun(logbook.store, place, settings, book.names)
    wanted = subject(logbook.store, place, logbook.settings).digest if place.name else None
    names = versions_of(book)
    seen, looked = _seen(
        logbook, names, Kubectl(context, namespace), cluster, asked=bool(context or namespace)
    )
    rows = joined(_recorded(book), seen, looked)
    _say_where_nobody_looked(logbook, rows, looked, named=cluster is not None)
    return WhereResult(
        reference=str(place),
        cluster=looked.cluster if looked else None,
        namespace=looked.namespace if looked else None,
        places=tuple(
            _shown(row, names, state) for row in rows if wanted is None or row.digest == wanted
        ),
        notes=tuple(logbook.notes),
    )


def _recorded(book: Book) -> tuple[Deployed, ...]:
    return latest(
        Deployed(each.event.where, each.event.digest, each.event.time, each.event.actor)
        for each in book.ordered()
        if each.event.kind == "deployed" and each.event.where
    )


# What the cluster says


def _seen(
    logbook: Logbook,
    names: dict[Digest, str],
    kubectl: Kubectl,
    cluster: str | None,
    *,
    asked: bool,
) -> tuple[tuple[Running, ...], Looked | None]:
    """What runs there, and what was looked at; nothing where no cluster can be asked."""
    if not asked and (why := can_ask(process_environment())):
        logbook.note(f"only what was recorded: {why}")
        return (), None
    try:
        looked = Looked(cluster or called(kubectl.context_name()), kubectl.namespace)
        pods = kubectl.listed("pods")
        services = _services(kubectl)
    except LadingError as error:
        if asked:
            raise
        logbook.note(f"only what was recorded: {error}")
        return (), None
    known = Known(logbook.place.repository, frozenset(names))
    if unknown := unknown_images(pods, known):
        images = _images(logbook, names, unknown)
        known = Known(known.repository, known.versions, images)
    return running(pods, services, known), looked


def _services(kubectl: Kubectl) -> Sequence[Fields]:
    """KServe's services, where the cluster has KServe and lets us look."""
    try:
        return kubectl.listed(SERVICES)
    except NotFound:
        return ()


def _images(
    logbook: Logbook, names: dict[Digest, str], unknown: frozenset[Digest]
) -> dict[Digest, Digest]:
    """Which version each image holds, as evidence names them; the newest versions first."""
    found: dict[Digest, Digest] = {}
    for version in list(reversed(names))[:MOST_VERSIONS]:
        if unknown <= found.keys():
            break
        found |= {image: version for image in _images_of(logbook, version) if image in unknown}
    return found


def _images_of(logbook: Logbook, version: Digest) -> list[Digest]:
    """The images that hold a version: not those that it shares with others."""
    try:
        root = logbook.store.resolve(version)
        keep = kept(logbook.place, logbook.settings)
        pieces = gather(logbook.store, root, keep=keep, jobs=logbook.settings.jobs).evidence
    except NotFound:
        return []  # removed since
    images = [image_from(piece.content) for piece in pieces if piece.type == kinds.IMAGE]
    return [image.descriptor.digest for image in images if image.target == "serve"]


# What is said of it


def _say_where_nobody_looked(
    logbook: Logbook, rows: Sequence[Whereabouts], looked: Looked | None, *, named: bool
) -> None:
    if looked is None:
        return
    elsewhere = {
        row.place.partition("/")[0] for row in rows if row.recorded and not looked.covers(row.place)
    } - {looked.cluster}
    if not elsewhere:
        return
    hint = f"; --cluster NAME says what records call {looked.cluster}" if not named else ""
    logbook.note(f"nobody looked into {', '.join(sorted(elsewhere)[:10])}{hint}")


def _shown(row: Whereabouts, names: dict[Digest, str], state: State) -> RunningVersion:
    seen = row.seen
    is_counted = seen is not None and seen.pods > 0
    return RunningVersion(
        place=row.place,
        version=names.get(row.digest) if row.digest else None,
        digest=row.digest,
        stages=tuple(
            stage.name
            for stage in state.stages.values()
            if any(member.digest == row.digest for member in stage.members)
        ),
        known=row.known,
        since=row.since,
        recorded_by=row.recorded.actor if row.recorded else None,
        how=tuple(seen.how) if seen else (),
        pods=seen.pods if seen and is_counted else None,
        ready=seen.ready if seen and is_counted else None,
        difference=row.difference,
    )
