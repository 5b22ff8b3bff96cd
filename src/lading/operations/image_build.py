"""Build the images of a version: the model, and the environment that it was made in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.images.build import Build
from lading.images.packages import OWN, only_training
from lading.images.wheel import running_versions
from lading.operations.image_dockerfile import wanted_targets
from lading.operations.imaging.planned import Planned, sent, settled_plan
from lading.spec.reference import Reference
from lading.spec.tags import SERVING, Target, image_tag, target_of

if TYPE_CHECKING:
    from lading.images.engine import Built, Engine
    from lading.operations.attaching.attachment import Attachment
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.image import Image

OnLine = Callable[[str], None]

# Where the steps inside a build leave what they installed.
_RECORD: Final = "/opt/model/lading-packages.json"


@dataclass(frozen=True, slots=True)
class ImageOfVersion:
    """One image that was built; ``digest`` and ``evidence`` once it was pushed."""

    target: str
    name: str
    # Of its configuration: what the builder calls the image.
    id: str
    platform: str
    size: int
    base: str
    packages: tuple[str, ...]
    # Packages of the lock that are not in it.
    without: tuple[str, ...]
    reproducible: bool
    why_not: str | None
    digest: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class ImageBuildResult:
    """What was built for a version, and by whom."""

    reference: str
    digest: str
    builder: str
    images: tuple[ImageOfVersion, ...]
    notes: tuple[str, ...]


def image_build(
    reference: str | Reference,
    *,
    target: str = "serve",
    push: bool = False,
    base: str | None = None,
    tag: str | None = None,
    platform: str | None = None,
    allow_pickle: bool | None = None,
    fresh: bool = False,
    settings: Settings | None = None,
    on_line: OnLine | None = None,
) -> ImageBuildResult:
    """Build images of a version with Docker or Podman, from the lock that it was made with.

    The model is loaded in the serving image while that is built. With ``push`` each goes beside the
    model as ``serve-VERSION``, and evidence on the version names its digest.

    Raises:
        InvalidInput: there is no such target, or the base is for another platform or Python.
        Unavailable: no builder answers, or it cannot reach an index or a registry.
        NotFound: there is no such version, no lock, or no such base image.
        Unsupported: a package has no wheel for the image, or the model cannot be loaded in it.
        PolicyRefused: loading the model would run code of its own, and nobody allowed that.
        Conflict: what the lock pins does not go together.
        LocalFailure: the disk is full, or something else of the builder's is in the way.
    """
    from lading.images.engine import Engine
    from lading.settings import process_environment

    targets = wanted_targets(target)
    if platform is not None:
        _demand_one(platform)
    plan, settings = settled_plan(reference, settings, base=base, allow_pickle=allow_pickle)
    _demand_sense(plan, targets, push=push, tag=tag)
    with ExitStack() as stack:
        # A builder that is not there is told before gigabytes are pulled.
        engine = stack.enter_context(Engine.find(process_environment(), settings.builder))
        work = _Work(plan, engine, settings, platform, fresh, on_line)
        images = [work.built(each, tag) for each in targets]
        if push:
            images = [work.pushed(image) for image in images]
    return ImageBuildResult(
        reference=str(plan.place),
        digest=plan.digest,
        builder=engine.name,
        images=tuple(images),
        notes=plan.recipe.notes,
    )


def _demand_one(platform: str) -> None:
    """One platform: engines run what they build, and run few processors but their own."""
    from lading.spec.image import platform_of

    if "," in platform:
        raise Unsupported(
            "one platform is built at a time",
            cause="the steps of a build are run, and each platform needs a builder that can",
            hint="build runtime where each platform is at home, join those images in one index, and"
            " lading image assemble makes an image for every platform of it",
        )
    platform_of(platform)


def _demand_sense(
    plan: Planned, targets: tuple[Target, ...], *, push: bool, tag: str | None
) -> None:
    if tag is not None and (push or len(targets) > 1):
        raise InvalidInput(
            "--tag names one image on this machine",
            cause="a pushed one is called TARGET-VERSION, beside its model",
        )
    if not push:
        return
    if not plan.place.host:
        raise Unsupported(
            f"{plan.place.base} is on this machine, where no engine can push to",
            hint="an image lies beside its model: lading copy it to a registry, and build it there",
        )
    if plan.version is None:
        raise InvalidInput(
            f"{plan.place} has no version that an image could be named after",
            hint="name it by its version: NAME:1.2.0",
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """One run: builds and pushes with one engine."""

    plan: Planned
    engine: Engine
    settings: Settings
    platform: str | None
    fresh: bool
    on_line: OnLine | None

    def built(self, target: Target, tag: str | None) -> ImageOfVersion:
        settings, recipe = self.settings, self.plan.recipe
        context = sent(self.plan, (target,), settings)
        build = Build(
            name=tag or self._name(target),
            target=target,
            base=recipe.bases[target],
            network=settings.build_network,
            platform=self.platform,
            fresh=self.fresh,
        )
        built = self.engine.build(build, context, on_line=self.on_line)
        packages = self._packages(built)
        why_not = "; ".join(self._why_not(built, target, packages)) or None
        return ImageOfVersion(
            target=target,
            name=built.name,
            id=built.id,
            platform=built.platform,
            size=built.size,
            base=_with_digest(recipe.bases[target], built.base_digest),
            packages=tuple(f"{name}=={version}" for name, version in packages.items()),
            without=only_training(recipe.division, packages),
            reproducible=why_not is None,
            why_not=why_not,
            digest=None,
            evidence=None,
        )

    def pushed(self, image: ImageOfVersion) -> ImageOfVersion:
        """Push an image, look at it where it is now, and tell its version of it."""
        from lading.operations.attaching.attachment import Attachment
        from lading.operations.attaching.image_evidence import hang_image

        attachment = Attachment.to(self.plan.place.with_digest(self.plan.digest), self.settings)
        pushed = self.engine.push(image.name, self._credential(), self.on_line)
        try:
            # By the engine's word: whoever may push may have given the tag to another meanwhile.
            descriptor = attachment.store.resolve(pushed or image.name.rpartition(":")[2])
        except NotFound as error:
            raise NotFound(
                f"{image.name} was pushed and is not in the registry",
                cause="the engine and Lading speak to different ones under this name",
                hint="look at the engine's mirrors and proxies",
            ) from error
        evidence = hang_image(attachment, self._evidence(attachment, image, descriptor))
        return replace(image, digest=descriptor.digest, evidence=evidence.digest)

    def _evidence(
        self, attachment: Attachment, image: ImageOfVersion, descriptor: Descriptor
    ) -> Image:
        from lading.spec.digest import Digest
        from lading.spec.event import instant
        from lading.spec.image import MOST_PACKAGES, BaseImage, Image, platform_of

        name, _, digest = image.base.partition("@")
        return Image(
            index=attachment.root.digest,
            model=attachment.model,
            target=target_of(image.target),
            repository=self.plan.place.base,
            descriptor=descriptor,
            platforms=(platform_of(image.platform),),
            base=BaseImage(name, Digest(digest) if digest else None),
            how="built",
            tool=self.engine.name,
            created=instant(),
            actor=attachment.actor,
            reproducible=image.reproducible,
            why_not=image.why_not,
            packages=image.packages if len(image.packages) <= MOST_PACKAGES else (),
        )

    def _name(self, target: Target) -> str:
        place, version = self.plan.place, self.plan.version
        repository = f"{place.host}/{place.repository}" if place.host else place.repository
        if place.layout is not None:
            repository = self.plan.recipe.identity.name
        tag = image_tag(target, version) if version else f"{target}-{self.plan.digest.short}"
        return f"{repository}:{tag}"

    def _packages(self, built: Built) -> dict[str, str]:
        """What the steps inside the build wrote down, read out of the image itself."""
        raw = self.engine.packages(built.name, _RECORD)
        if raw is None:
            raise NotFound(f"{built.name} does not say which packages it has", cause=_RECORD)
        found = json.loads(raw)["packages"]
        return {str(name): str(version) for name, version in found.items()}

    def _why_not(self, built: Built, target: Target, packages: Mapping[str, str]) -> Iterator[str]:
        """Why the same version may give another image tomorrow."""
        recipe = self.plan.recipe
        if built.why_not:
            yield built.why_not
        if "@" not in recipe.bases[target]:
            yield f"the base {recipe.bases[target]} is a tag, and tags move"
        if not recipe.division.is_hashed:
            yield "the lock does not have a hash of every package"
        if recipe.system:
            yield "packages of the operating system are as new as their index"
        if target in SERVING and self.settings.package:
            yield "Lading itself came from an index, without a hash"
        known = {*recipe.division.names, *running_versions(), OWN}
        if floating := sorted(packages.keys() - known):
            yield f"nothing pins {', '.join(floating[:10])}, which the server needs"

    def _credential(self) -> dict[str, str] | None:
        """What Lading itself would show this registry; the engine has credentials of its own."""
        from lading.stores.remote.credentials import Credentials

        found = Credentials.of(self.settings).find(self.plan.place.base)
        if found is None:
            return None
        if found.identity_token:
            return {"identitytoken": found.identity_token}
        if found.registry_token:
            return {"registrytoken": found.registry_token}
        return {"username": found.username, "password": found.password}


def _with_digest(base: str, digest: str | None) -> str:
    return base if "@" in base or not digest else f"{base}@{digest}"
