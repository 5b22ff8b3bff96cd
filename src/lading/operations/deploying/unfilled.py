"""A stage that names nothing: what fills it, in the place whose word that is.

Where a mirror speaks for its registry nothing can be written to that, and what was unbundled there
without its ledger has no stages. Whoever advises otherwise sends people to a refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lading.operations import stores

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.spec.reference import Reference


class Unfilled(NamedTuple):
    """What is said of an empty stage."""

    # Whose word it is, where it is not the registry's.
    note: str | None
    # What has it name a version.
    fills: str


def unfilled(store: AnyStore, place: Reference, stage: str) -> Unfilled:
    """What is said of a stage that names nothing in a store, after that was asked."""
    mirror = stores.spokesman(store)
    if mirror is None:
        return Unfilled(None, _promote(place.base, stage))
    below = f"/{place.repository}"
    # A mirror may call a repository otherwise, and a bundle comes to where the rest of a name is.
    site = mirror.removesuffix(below) if mirror.endswith(below) else "REGISTRY"
    return Unfilled(
        f"{place.host} does not answer, and its mirror {mirror} has nothing in {stage}",
        f"lading unbundle FILE {site} --stages brings it; or {_promote(mirror, stage)},"
        f" and then {mirror} --stage {stage} in its place",
    )


def _promote(base: str, stage: str) -> str:
    return f"lading promote {base}:VERSION {stage}"
