"""Stages whose tags are not what the ledger says, for whoever looks at all of them at once.

Who reads by one stage asks :mod:`lading.operations.lifecycle.stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import LadingError, NotFound
from lading.ledger.checked import shown_index
from lading.ledger.write import named
from lading.operations.lifecycle.stages import drift, is_stage
from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import Stage, State
    from lading.ledger.index import LedgerIndex
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class DriftedStage:
    """A stage whose tag names something else than the ledger says; None is nothing."""

    stage: str
    tag: str | None
    ledger: str | None
    # The version that the ledger means.
    version: str | None

    def __str__(self) -> str:
        said = self.version or _short(self.ledger)
        return f"DRIFT: the tag {self.stage} names {_short(self.tag)}, the ledger {said}"


def _short(digest: str | None) -> str:
    return Digest(digest).short if digest else "nothing"


def accountable(logbook: Logbook, book: Book, state: State) -> frozenset[str]:
    """The stages whose tags must be what the events say.

    A tag without any event was set before there was a ledger; nobody protected it then.
    """
    moved = {line.stage for line in book.lines.values() if line.moves and line.stage}
    everything = logbook.protected | moved
    return everything - {
        name
        for name in everything - book.names
        if stayed_behind(logbook.store, state.stage(name).value)
    }


def stayed_behind(store: AnyStore, digest: Digest | None) -> bool:
    """Whether a stage has no tag here because a bundle was made without the version it names.

    In a registry a tag that is gone is drift, wherever its version is.
    """
    from lading.stores.bundle import BundleStore

    if digest is None or not isinstance(store, BundleStore):
        return False
    try:
        store.resolve(digest)
    except NotFound:
        return True
    return False


def drifted(
    logbook: Logbook,
    book: Book,
    state: State,
    tag_of: Callable[[str], Digest | None] | None = None,
) -> Iterator[DriftedStage]:
    """What a whole ledger says of its stages' tags; ``tag_of`` where they are known already."""
    for name in sorted(accountable(logbook, book, state)):
        if tag_of is not None:
            tag = tag_of(name)
        else:
            tag = named(logbook.store, name) if name in book.names else None
        if tag != state.stage(name).value:
            yield _of(state.stage(name), tag)


def index_of(store: AnyStore) -> tuple[LedgerIndex | None, str | None]:
    """The ledger's index where there is one, in one request; else why it cannot be read.

    It is a list that anybody may have written: enough for whoever only looks.
    """
    try:
        return shown_index(store), None
    except LadingError as error:
        return None, f"what the ledger says is not known: {error}"


def strayed(
    store: AnyStore,
    place: Reference,
    index: LedgerIndex,
    tags: Mapping[str, Digest],
    settings: Settings,
) -> Iterator[DriftedStage]:
    """What the index says of the stages' tags; only of those that differ more is asked."""
    for name, stage in sorted(index.stages.items()):
        if tags.get(name) == stage.value:
            continue
        if found := _confirmed(store, place.with_tag(name), stage, settings):
            yield found


def _confirmed(
    store: AnyStore, place: Reference, stage: Stage, settings: Settings
) -> DriftedStage | None:
    """Asked anew, since somebody may have moved it while the tags were listed."""
    try:
        root = store.resolve(stage.name)
    except NotFound:
        lost = stage.members and not stayed_behind(store, stage.value)
        return _of(stage, None) if lost else None
    if root.digest == stage.value:
        return None
    if is_stage(place, settings) and drift(store, place, root, settings) is None:
        return None
    return _of(stage, root.digest)


def _of(stage: Stage, tag: Digest | None) -> DriftedStage:
    return DriftedStage(
        stage.name, tag, stage.value, stage.members[-1].version if stage.members else None
    )
