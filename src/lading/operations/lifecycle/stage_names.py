"""Which stages of a repository name which versions, as searches show them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lading.catalogue.state import StagesKnown
from lading.errors import InvalidInput
from lading.ledger.book import Book, event_tags
from lading.ledger.read import read_book
from lading.operations.lifecycle.logbook import open_logbook
from lading.spec.tags import LEDGER
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference


def stages_of(
    place: Reference, store: AnyStore, names: Collection[str], settings: Settings
) -> StagesKnown:
    """The stages, what is deprecated, and what each version was when it was last registered.

    ``names`` are the tags of the repository. One request, and one for each event that the ledger's
    index does not list; none where nothing was ever recorded. Where the policy protects a stage,
    every event is read (once: they are kept), and moves that it refuses do not count.

    Raises:
        LadingError: the registry refuses, or does not answer.
    """
    if LEDGER not in names and not event_tags(names):
        return StagesKnown()
    logbook = open_logbook(place, settings, store=store)
    whole = bool(logbook.protected)
    book = read_book(store, whole=whole, names=names, shelf=logbook.shelf, jobs=settings.jobs)
    state = logbook.fold(book)
    return StagesKnown(
        {
            name: tuple(member.digest for member in stage.members)
            for name, stage in state.stages.items()
            if stage.members
        },
        state.deprecated,
        _registered(book),
        state.seq,
        book.border.seq if book.border else 0,
    )


def _registered(book: Book) -> dict[str, Digest]:
    lines = sorted(book.lines.values(), key=lambda line: line.order)
    return {
        tag: line.subject
        for line in lines
        if line.kind == "registered" and line.version and (tag := _tag(line.version))
    }


def _tag(version: str) -> str | None:
    try:
        return Version.parse(version).tag
    except InvalidInput:
        return None
