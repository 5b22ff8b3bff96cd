"""Look whether a folder of documents may be deployed as it is: for whoever merges it, in CI.

What the files say is looked at first, and needs nobody; then the registry is asked whether all of
it is there, whether the policy allows it, and whether the stage still says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from lading.deploy.kserve import pulls
from lading.deploy.lint import lint
from lading.deploy.read import named
from lading.errors import IntegrityError, NotFound, Rule, Unavailable
from lading.operations import stores
from lading.operations.deploying import fitting
from lading.operations.deploying.allowed import Allowed, allowed
from lading.operations.deploying.heard import demand_heard
from lading.operations.deploying.unfilled import unfilled
from lading.operations.deploying.written import Written, find
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.stages import Read, checked
from lading.operations.lifecycle.subject import subject
from lading.spec.digest import Digest
from lading.spec.manifest import Index, parse
from lading.spec.mediatypes import ROLE
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ledger.fold import Member
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor

_MOST_NAMED: Final = 5

Status = Literal["current", "moved"]


@dataclass(frozen=True, slots=True)
class DeployCheckResult:
    """A folder whose documents may be deployed, and whether a stage has moved on since."""

    folder: str
    reference: str
    digest: str
    version: str | None
    stage: str | None
    image: str
    puller: str | None
    status: Status
    # What the stage names now; None where it names nothing, or none is followed.
    now: str | None
    now_version: str | None
    # Everything by digest that was looked for and is there.
    found: tuple[str, ...]
    # What the stage needs, rule by rule; advice where no policy at hand protects it.
    rules: tuple[Rule, ...]
    protected: bool
    notes: tuple[str, ...]
    # What has the folder run what the stage names, or the stage name something; None: nothing is
    # to be done.
    next: str | None = None


def deploy_check(
    folder: str | Path, *, stage: str | None = None, settings: Settings | None = None
) -> DeployCheckResult:
    """Look whether all that documents name is there, allowed, and what their stage names now.

    ``stage`` where the folder follows none, or another one is meant. A stage that moved on is no
    error: ``status`` says so.

    Raises:
        NotFound: there is no such folder; or something that it names is gone.
        Conflict: something else wrote what is in it.
        InvalidInput: its documents cannot be read; or there is no such stage.
        IntegrityError: something is not named by digest, or by one that mounts empty; or the
            stage's tag is not what the ledger says.
        Unsupported: its images are for other machines than its documents name.
        PolicyRefused: the stage is protected, and may not have this version.
        Unavailable: a registry does not answer.
    """
    settings = stores.settled(settings)
    written = find(Path(folder))
    running = written.running
    documents = written.documents()
    _demand_clean(written, lint(documents))
    place = Reference.parse(running.place).with_digest(running.digest)
    with _in_order(written):
        store = stores.open_store(place, settings)
        found = list(_there(store, place))
        _demand_clean(written, lint(documents, _forbidden(store, running.digest)))
        for image in named(documents):
            if image == running.reference:
                continue
            other = Reference.parse(image)
            found += _there(stores.open_store(other, settings), other)
        only = fitting.only(written, *fitting.as_it_is(store, running, settings), documents)
        wanted = stage or running.stage
        says = _asked(written, place, wanted, settings) if wanted else _Says()
        now = says.now
    return DeployCheckResult(
        folder=str(folder),
        reference=running.reference,
        digest=running.digest,
        version=running.version,
        stage=wanted,
        image=running.serving,
        puller=running.puller or next(filter(None, map(pulls, documents)), None),
        status="current" if wanted is None or (now and now.digest == running.digest) else "moved",
        now=now.digest if now else None,
        now_version=now.version if now else None,
        found=tuple(dict.fromkeys(found)),
        rules=says.allowed.rules,
        protected=says.allowed.protected,
        notes=(*_remarks(written, wanted, only), *says.notes),
        next=says.next,
    )


def _demand_clean(written: Written, problems: tuple[str, ...]) -> None:
    if problems:
        more = len(problems) - _MOST_NAMED
        raise IntegrityError(
            f"{written.folder} does not name everything by a digest that runs",
            cause="; ".join(problems[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else ""),
            hint=f"git log -p {written.folder} says who changed it; {written.anew} writes it anew",
        )


@contextmanager
def _in_order(written: Written) -> Iterator[None]:
    """Say how far it got, where a registry cannot be asked."""
    try:
        yield
    except Unavailable as error:
        again = "run it again where the registry answers"
        raise Unavailable(
            f"{written.folder} is in order by itself, and no more is known",
            cause=f"{error.what}{f': {error.cause}' if error.cause else ''}",
            hint=f"{error.hint}; or {again}" if error.hint else again,
        ) from error


def _there(store: AnyStore, place: Reference) -> Iterator[str]:
    """What is there of something that is named by digest: it, and each manifest in it.

    Raises:
        NotFound: something is gone.
    """
    try:
        root = store.resolve(str(place.digest))
        yield f"{place.base}@{root.digest}"
        for each in _children(store, root):
            if not stores.has(store, each):
                raise NotFound(f"{each.digest}")
            yield f"{place.base}@{each.digest}"
    except NotFound as error:
        raise NotFound(
            f"{place} is gone, or not whole",
            cause=error.what,
            hint=f"lading copy brings it from where it still is; lading history {place.base}"
            " says what was there",
        ) from error


def _children(store: AnyStore, root: Descriptor) -> tuple[Descriptor, ...]:
    manifest = parse(read(store, root), root.media_type)
    return manifest.children


def _forbidden(store: AnyStore, digest: Digest) -> frozenset[Digest]:
    """What of a version no runtime mounts: its model's and its ModelPack's manifest."""
    root = store.resolve(digest)
    manifest = parse(read(store, root), root.media_type)
    entries = manifest.manifests if isinstance(manifest, Index) else ()
    return frozenset(each.digest for each in entries if each.annotations.get(ROLE) != "image")


class _Says(NamedTuple):
    """What a stage and its policy say of a folder; nothing where none is asked."""

    allowed: Allowed = Allowed(protected=False, rules=())
    # What the stage names now.
    now: Member | None = None
    notes: tuple[str, ...] = ()
    next: str | None = None


def _asked(written: Written, place: Reference, stage: str, settings: Settings) -> _Says:
    """What the policy says of the version in the stage; what that names now, and what is said.

    Raises:
        InvalidInput: there is no such stage.
        PolicyRefused: the stage is protected, and a rule does not hold.
        IntegrityError: its tag is not what the ledger says.
        Unavailable: the registry does not answer, and its mirror is behind.
    """
    logbook = open_logbook(place, settings)
    logbook.rules(stage)
    what = subject(logbook.store, place, settings)
    read = Read(logbook, *logbook.read(whole=True))
    says = allowed(read, stage, what, shown=f"what {written.folder} runs")
    members = read.state.stage(stage).members
    if not members:
        empty = unfilled(logbook.store, place, stage)
        return _Says(says, None, (*says.notes, *filter(None, (empty.note,))), empty.fills)
    demand_heard(logbook.store, place, written.running, stage, settings)
    tag = place.with_tag(stage)
    checked(logbook.store, tag, stores.resolve(logbook.store, tag), settings)
    # A shared stage names several versions; each of them is what it says.
    running = written.running
    mine = next((each for each in members if each.digest == running.digest), members[-1])
    notes = (*says.notes, *logbook.notes)
    follow = f"lading deploy update {written.folder} --stage {stage}"
    if mine.digest != running.digest:
        return _Says(says, mine, notes, follow)
    if running.event not in (None, mine.event):
        notes += (f"{stage} was given this version again since: {follow} says so",)
    return _Says(says, mine, notes)


def _remarks(written: Written, stage: str | None, only: str | None) -> Iterator[str]:
    if only is not None:
        yield f"it runs on {only} alone: its images are for no other"
    if stage is None:
        yield "it follows no stage: nothing was asked of a policy"
    elif written.running.stage not in (None, stage):
        yield f"it follows {written.running.stage}, and {stage} was asked"
    if edited := written.edited():
        yield f"edited since they were written: {', '.join(edited)}"
