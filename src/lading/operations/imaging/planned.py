"""A version as the recipe of its images: its document, its lock, and what the settings say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lading.capture.lock import pylock
from lading.errors import NotFound
from lading.images.context import Context, Model, context, pip_configuration
from lading.images.packages import Division, divide
from lading.images.recipe import Identity, Recipe, python_of, recipe
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.load import is_allowed
from lading.operations.lock import recorded_lock
from lading.operations.open import open as open_version
from lading.operations.pull import pull
from lading.spec.digest import Digest
from lading.spec.reference import Reference
from lading.spec.tags import Target
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.operations.open import Opened
    from lading.settings import Settings
    from lading.spec.document import Document


@dataclass(frozen=True, slots=True)
class Planned:
    """A version, and how its images are made."""

    place: Reference
    digest: Digest
    version: Version | None
    recipe: Recipe
    # As it lies beside the model's files in an image.
    document: bytes = field(repr=False)


def planned(
    reference: str | Reference,
    settings: Settings,
    *,
    base: str | None = None,
    allow_pickle: bool | None = None,
) -> Planned:
    """How images of a version are made; nothing but its document and its lock is read.

    Raises:
        NotFound: there is no such version, or it does not say which packages it needs.
        InvalidInput: it is no model, or says something that cannot be.
        IntegrityError: its lock is not the one that its document names.
    """
    with open_version(reference, settings=settings) as opened:
        document = opened.document
        place = Reference.parse(opened.reference)
        version = _version(document, place)
        division = _division(opened, document)
        identity = Identity(
            reference=name_of(place) + (f":{version.tag}" if version else f"@{opened.digest}"),
            digest=opened.digest,
            name=document.name or place.repository,
            version=str(version) if version else None,
        )
        made = recipe(
            document,
            identity,
            division,
            base=base,
            base_setting=settings.base_image,
            allow_pickle=is_allowed(place, settings) if allow_pickle is None else allow_pickle,
        )
        return Planned(place, opened.digest, version, made, opened.document_bytes)


def _division(opened: Opened, document: Document) -> Division:
    environment = document.environment
    if environment is None or not (environment.requirements or environment.lock):
        raise NotFound(
            f"{opened.reference} does not say which packages it needs",
            cause="an image is built from the lock that a model was made with",
            hint="push it as a new version from the environment that it was made in",
        )
    raw = recorded_lock(opened, environment)
    locked = pylock.read(raw, f"the lock of {opened.reference}")
    return divide(locked, environment.direct, python=python_of(environment))


def _version(document: Document, place: Reference) -> Version | None:
    """The version that it is: as its document says, else as it was named."""
    return Version.from_tag((document.version or place.tag or "").replace("+", "_"))


def sent(plan: Planned, targets: tuple[Target, ...], settings: Settings) -> Context:
    """What a builder is sent for some targets; the model is pulled for one that holds it.

    Raises:
        LocalFailure: no wheel can be made of the Lading that runs, or the disk is full.
    """
    model = None
    if "serve" in targets:
        pulled = pull(plan.place.with_digest(plan.digest), settings=settings)
        model = Model(Path(pulled.path), plan.document)
    return context(
        plan.recipe,
        targets,
        model=model,
        pip=pip_configuration(settings.index_url, settings.extra_index_url, settings.retries),
        package=settings.package,
    )


def settled_plan(
    reference: str | Reference,
    settings: Settings | None,
    *,
    base: str | None,
    allow_pickle: bool | None,
) -> tuple[Planned, Settings]:
    """The plan, and the settings that hold for it."""
    settings = stores.settled(settings)
    return planned(reference, settings, base=base, allow_pickle=allow_pickle), settings
