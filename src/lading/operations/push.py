"""Push a folder or a file as a version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from lading.errors import Conflict, InvalidInput, LadingError
from lading.operations import stores
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.numbers import Numbers
from lading.operations.lifecycle.registration import register
from lading.operations.lifecycle.subject import Subject
from lading.operations.publishing.captured import Capture
from lading.operations.publishing.declared import Declared, declared
from lading.operations.publishing.described import Described, described
from lading.operations.publishing.publication import Outcome, Publication
from lading.packing.artifact import DOCUMENT_TITLE
from lading.spec.descriptor import Descriptor
from lading.spec.reference import Reference
from lading.spec.version import Bump, Version, highest_release
from lading.spec.words import Words
from lading.transfer import OnProgress, Status, Tally

if TYPE_CHECKING:
    from lading.packing.plan import PlannedLayer
    from lading.packing.version import PackedVersion
    from lading.ports import Source
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class PushedLayer:
    """One layer of the version, and what became of it."""

    digest: str
    title: str
    size: int
    files: int
    role: str
    status: Literal["sent", "present", "mounted", "planned"]


@dataclass(frozen=True, slots=True)
class PushResult:
    """The version that is there now, or would be: ``planned``, of a push at this very moment."""

    reference: str
    version: str
    digest: str
    model_digest: str
    status: Literal["created", "unchanged", "planned"]
    size: int
    files: int
    sent: int
    # Left out of what a notebook shows of it.
    layers: tuple[PushedLayer, ...] = field(repr=False)
    latest: bool
    # What was found out about the model and what was not, for people.
    notes: tuple[str, ...] = ()


def push(
    path: str | Path,
    reference: str | Reference,
    *,
    bump: Bump | Literal["auto"] | None = None,
    dry_run: bool = False,
    file: Path | None = None,
    capture: Capture | None = None,
    strict: bool | None = None,
    follow_links: bool = False,
    file_hashes: bool | None = None,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    **words: Unpack[Words],
) -> PushResult:
    """Make a version of a folder or a file, and give it its tag.

    What is said of it here wins over ``lading.yaml`` (``file``, or found beside the model), and
    that over what is found out (``capture``). The same content under a version that exists is no
    error and moves nothing.

    Raises:
        Conflict: the version exists with other content, or did and was removed, or somebody else
            was faster.
        InvalidInput: the folder or the reference cannot be packed so, or a word is wrong.
        NotFound: a parent that the call names is not where it should be.
        PolicyRefused: ``strict``, and something that must be said is not.
    """
    from lading.packing.memory import DigestMemory
    from lading.packing.plan import plan as make_plan

    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    _check_reference(place, bump)
    told = declared(Path(path), words, file=file)
    plan = make_plan(
        Path(path),
        memory=DigestMemory(settings.cache / "digests.sqlite"),
        follow_links=follow_links,
        file_hashes=settings.file_hashes if file_hashes is None else file_hashes,
    )
    cargo = described(plan, Path(path), told, _capture(capture, told, settings), settings)
    store = stores.open_store(place, settings, create=True)
    names = frozenset(store.names())
    if bump == "auto":
        cargo = cargo.surveyed()
        bump = _proposed(store, names, cargo)
    logbook = open_logbook(place, settings, store=store)
    numbers = Numbers(logbook, names)
    version = numbers.following(bump) if bump else _written(place)
    strict = settings.strict if strict is None else strict
    publication = Publication(
        store,
        place.with_tag(version.tag),
        version,
        names,
        jobs or settings.jobs,
        on_progress,
        settings.required if strict else frozenset(),
    )
    cargo = cargo.named(place.repository, version)
    outcome = _outcome(publication, cargo, numbers, dry_run=dry_run)
    notes = () if outcome.status == "planned" else _registered(numbers, publication, outcome)
    return _result(outcome, publication, notes)


def _outcome(
    publication: Publication, cargo: Described, numbers: Numbers, *, dry_run: bool
) -> Outcome:
    """What becomes of the version: it is there already, would be made, or is made.

    Its number may have stood for content that was removed: then only this comes back, and only
    where the store still has what it is compared with.
    """
    existing = publication.existing()
    if existing is not None:
        return publication.compared(cargo, existing)
    packed = _again(publication, cargo, numbers)
    if dry_run:
        return publication.foreseen(cargo, packed)
    return publication.restored(cargo, packed) if packed else publication.published(cargo)


def _again(publication: Publication, cargo: Described, numbers: Numbers) -> PackedVersion | None:
    """The removed version that this is, to be given its tag back; None for a number of its own."""
    former = numbers.former(publication.version)
    if not former:
        return None
    try:
        packed = publication.again(cargo, former)
    except Conflict as other:
        raise numbers.refusal(publication.version, f"{other.cause}") from other
    if packed is None:
        gone = f"of {former[-1]} nothing is left that this could be compared with"
        raise numbers.refusal(publication.version, gone)
    return packed


def _registered(numbers: Numbers, publication: Publication, outcome: Outcome) -> tuple[str, ...]:
    """Record that the version is there, where nobody did; what the ledger has to say.

    A push that was killed in between is recorded by the next one of the same content.
    """
    packed, logbook = outcome.packed, numbers.logbook
    what = Subject(publication.place, packed.root, str(publication.version), packed.model.digest)
    try:
        register(logbook, what, book=numbers.now(changed=outcome.status != "unchanged"))
    except LadingError as error:
        raise type(error)(
            f"{publication.place} was pushed, but its ledger does not say so",
            cause=str(error),
            # A number that somebody else was given meanwhile is not got by trying again.
            hint=(isinstance(error, Conflict) and error.hint)
            or f"push it again, or lading ledger adopt {publication.place.base}",
        ) from error
    return tuple(logbook.notes)


def _capture(capture: Capture | None, told: Declared, settings: Settings) -> Capture:
    """What to find out: as the call says, without what the person's file or settings leave out."""
    chosen = capture or Capture()
    return replace(chosen, without=chosen.without | told.without | settings.without)


