"""The image that somebody named to pull a model before its server starts: looked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lading.operations.carrying.history import name_of
from lading.operations.deploying.serving import looked_up
from lading.operations.reading.image_packages import images_in
from lading.spec.image import LABELS

if TYPE_CHECKING:
    from lading.images.base import Base
    from lading.settings import Settings
    from lading.spec.reference import Reference


class Pulling(NamedTuple):
    """An image that pulls, by digest; nothing where nobody named one."""

    reference: str | None = None
    notes: tuple[str, ...] = ()


def pulling(image: str | Reference, settings: Settings) -> Pulling:
    """The image by digest, and whether it says that it can do what it is started for.

    Raises:
        NotFound: there is no such image.
        InvalidInput: it is none that runs anywhere.
    """
    store, place, root = looked_up(image, settings)
    found = images_in(store, root, str(place), ())
    reference = f"{name_of(place)}@{root.digest}"
    if all(_has_lading(each.base) for each in found):
        return Pulling(reference)
    return Pulling(
        reference,
        (
            f"{place} says nothing of Lading, which is started in it to pull the model: "
            "Dockerfiles/client.Dockerfile builds an image that has it",
        ),
    )


def _has_lading(base: Base) -> bool:
    """Whether an image starts Lading by itself, or was made by it."""
    starts = base.entrypoint[:1] and base.entrypoint[0].rpartition("/")[2] == "lading"
    return bool(starts) or any(name.startswith(LABELS) for name in base.labels)
