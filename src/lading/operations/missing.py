"""What is said of a repository in which nothing is: which one may be meant, and what begins it.

A registry does not tell a repository that never was from one without a tag, so they are one here.
Who asks for a version that a repository has not is answered by :func:`lading.operations.stores`.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from lading.errors import LadingError, NotFound
from lading.operations import stores

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference


def demand_begun(
    store: AnyStore, place: Reference, settings: Settings, names: Collection[str]
) -> None:
    """Refuse a repository that has no tag; ``names`` are those that were found in it.

    Raises:
        NotFound: it has none; says which repository may be meant.
    """
    if names:
        return
    begin = f"lading push PATH {place.base}:0.1.0"
    if not place.host:
        raise NotFound(f"{place.base} has no versions", hint=begin)
    if speaker := stores.spokesman(store):
        cause = f"{place.host} does not answer, and its mirror {speaker} has no tag"
        meant = ""  # who just did not answer would be waited for once more
    else:
        cause = f"{place.host} has no tag of it"
        meant = _meant(place.host, place, settings)
    raise NotFound(
        f"there is no {place.base}",
        cause=cause,
        hint=f"{meant}{stores.others_on(place.host)}; {begin} begins a new one",
    )


def demand_begun_after(store: AnyStore, place: Reference, settings: Settings) -> None:
    """The same for who was told that some name is not there: the tags are asked for.

    Raises:
        NotFound: there are none at all.
    """
    try:
        names = list(islice(store.names(), 1))
    except LadingError:
        return  # what was found out before says more
    demand_begun(store, place, settings, names)


def _meant(host: str, place: Reference, settings: Settings) -> str:
    from lading.spec.nearest import near
    from lading.stores.remote.listing import catalogue

    found: list[str] = []
    with suppress(LadingError):  # who may not see the catalogue still learns what is missing
        names = islice(catalogue(host, settings), stores.MOST_COMPARED)
        found = near(place.repository, names, cutoff=0.6)
    return f"did you mean {host}/{found[0]}? " if found else ""
