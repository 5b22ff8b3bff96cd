"""Make a runnable image of a version: a base's layers, the model's own as they are, a new config.

No container engine is asked and no weights move. The base's layers are mounted from the repository
beside the model's, or copied first; then configs, manifests, and the index under its tag, in that
order: interrupted at any moment, nothing has a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from lading.errors import InvalidInput, NotFound
from lading.images.assembly import PORT, Assembly, Wish, assemble
from lading.images.base import CONFIG_LIMIT, Base, base_of, entries
from lading.operations import stores
from lading.operations.attaching.attachment import Attachment
from lading.operations.attaching.image_evidence import hang_image
from lading.operations.carrying.history import name_of
from lading.operations.lifecycle.actor import actor
from lading.operations.lifecycle.stages import is_stage
from lading.operations.lifecycle.subject import Subject, subject
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.event import now
from lading.spec.image import DIGEST, REFERENCE, TARGET, BaseImage, Image, platform_of
from lading.spec.manifest import Index, Manifest, parse
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
    tag: str | None = None,
    env: Mapping[str, str] | None = None,
    cmd: Sequence[str] | None = None,
    port: int = PORT,
    user: str | None = None,
    platforms: Iterable[str] = (),
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> ImageAssembleResult:
    """Make an image that runs a version, for every platform of its base; name it, and tie it.

    The base is named by digest and has Python and the packages already. Without ``cmd`` the image
    runs ``lading serve /models``. The same version, base and wishes are the same image, and a
    second time nothing changes. Docker, Podman and Kubernetes run it by the tag or by the digest.

    Raises:
        InvalidInput: the base is no image, or not named by digest; or an option cannot be.
        NotFound: there is no such version or base.
        Unsupported: there are more layers than runtimes take, or one may not be passed on.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    base_place = stores.locate(base, settings)
    wish = _checked(env or {}, cmd, port, user)
    wanted = [platform_of(each) for each in platforms]
    store = stores.open_store(place, settings)
    what = subject(store, place, settings)
    name = _tag(tag, what, settings)
    index, cargo = _cargo(store, what)
    beside = _beside(store, base_place, place, settings)
    root = _base(beside, base_place)
    bases = _bases(beside, root, str(base_place), wanted)
    made = assemble(bases, cargo, _wish(wish, what, index.annotations, base_place))
    previous = _named(store, name)
    tally = Tally()
    if previous != made.index.descriptor.digest:
        if beside is not store:
            tally = take(
                beside, store, made.base_layers, jobs=settings.jobs, on_progress=on_progress
            )
        _publish(store, made, name)
    attachment = Attachment(what.place, store, what.root, what.model, actor(settings))
    same = previous == made.index.descriptor.digest
    moved = previous is not None and not same
    done = hang_image(attachment, _evidence(attachment, made, base_place), anew=moved)
    return ImageAssembleResult(
        reference=str(what.place),
        digest=what.digest,
        tag=name,
        image=made.index.descriptor.digest,
        platforms=tuple(str(part.base.platform) for part in made.parts),
        base=str(base_place),
        layers=len(made.parts[0].manifest.layers),
        status="unchanged" if same and done.status == "unchanged" else "assembled",
        previous=None if same else previous,
        evidence=done.digest,
        mounted=tally.bytes("mounted"),
        present=tally.bytes("present"),
        sent=tally.bytes("sent"),
        notes=done.notes,
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
    return Wish(
        created=annotations.get(mediatypes.CREATED),
        labels={key: str(text)[:_LONGEST] for key, text in sorted(said.items()) if text},
        env={
            **wish.env,
            "LADING_MODEL_DIGEST": what.digest,
            "LADING_MODEL_REFERENCE": named,
        },
        cmd=wish.cmd,
        port=wish.port,
        user=wish.user,
    )


def _cargo(store: AnyStore, what: Subject) -> tuple[Index, tuple[Descriptor, ...]]:
    """The version's index, and its layers as its model manifest has them: never compressed."""
    index = parse(read(store, what.root), what.root.media_type)
    entry = next((each for each in index.children if each.digest == what.model), None)
    if isinstance(index, Index) and entry:
        manifest = parse(read(store, entry), entry.media_type)
        if isinstance(manifest, Manifest) and manifest.kind == mediatypes.MODEL:
            return index, manifest.layers
    raise InvalidInput(f"{what.place} was not pushed by Lading", hint="push it: lading push")


# The base


def _beside(store: AnyStore, base: Reference, place: Reference, settings: Settings) -> AnyStore:
    """Where the base is: the very store of the model, where both are in one repository."""
    from lading.stores.remote.registry import RemoteStore

    if (base.host, base.layout, base.base) == (place.host, place.layout, place.base):
        return store
    remote = store if isinstance(store, RemoteStore) else None
    return stores.open_store(base, settings, beside=remote)


def _base(store: AnyStore, place: Reference) -> Descriptor:
    """The base, by digest: a tag would be another image tomorrow."""
    if place.digest:
        return store.resolve(place.digest)
    meant = stores.resolve(store, place)
    raise InvalidInput(
        f"{place} is a tag, and tags move",
        cause="an image is made of exactly one base",
        hint=f"--base {place.base}@{meant.digest}",
    )


def _bases(store: AnyStore, root: Descriptor, shown: str, wanted: Sequence[Platform]) -> list[Base]:
    top = parse(read(store, root), root.media_type)
    if isinstance(top, Manifest):
        found = [_one(store, top, shown)]
        if wanted and found[0].platform not in wanted:
            raise InvalidInput(f"{shown} is for {found[0].platform} only")
        return found
    return [
        _one(store, _manifest(store, entry, shown), shown, entry.platform)
        for entry in entries(top, shown, wanted)
    ]


def _manifest(store: AnyStore, entry: Descriptor, shown: str) -> Manifest:
    manifest = parse(read(store, entry), entry.media_type)
    if isinstance(manifest, Index):
        raise InvalidInput(f"{shown} is an index of indexes")
    return manifest


def _one(store: AnyStore, manifest: Manifest, shown: str, stated: Platform | None = None) -> Base:
    raw = b"{}"
    if manifest.config.media_type in mediatypes.IMAGE_CONFIGS:
        raw = read(store, manifest.config, limit=CONFIG_LIMIT)
    return base_of(manifest, raw, shown, stated)


# What is put


def _publish(store: AnyStore, made: Assembly, name: str) -> None:
    """Configs, manifests, and at last the index under its tag.

    An image's tag may move: of two people at once the last one has it, and evidence tells of both.
    """
    for part in made.parts:
        store.push(part.manifest.config, BytesContent(part.config))
        store.push(part.manifest.descriptor, BytesContent(part.manifest.raw))
    index = made.index.descriptor
    store.push(index, BytesContent(made.index.raw), name)


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
        created=now(),
        actor=attachment.actor,
        reproducible=True,
    )