def _proposed(store: Source, names: frozenset[str], cargo: Described) -> Bump:
    """Which part of the version the change of the signature asks for; a first one is 0.1.0."""
    highest = highest_release(list(names))
    if highest is None:
        return "minor"
    from lading.operations.publishing.bump import proposed

    return proposed(store, highest, cargo.signature)


def _check_reference(place: Reference, bump: str | None) -> None:
    if place.digest:
        raise InvalidInput(
            "a push cannot name a digest", hint=f"lading push PATH {place.base}:VERSION"
        )
    if place.tag and bump:
        raise InvalidInput(
            "--bump chooses the version, but one is written too", cause=f":{place.tag}"
        )
    if not place.tag and not bump:
        raise InvalidInput(
            f"which version of {place.base}?",
            cause="neither a tag nor --bump is given",
            hint=f"lading push PATH {place.base}:1.0.0, or --bump patch (a first one is 0.1.0)",
        )


def _written(place: Reference) -> Version:
    return Version.from_tag(place.tag or "") or Version.parse(place.tag or "")


def _result(outcome: Outcome, publication: Publication, notes: tuple[str, ...]) -> PushResult:
    packed, plan = outcome.packed, outcome.packed.plan
    layers = tuple(_layers(plan.layers, packed.layers, outcome.tally))
    return PushResult(
        reference=str(publication.place),
        version=str(publication.version),
        digest=packed.root.digest,
        model_digest=packed.model.digest,
        status=outcome.status,
        size=sum(member.size for member in plan.own),
        files=len(plan.own),
        sent=sum(layer.size for layer in layers if layer.status in ("sent", "planned")),
        layers=layers,
        latest=outcome.latest,
        notes=(*outcome.notes, *notes),
    )


def _layers(
    planned: Iterable[PlannedLayer], layers: Iterable[Descriptor], tally: Tally
) -> Iterable[PushedLayer]:
    # The document's layer comes last and was never planned.
    details = [(layer.title, str(layer.role), len(layer.members)) for layer in planned]
    details.append((DOCUMENT_TITLE, "document", 1))
    for layer, (title, role, files) in zip(layers, details, strict=True):
        status: Status | Literal["planned"] = tally.statuses.get(layer.digest, "planned")
        yield PushedLayer(layer.digest, title, layer.size, files, role, status)
