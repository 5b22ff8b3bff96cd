"""Hold the packages in an image against those that its model was made with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lading.capture.compare import Comparison, Difference, Running, compare
from lading.errors import InvalidInput
from lading.images.installed import Contents
from lading.images.matching import needed
from lading.images.packages import linux
from lading.operations import stores
from lading.operations.attaching.attachment import Attachment
from lading.operations.check_env import recorded_environment
from lading.operations.lifecycle.actor import actor
from lading.operations.lifecycle.subject import Subject, subject
from lading.operations.open import open as open_version
from lading.operations.reading.gathered import kept
from lading.operations.reading.image_packages import FoundImage, contents, image_for, images_in
from lading.spec import evidence as kinds
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.event import instant
from lading.spec.image import DIGEST, TARGET, platform_of
from lading.spec.image_match import (
    MATCH_LIMIT,
    MOST_DIFFERENCES,
    ImageMatch,
    Verdict,
    parse_match,
)
from lading.spec.machines import machine_of
from lading.spec.manifest import Manifest, is_image, parse
from lading.spec.mediatypes import VERSION
from lading.spec.plain import text
from lading.spec.tags import Target, target_of
from lading.spec.version import Version
from lading.transfer import OnProgress, read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.environment import Environment
    from lading.spec.reference import Reference

_RANK: Final[tuple[Verdict, ...]] = ("equal", "differs", "incompatible")
_MOST_NAMED: Final = 1000


@dataclass(frozen=True, slots=True)
class CheckedPlatform:
    """An image for one platform, held against the lock; ``packages`` are those that are needed."""

    platform: str
    verdict: Verdict
    packages: tuple[Difference, ...]
    python: Difference | None
    host: tuple[Difference, ...]
    # Of the lock, and not in the image: only training needs them.
    left_out: tuple[str, ...]
    # In the image, and not of the lock: the base's own, and what serves.
    extra: tuple[str, ...]

    @property
    def all(self) -> tuple[Difference, ...]:
        """Everything that was compared."""
        return (*self.packages, *([self.python] if self.python else ()), *self.host)


@dataclass(frozen=True, slots=True)
class ImageCheckResult:
    """An image against the lock of its version; ``evidence`` is what was recorded of it."""

    reference: str
    digest: str
    image: str
    target: str
    verdict: Verdict
    platforms: tuple[CheckedPlatform, ...]
    evidence: str | None
    notes: tuple[str, ...]


def image_check(
    reference: str | Reference,
    *,
    target: str = "serve",
    platform: str | None = None,
    record: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> ImageCheckResult:
    """Compare what is installed in a version's image with what the version was made with.

    ``incompatible`` is a difference that is likely to matter. A package that only training needs
    may be missing where the image is not for training. With ``record`` the answer hangs on the
    version, and gates may ask for it: ``image.matches``.

    Raises:
        NotFound: there is no such version, it has no image for the target, or nothing was recorded
            when it was pushed.
        InvalidInput: the target or the platform is none, or one platform's answer is to be
            recorded.
        IntegrityError: a layer is damaged, or no archive.
    """
    from lading import __version__

    settings = stores.settled(settings)
    if record and platform:
        raise InvalidInput(
            "what is recorded holds for every platform", hint="leave out --platform, or --record"
        )
    wanted = [platform_of(platform)] if platform else []
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    of, aim, root = _aimed(store, place, target_of(target))
    what = subject(store, of, settings)
    with open_version(what.place.with_digest(what.digest), settings=settings) as opened:
        recorded = recorded_environment(opened)
        # A model's own layers hold no packages.
        apart = frozenset(layer.digest for layer in opened.artifact.manifest.layers)
    if root is None:
        root = image_for(store, what.root, aim, what.place, kept(what.place, settings))
    checked, notes = [], list[str]()
    for image in images_in(store, root, str(place), wanted):
        inside = contents(store, image, apart=apart, on_progress=on_progress)
        made, comparison = _checked(recorded, image, inside, aim)
        checked.append(made)
        notes += [*inside.notes, *comparison.notes]
    verdict = max((each.verdict for each in checked), key=_RANK.index)
    evidence = None
    if record:
        match = ImageMatch(
            index=what.digest,
            model=what.model,
            image=root.digest,
            target=aim,
            verdict=verdict,
            differences=tuple(_words(checked))[:MOST_DIFFERENCES],
            created=instant(),
            actor=actor(settings),
            tool=f"lading {__version__}",
        )
        evidence = _record(store, what, match)
    return ImageCheckResult(
        reference=str(what.place),
        digest=what.digest,
        image=root.digest,
        target=aim,
        verdict=verdict,
        platforms=tuple(checked),
        evidence=evidence,
        notes=tuple(dict.fromkeys(notes)),
    )


def _aimed(
    store: AnyStore, place: Reference, target: Target
) -> tuple[Reference, Target, Descriptor | None]:
    """Of which version, for what, and which image, where an image is named itself: it says so."""
    root = stores.resolve(store, place)
    if not is_image(parse(read(store, root), root.media_type)):
        return place, target, None
    said = images_in(store, root, str(place), ())[0].base.labels
    version = Version.from_tag((text(said.get(VERSION)) or "").replace("+", "_"))
    if version is None or DIGEST not in said:
        raise InvalidInput(
            f"{place} does not say which version it is of",
            cause="it was not made by Lading",
            hint="lading image sbom tells what is in any image",
        )
    aim = target_of(text(said.get(TARGET)) or target)
    of = place.with_tag(version.tag)
    if stores.resolve(store, of).digest != said[DIGEST]:
        raise InvalidInput(
            f"{place} was not made for {of}", cause=f"it says that it was made for {said[DIGEST]}"
        )
    return of, aim, root


def _checked(
    recorded: Environment, image: FoundImage, inside: Contents, target: Target
) -> tuple[CheckedPlatform, Comparison]:
    """One platform's image against the lock. Pure."""
    used = inside.used(image.base.environment)
    versions = {key: package.version for key, package in used.items()}
    running = _running(recorded, image, inside, versions)
    comparison = compare(recorded, running)
    locked = [each.name for each in comparison.packages]
    asked = linux(running.python.version, running.platform.machine or "")
    requires = {key: package.requires for key, package in used.items()}
    wanted = needed(recorded.direct, locked, requires, target, asked)
    absent = {each.name for each in comparison.packages if each.state == "missing"}
    python = comparison.python if inside.python(image.base.environment) else None
    packages = tuple(e for e in comparison.packages if e.name in wanted or e.name not in absent)
    compared = (*packages, *([python] if python else ()), *comparison.platform)
    matters = any(each.matters for each in compared)
    equal = all(each.state == "equal" for each in compared)
    checked = CheckedPlatform(
        platform=str(image.base.platform),
        verdict="incompatible" if matters else "equal" if equal else "differs",
        packages=packages,
        python=python,
        host=comparison.platform,
        left_out=tuple(sorted(absent - wanted)),
        extra=tuple(sorted(used.keys() - set(locked)))[:_MOST_NAMED],
    )
    return checked, comparison


