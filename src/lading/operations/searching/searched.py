"""What a search looks through: repositories that are named, set, or listed by a registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import AccessDenied, InvalidInput, Unsupported
from lading.operations import stores
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings

_ALL: Final = "*"
_BELOW: Final = "/*"
_LAYOUT: Final = "oci:"
# Before a dot these are no host's first label.
_GROUPS: Final = ("metrics", "params", "tags", "evaluation")
# A request for each is a long wait already.
_MOST_REPOSITORIES: Final = 20_000
_HINT: Final = "name the repositories, or set them: LADING_REPOSITORIES=HOST/NAME,HOST/NAME"


def searched(
    repositories: Iterable[str], settings: Settings, known: Iterable[str]
) -> tuple[Reference, ...]:
    """The repositories to look through, each once.

    Those given; else those that the settings name; else all of the default registry's catalogue, or
    of the store on this machine. ``HOST/PREFIX/*`` stands for all below it. ``known`` are those of
    earlier searches, which stand in for a registry that may not be asked.

    Raises:
        InvalidInput: one names a version, or is no name.
        Unsupported: a registry would have to list what is on it, and keeps no catalogue.
    """
    names = tuple(repositories) or tuple(sorted(settings.repositories)) or (_ALL,)
    known = tuple(known)
    places: dict[str, Reference] = {}
    for name in names:
        for place in _expanded(name, settings, known):
            places.setdefault(full_name(place, settings), place)
    return tuple(places.values())


def is_place(text: str) -> bool:
    """Whether somebody wrote repositories and no expression: ``HOST/NAME``, ``HOST/PREFIX/*``."""
    if text.startswith(_LAYOUT):
        return True
    if text.partition(".")[0] in _GROUPS and not text.endswith(_BELOW):
        return False  # a metric may be called acc/top1
    try:
        place = Reference.parse(f"{text.removesuffix(_ALL)}x" if text.endswith(_BELOW) else text)
    except InvalidInput:
        return False
    return place.host is not None or text.endswith(_BELOW)


def full_name(place: Reference, settings: Settings) -> str:
    """A name of a repository that means the same from everywhere on this machine."""
    if place.host:
        return place.base
    return f"oci:{Path(stores.local_folder(place, settings)).absolute()}"


def person_name(place: Reference, settings: Settings) -> str:
    """The shortest name by which a person reaches a repository."""
    if not place.host or not settings.registry:
        return place.base
    short = place.base.removeprefix(f"{settings.registry.rstrip('/')}/")
    try:
        return short if stores.locate(short, settings) == place else place.base
    except InvalidInput:
        return place.base


def _expanded(name: str, settings: Settings, known: tuple[str, ...]) -> Iterator[Reference]:
    if name != _ALL and not name.endswith(_BELOW):
        place = stores.locate(name, settings)
        if place.name:
            raise InvalidInput(f"a search takes repositories, not {place}", hint=place.base)
        yield place
        return
    # What stands before the * is a name by itself, so any name below it tells what it means.
    some = stores.locate(f"{name.removesuffix(_ALL)}x", settings)
    below = some.repository.removesuffix("x")
    if some.layout is not None:
        raise InvalidInput(f"{name} is no pattern", cause="a layout folder is one repository")
    for repository in _listed(some.host, settings, known):
        if repository.startswith(below):
            yield Reference(repository, host=some.host)


def _listed(host: str | None, settings: Settings, known: tuple[str, ...]) -> Iterable[str]:
    if host is None:
        return stores.local_repositories(settings)
    if settings.offline:
        return [name.removeprefix(f"{host}/") for name in known if name.startswith(f"{host}/")]
    return sorted(_catalogue(host, settings))


def _catalogue(host: str, settings: Settings) -> list[str]:
    from lading.stores.remote.listing import catalogue

    try:
        found = list(islice(catalogue(host, settings, demanded=True), _MOST_REPOSITORIES + 1))
    except AccessDenied as denied:
        # Registries with many tenants let nobody list all of them.
        raise Unsupported(
            f"{host} does not say what is on it", cause=str(denied), hint=_HINT
        ) from denied
    if len(found) > _MOST_REPOSITORIES:
        raise Unsupported(
            f"there are too many repositories on {host} to look through",
            cause=f"more than {_MOST_REPOSITORIES:,}",
            hint=_HINT,
        )
    return found
