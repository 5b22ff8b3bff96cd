"""A reference as the digests that documents name: looked at once, and never a tag again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.deploy.kserve_storage import demand_modelcar
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import Facts
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.deploying.heard import demand_heard
from lading.operations.deploying.meant import no_documents
from lading.operations.deploying.pulling import Pulling, pulling
from lading.operations.deploying.serving import InUse, ServerSearch
from lading.operations.deploying.version import located, version
from lading.operations.open import open as open_version
from lading.spec.digest import Digest
from lading.spec.manifest import Index, parse
from lading.spec.mediatypes import ROLE
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.deploy.said import Running
    from lading.operations.lifecycle.subject import Subject
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.document import Document


@dataclass(frozen=True, slots=True)
class Found:
    """A version as it was found: its digests, and what documents are guessed from."""

    pins: Pins
    facts: Facts
    # What the model is called, where nobody chose a name.
    name: str
    # What no runtime mounts, but as an empty folder: the version's model and ModelPack manifests.
    forbidden: frozenset[Digest]
    document: Document
    # Who looks at it should know.
    notes: tuple[str, ...] = ()
    # When the version was made, where that is known.
    created: str | None = None


def pinned(
    reference: str | Reference,
    settings: Settings,
    *,
    stage: str | None = None,
    image: str | Reference | None = None,
    puller: str | Reference | None = None,
    mounts: bool = True,
    in_use: InUse | None = None,
    modelcar: bool = False,
    follows: Running | None = None,
) -> Found:
    """The digests of a version and of what serves it, as they are now.

    ``follows`` is what ran before. The stage that it came from has to allow the version, where the
    policy protects it and no other is named; and no mirror is believed that has not heard of it.

    ``image`` serves it; else the one that its evidence names: where the documents mount the model
    (``mounts``), one without it comes first. What is ``in_use`` stays where it serves this very
    version; and where no other was made, if it says that it was made from the version's own lock.
    Else one of the same lock that was made for another version serves it, which is said.
    With ``modelcar`` an image is looked for as well in which KServe can start a shell beside the
    model: ``image``, else the one in use for this very version, else one that the evidence names.

    Raises:
        InvalidInput: a stage and a version are named at once; or a folder, or documents that were
            pushed; or an image that is none, or that holds another version; or what is in use is a
            modelcar, and no image of the version can be one.
        NotFound: the stage is empty; there is no such version; or nothing serves it.
        IntegrityError: the stage's tag is not what the ledger says.
        PolicyRefused: the stage is protected, and may not have this version.
        Unsupported: the version is on this machine only.
        Unavailable: the registry does not answer, and its mirror is behind what ran before.
    """
    place = located(reference, stage, settings)
    store = stores.open_store(place, settings)
    with no_documents(store, place):
        found = version(store, place, settings, follows=follows.stage if follows else None)
        what = found.what
        with open_version(what.place.with_digest(what.digest), settings=settings) as opened:
            document = opened.document
    if follows and found.stage:
        demand_heard(store, place, follows, found.stage, settings)
    runs = Runs(name_of(place), what.digest, what.version, found.stage, found.event)
    looking = ServerSearch(store, what, document, image, in_use, settings)
    car = looking.modelcar() if modelcar else None
    if modelcar and in_use is not None:
        # Whichever image may serve it, the documents name one that can be a modelcar.
        demand_modelcar(runs, car.reference if car else None)
    server = looking.server(mounts=mounts)
    pulls = pulling(puller, settings) if puller else Pulling()
    entries = _entries(store, what)
    return Found(
        Pins(
            runs,
            Serving(server.reference, server.holds_model),
            pulls.reference,
            car.reference if car else None,
        ),
        Facts(
            size=sum(file.size for file in document.files),
            framework=document.framework.name if document.framework else None,
            platforms=server.platforms,
            mountable=tuple(
                str(entry.platform) for entry in entries if _is_image(entry) and entry.platform
            ),
            modelcar=car.platforms if car else (),
        ),
        name=(document.name or place.repository).rpartition("/")[2],
        forbidden=frozenset(entry.digest for entry in entries if not _is_image(entry)),
        document=document,
        notes=(*found.notes, *server.notes, *pulls.notes),
        created=document.created,
    )


def _entries(store: AnyStore, what: Subject) -> tuple[Descriptor, ...]:
    """What the version's index names: its images, and the manifests that are none."""
    top = parse(read(store, what.root), what.root.media_type)
    return top.manifests if isinstance(top, Index) else ()


def _is_image(entry: Descriptor) -> bool:
    return entry.annotations.get(ROLE) == "image"