def _running(
    recorded: Environment, image: FoundImage, inside: Contents, versions: dict[str, str]
) -> Running:
    """What the image says of itself, in the words of an environment.

    What a file's name cannot say (a patch version, the C library's) is taken to be the same.
    """
    from lading.spec.environment import Host, Python

    known = recorded.python.version if recorded.python else ""
    python = inside.python(image.base.environment) or known or "0"
    if known.startswith(f"{python}."):
        python = known
    host = recorded.platform or Host()
    kind = (host.libc or "").partition(" ")[0]
    same = inside.libc in (None, kind) or not kind
    return Running(
        python=Python(version=python),
        platform=Host(
            system=image.base.platform.os,
            machine=machine_of(image.base.platform.architecture),
            libc=host.libc if same else inside.libc,
        ),
        versions=versions,
    )


def _record(store: AnyStore, what: Subject, match: ImageMatch) -> Digest:
    attachment = Attachment(what.place, store, what.root, what.model, match.actor)
    raw = match.encode()
    kind = kinds.artifact_type(kinds.IMAGE_CHECK)
    layer = Descriptor.of(raw, kind)
    done = attachment.hang(
        (layer, BytesContent(raw)),
        artifact_type=kind,
        created=match.created,
        annotations={},
        says_the_same=lambda manifest: _lasting(store, manifest) == replace(match, created=""),
    )
    return done.digest


def _lasting(store: AnyStore, manifest: Manifest) -> ImageMatch | None:
    """What evidence says whenever it is said."""
    if len(manifest.layers) != 1:
        return None
    return replace(parse_match(read(store, manifest.layers[0], limit=MATCH_LIMIT)), created="")


def _words(checked: Iterable[CheckedPlatform]) -> Iterator[str]:
    """The differences that matter, as a gate shows them."""
    for each in checked:
        for found in each.all:
            if found.matters:
                here = found.running or "missing"
                yield f"{each.platform}: {found.name} {found.recorded}, here {here}"
