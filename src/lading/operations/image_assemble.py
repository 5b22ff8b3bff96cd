"""Make a runnable image of a version: a base's layers, the model's own as they are, a new config.

No container engine is asked and no weights move. The base's layers are mounted from the repository
beside the model's, or copied first; then configs, manifests, and the index under its tag, in that
order: interrupted at any moment, nothing has a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from lading.errors import Conflict, InvalidInput, NotFound, Unavailable
from lading.images.address import PORT
from lading.images.assembly import Assembly, Wish, assemble
from lading.operations import stores
from lading.operations.attaching.attachment import Attachment
from lading.operations.attaching.image_evidence import hang_image
from lading.operations.carrying.history import name_of
from lading.operations.imaging.base_image import FoundBase, found_base, misfits, store_beside
from lading.operations.lifecycle.actor import actor
from lading.operations.lifecycle.stages import is_stage
from lading.operations.lifecycle.subject import Subject, subject
from lading.operations.load import is_allowed
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.document import Document
from lading.spec.event import instant
from lading.spec.image import DIGEST, REFERENCE, TARGET, BaseImage, Image, platform_of
from lading.spec.manifest import DOCUMENT_LIMIT, Index, Manifest, parse
from lading.spec.reference import Reference
from lading.spec.tags import Target, image_of, image_tag, settable
from lading.spec.version import Version
from lading.transfer import OnProgress, Tally, read
from lading.transfer.take import take

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings

Status = Literal["assembled", "unchanged"]

_TARGET: Final[Target] = "serve"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_-]{0,31})?")
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class ImageAssembleResult:
    """The image; ``digest`` is the version's, ``image`` the image's, and the sizes are bytes.

    ``previous`` is what the tag named before, where that was another image.
    """

    reference: str
    digest: str
    tag: str
    image: str
    platforms: tuple[str, ...]
    base: str
    layers: int
    status: Status
    previous: str | None
    evidence: str
    mounted: int
    present: int
    sent: int
    notes: tuple[str, ...]


def image_assemble(
    reference: str | Reference,
    *,
    base: str | Reference,
    strict: bool = False,
    tag: str | None = None,
    env: Mapping[str, str] | None = None,
    cmd: Sequence[str] | None = None,
    port: int = PORT,
    user: str | None = None,
    platforms: Iterable[str] = (),
    allow_pickle: bool | None = None,
    modelcar: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> ImageAssembleResult:
    """Make an image that runs a version, for every platform of its base; name it, and tie it.

    The base has Python and the packages already: a ``runtime`` image that was built for a version
    with this lock. Where its packages are others, or nothing says which it has, a note says so;
    with ``strict`` that is refused. A tag of the base is looked at once. Without ``cmd`` the image
    runs ``lading serve /models``. KServe starts a shell in a ``modelcar``: it has no entrypoint,
    and runs the same otherwise. The same version, base and wishes are the same image, and a
    second time nothing changes. Docker, Podman and Kubernetes run it by the tag or by the digest.

    Raises:
        InvalidInput: the base is no image, or has no name; or an option cannot be.
        NotFound: there is no such version or base.
        Conflict: ``strict``, and the base's packages are not known to be the lock's.
        Unsupported: there are more layers than runtimes take, or one may not be passed on.
        Unavailable: the image was put, and its tag is not there.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    base_place = stores.locate(base, settings)
    allowed = is_allowed(place, settings) if allow_pickle is None else allow_pickle
    wish = replace(_checked(env or {}, cmd, port, user), allow_pickle=allowed, bare=modelcar)
    wanted = [platform_of(each) for each in platforms]
    store = stores.open_store(place, settings)
    what = subject(store, place, settings)
    name = _tag(tag, what, settings)
    index, model = _model(store, what)
    beside = store_beside(store, base_place, place, settings)
    found = found_base(beside, base_place, wanted)
    if strict:
        _demand_fit(store, model, found)
    made = assemble(found.images, model.layers, _wish(wish, what, index.annotations, found.place))
    previous, notes = _named(store, name), found.notes
    tally = Tally()
    if previous != made.index.descriptor.digest:
        if beside is not store:
            tally = take(
                beside, store, made.base_layers, jobs=settings.jobs, on_progress=on_progress
            )
        _publish(store, made, name)
    if not strict:
        # It decides nothing, and the image is not kept waiting for it.
        notes = (*notes, *_misfits(store, model, found))
    attachment = Attachment(what.place, store, what.root, what.model, actor(settings))
    same = previous == made.index.descriptor.digest
    done = hang_image(attachment, _evidence(attachment, made, found.place))
    notes = (*notes, *done.notes, *_read_back(store, made.index.descriptor, name, same=same))
    return ImageAssembleResult(
        reference=str(what.place),
        digest=what.digest,
        tag=name,
        image=made.index.descriptor.digest,
        platforms=tuple(str(part.base.platform) for part in made.parts),
        base=str(found.place),
        layers=len(made.parts[0].manifest.layers),
        status="unchanged" if same and done.status == "unchanged" else "assembled",
        previous=None if same else previous,
        evidence=done.digest,
        mounted=tally.bytes("mounted"),
        present=tally.bytes("present"),
        sent=tally.bytes("sent"),
        notes=notes,
    )


# What was asked for


