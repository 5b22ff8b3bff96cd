"""A version's tag that somebody gave to another version: refused where it is used, said elsewhere.

The index says it itself, and a store hands that over with the tag: no request more, no ledger.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lading.errors import IntegrityError
from lading.spec.manifest import parse
from lading.spec.own_version import other_version
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Source
    from lading.spec.descriptor import Descriptor
    from lading.spec.reference import Reference
    from lading.spec.version import Version

_log = logging.getLogger(__name__)


def demand_own_version(source: Source, place: Reference, root: Descriptor) -> None:
    """Refuse what a version's tag names, where it says that it is another version.

    Raises:
        IntegrityError: it is.
    """
    if said := other_than_named(source, place, root):
        raise refusal(place, root, said)


def refusal(place: Reference, root: Descriptor, said: Version) -> IntegrityError:
    """What is said to whoever wants to use a version whose tag names another."""
    return IntegrityError(
        f"the tag {place.tag} names version {said}",
        cause=f"{place.base}:{place.tag} was given to other content: {root.digest}",
        hint=f"lading ledger repair {place.base} gives it back what was registered;"
        f" lading ledger verify {place.base} says what is known; LADING_UNCHECKED=1 believes tags",
    )


def warn_of_other_version(source: Source, place: Reference, root: Descriptor) -> None:
    """Say that a version's tag names another one, where somebody only looks."""
    if said := other_than_named(source, place, root):
        _log.warning("%s", warning(place, said))


def warning(place: Reference, said: Version) -> str:
    """What is said to whoever only looks."""
    return (
        f"the tag {place.tag} names version {said}: it was given to other content;"
        f" lading ledger repair {place.base}"
    )


def other_than_named(source: Source, place: Reference, root: Descriptor) -> Version | None:
    """The version that lies under the tag of another one; None where nothing is wrong."""
    if place.digest or not place.tag or not root.is_index:
        return None
    return other_version(place.tag, parse(read(source, root), root.media_type).annotations)
