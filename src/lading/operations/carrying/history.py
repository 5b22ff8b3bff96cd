"""History that goes along with a version: the events that speak of it, as evidence elsewhere.

A version that is promoted into another repository takes with it what was said of it where it was.
The events' own bytes travel, so their digests are the same; they take no part in the other ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.errors import Unsupported
from lading.ledger.artifact import EVENT
from lading.operations.lifecycle.carried import MOST_DECIDING
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import WORDS, Recorded
from lading.spec.evidence import HISTORY, artifact_type
from lading.transfer import read
from lading.transfer.attach import attach

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.spec.reference import Reference

ORIGIN: Final = "dev.lading.origin"
# What policies ask for. It all comes along: others must not be able to push any of it out.
_DECIDING: Final = WORDS | {"registered", "assigned", "deprecated"}
# Of all together, where some decide nothing.
_MOST: Final = 500


def carry_events(origin: Logbook, book: Book, what: Subject, to: Logbook) -> None:
    """Attach the events that speak of a version to its copy; doing it again does nothing twice.

    Raises:
        Unsupported: there are too many of those by which policies decide.
    """
    about = [recorded for recorded in book.ordered() if recorded.event.digest == what.digest]
    if not about:
        return
    taken = _taken(about)
    if left_out := len(about) - len(taken):
        to.note(f"{left_out} older events about {what.version} stay in {name_of(origin.place)}")
    layers = []
    for recorded in taken:
        raw = read(origin.store, origin.store.resolve(recorded.digest))
        layers.append((Descriptor(EVENT, recorded.digest, len(raw)), BytesContent(raw)))
    attach(
        to.store,
        what.root,
        layers,
        artifact_type=artifact_type(HISTORY),
        annotations={
            # The newest event's, so that the same history is the same evidence.
            mediatypes.CREATED: about[-1].event.time,
            mediatypes.TITLE: f"history from {name_of(origin.place)}"[:200],
            ORIGIN: name_of(origin.place),
        },
    )


def name_of(place: Reference) -> str:
    """A repository as others may know it for ever: of this machine's folders, only the name."""
    return place.base if place.host else place.repository


def _taken(about: list[Recorded]) -> list[Recorded]:
    """What policies ask for, and the newest of all else, in their order."""
    deciding = {recorded.digest for recorded in about if recorded.event.kind in _DECIDING}
    if len(deciding) > MOST_DECIDING:
        raise Unsupported(
            "the version's history is too long to go along",
            cause=f"{len(deciding)} events by which policies decide; {MOST_DECIDING} may travel",
            hint="copy the whole repository: lading copy --all",
        )
    others = [recorded.digest for recorded in about if recorded.digest not in deciding]
    newest = set(others[-room:]) if (room := _MOST - len(deciding)) > 0 else set[Digest]()
    return [recorded for recorded in about if recorded.digest in deciding | newest]
