"""What can be found out about the models that a new one was made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import parse
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Source
    from lading.settings import Settings

_MOST: Final = 16
# Of a parent only its digest is wanted: nobody waits for a host that does not answer.
_PATIENCE: Final = 5.0


def found_out(
    references: Iterable[str], settings: Settings, notes: list[str]
) -> list[dict[str, Any]]:
    """The digest and licence of each parent that can be reached.

    Whoever cannot be reached is a note: a parent may be a model of another hub.

    Raises:
        NotFound: where one should be, it is not: its name is most likely misspelt.
    """
    hasty = replace(settings, retries=0, timeout=min(settings.timeout, _PATIENCE))
    found = []
    for reference in list(references)[:_MOST]:
        try:
            found.append({"reference": reference, **_known(reference, hasty)})
        except NotFound as error:
            if _is_of_a_hub(reference, settings):
                notes.append(f"the parent {reference} has no digest: {error}")
                continue
            meant = f"{error.hint}; " if error.hint else ""
            raise NotFound(
                f"the parent {reference[:200]} is not there",
                cause=str(error),
                hint=f"{meant}one that lies elsewhere is named in lading.yaml: nobody looks it up",
            ) from error
        except LadingError as error:
            notes.append(f"the parent {reference} has no digest: {error}")
    return found


def _is_of_a_hub(reference: str, settings: Settings) -> bool:
    """Whether a plain name is like nothing on this machine: other hubs' models are called so."""
    place = stores.locate(reference, settings)
    plain = place.host is None and place.layout is None
    return plain and stores.nearest_here(place, settings) is None


def _known(reference: str, settings: Settings) -> dict[str, Any]:
    place = stores.with_name(stores.locate(Reference.parse(reference), settings))
    if place.host and settings.offline:
        raise InvalidInput("offline")
    store = stores.open_store(place, settings)
    root = stores.resolve(store, place)
    license_ = _license(store, root)
    return {"digest": root.digest} | ({"license": license_} if license_ else {})


def _license(store: Source, root: Descriptor) -> str | None:
    manifest = parse(read(store, root), root.media_type)
    return manifest.annotations.get(mediatypes.LICENSES)