def _checked(
    env: Mapping[str, str], cmd: Sequence[str] | None, port: int, user: str | None
) -> Wish:
    for key, value in env.items():
        if _NAME.fullmatch(key) is None or len(value) > _LONGEST or "\0" in value:
            raise InvalidInput(f"not a variable: {key[:60]!r}", hint="--env NAME=VALUE")
        if key in ("LADING_MODEL_DIGEST", "LADING_MODEL_REFERENCE"):
            raise InvalidInput(f"{key} is said by the image itself", hint="choose another name")
    if not 0 < port < 65536:
        raise InvalidInput(f"not a port: {port}", hint="--port 8080")
    if cmd is not None and (not cmd or any("\0" in word for word in cmd)):
        raise InvalidInput("the command has no words", hint="--cmd 'lading serve /models'")
    if user is not None and _USER.fullmatch(user) is None:
        raise InvalidInput(f"not a user: {user[:60]!r}", hint="--user 65532:65532")
    return Wish(None, {}, env, None if cmd is None else tuple(cmd), port, user)


def _tag(tag: str | None, what: Subject, settings: Settings) -> str:
    """The tag that the image gets: its own, or one that somebody may set."""
    version = Version.parse(what.version)
    if tag is None or (image := image_of(tag)) == (_TARGET, version):
        return image_tag(_TARGET, version)
    if image:
        raise InvalidInput(
            f"{tag} is the {image[0]} image of {image[1]}",
            cause=f"this is a {_TARGET} image of {version}",
            hint="leave out --tag",
        )
    if is_stage(what.place.with_tag(settable(tag)), settings):
        raise InvalidInput(f"{tag} is a stage, and an image is none", hint="choose another tag")
    return tag


def _wish(wish: Wish, what: Subject, annotations: Mapping[str, str], base: Reference) -> Wish:
    """What was asked for, with what the version says of itself."""
    named = f"{name_of(what.place)}:{what.place.tag}"
    said = {
        mediatypes.TITLE: annotations.get(mediatypes.TITLE) or what.place.repository,
        mediatypes.VERSION: what.version,
        mediatypes.CREATED: annotations.get(mediatypes.CREATED),
        mediatypes.SOURCE: annotations.get(mediatypes.SOURCE),
        mediatypes.BASE_NAME: name_of(base),
        mediatypes.BASE_DIGEST: base.digest,
        REFERENCE: named,
        DIGEST: what.digest,
        TARGET: _TARGET,
    }
    return replace(
        wish,
        created=annotations.get(mediatypes.CREATED),
        labels={key: str(text)[:_LONGEST] for key, text in sorted(said.items()) if text},
        env={
            **wish.env,
            "LADING_MODEL_DIGEST": what.digest,
            "LADING_MODEL_REFERENCE": named,
        },
    )


def _model(store: AnyStore, what: Subject) -> tuple[Index, Manifest]:
    """The version's index, and its model manifest: the layers there are never compressed."""
    index = parse(read(store, what.root), what.root.media_type)
    entry = next((each for each in index.children if each.digest == what.model), None)
    if isinstance(index, Index) and entry:
        manifest = parse(read(store, entry), entry.media_type)
        if isinstance(manifest, Manifest) and manifest.kind == mediatypes.MODEL:
            return index, manifest
    raise InvalidInput(f"{what.place} was not pushed by Lading", hint="push it: lading push")


def _demand_fit(store: AnyStore, model: Manifest, found: FoundBase) -> None:
    if differing := _misfits(store, model, found):
        raise Conflict(
            f"{found.shown} is not known to have the packages of the version's lock",
            cause="; ".join(differing),
            hint="lading image build REF --target runtime --push makes a base that has them",
        )


def _misfits(store: AnyStore, model: Manifest, found: FoundBase) -> tuple[str, ...]:
    """How the base's packages differ from the version's lock, in words."""
    if not found.says_its_lock:
        return (f"nothing says which packages {found.shown} has: lading image check looks",)
    document = Document.parse(read(store, model.config, limit=DOCUMENT_LIMIT))
    return misfits(found, document.environment)


# What is put


def _publish(store: AnyStore, made: Assembly, name: str) -> None:
    """Configs, manifests, and at last the index under its tag.

    An image's tag may move: of two people at once the last one has it, and evidence tells of both.
    """
    for part in made.parts:
        store.push(part.manifest.config, BytesContent(part.config))
        store.push(part.manifest.descriptor, BytesContent(part.manifest.raw))
    store.push(made.index.descriptor, BytesContent(made.index.raw), name)


def _read_back(store: AnyStore, index: Descriptor, name: str, *, same: bool) -> tuple[str, ...]:
    """What became of the tag meanwhile; it is looked at last, when others have had their time."""
    there = index.digest if same else _named(store, name)
    if there is None:
        raise Unavailable(
            f"{name} was put and is not there",
            cause="the registry lost it, or somebody removed it",
            hint="run it again",
        )
    if there != index.digest:
        return (f"{name} is {there} now: somebody else made one at the same time",)
    return ()


def _named(store: AnyStore, name: str) -> Digest | None:
    try:
        return store.resolve(name).digest
    except NotFound:
        return None


def _evidence(attachment: Attachment, made: Assembly, base: Reference) -> Image:
    from lading import __version__

    return Image(
        index=attachment.root.digest,
        model=attachment.model,
        target=_TARGET,
        repository=name_of(attachment.place),
        descriptor=made.index.descriptor,
        platforms=tuple(part.base.platform for part in made.parts),
        base=BaseImage(name_of(base), base.digest),
        how="assembled",
        tool=f"lading {__version__}",
        created=instant(),
        actor=attachment.actor,
        reproducible=True,
    )
