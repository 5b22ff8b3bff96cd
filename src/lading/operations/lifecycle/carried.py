"""History that travels with a version: the events that speak of it, as evidence elsewhere.

A version that is promoted into another repository comes with what was said of it where it was. The
events' own bytes travel, so their digests are the same; they take no part in the other ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.ledger.artifact import EVENT, MANIFEST_LIMIT, unseal
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import WORDS, Recorded
from lading.spec.evidence import HISTORY, Evidence, artifact_type
from lading.spec.manifest import Manifest, parse
from lading.transfer import read
from lading.transfer.attach import attach

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.ports import Source
    from lading.spec.reference import Reference

_log = logging.getLogger(__name__)

ORIGIN: Final = "dev.lading.origin"
# What policies ask for. It all comes along: others must not be able to push any of it out.
_DECIDING: Final = WORDS | {"registered", "assigned", "deprecated"}
# Of all together, where some decide nothing; and what a manifest lists without trouble.
_MOST: Final = 500
_MOST_DECIDING: Final = 4000


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
    if len(deciding) > _MOST_DECIDING:
        raise Unsupported(
            "the version's history is too long to go along",
            cause=f"{len(deciding)} events by which policies decide; {_MOST_DECIDING} may travel",
            hint="copy the whole repository: lading copy --all",
        )
    others = [recorded.digest for recorded in about if recorded.digest not in deciding]
    newest = set(others[-room:]) if (room := _MOST - len(deciding)) > 0 else set[Digest]()
    return [recorded for recorded in about if recorded.digest in deciding | newest]


def events_in(
    source: Source, evidence: Iterable[Evidence], subject: Digest
) -> tuple[Recorded, ...]:
    """The events about a version that came with it.

    What is damaged, or speaks of something else, is no event here.
    """
    found: dict[Digest, Recorded] = {}
    for each in evidence:
        if each.type == HISTORY:
            for recorded in _events(source, each.digest):
                if recorded.event.digest == subject:
                    found[recorded.digest] = recorded
    return tuple(sorted(found.values(), key=lambda recorded: recorded.order))


def _events(source: Source, digest: Digest) -> Iterable[Recorded]:
    descriptor = source.resolve(digest)
    manifest = parse(read(source, descriptor), descriptor.media_type)
    for layer in (
        manifest.children[1 : _MOST_DECIDING + 1] if isinstance(manifest, Manifest) else ()
    ):
        try:
            raw = read(source, layer, limit=MANIFEST_LIMIT)
            yield unseal(source, Descriptor(mediatypes.IMAGE_MANIFEST, layer.digest, len(raw)), raw)
        except (InvalidInput, IntegrityError, NotFound) as error:
            _log.warning("an event that came along in %s cannot be read: %s", digest, error)
