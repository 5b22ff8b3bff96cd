"""Whether a tag says what it should; asked by everybody who reads by stage, or by version.

A stage's must be what the ledger says; a version's must not name another version.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.checked import read_event, shown_index
from lading.ledger.compressed import is_compressed_copy
from lading.ledger.fold import Stage
from lading.operations import stores
from lading.operations.lifecycle.own_version import demand_own_version, warn_of_other_version
from lading.operations.lifecycle.policy_file import load_policy
from lading.spec.tags import LATEST
from lading.spec.version import Version

if TYPE_CHECKING:
    from collections.abc import Collection

    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.ledger.index import LedgerIndex
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference

_log = logging.getLogger(__name__)

# Whoever promotes lists the event first and moves the tag then: a moment later both agree.
_PAUSES: Final = (0.1, 0.4)


def checked(store: AnyStore, place: Reference, root: Descriptor, settings: Settings) -> Descriptor:
    """What a reference names, after the ledger was asked where it is a stage.

    Somebody who goes on with a deprecated version is warned; that costs no request more.

    Raises:
        IntegrityError: DRIFT: the stage's tag is not what the ledger says; or a version's tag
            names another version.
    """
    if settings.unchecked:
        return root
    demand_own_version(store, place, root)
    return agreed(store, place, root, settings).root if is_stage(place, settings) else root


def agreed(store: AnyStore, place: Reference, root: Descriptor, settings: Settings) -> Agreed:
    """A stage's tag, and what the ledger says of it: one look at both, in which they agree.

    Raises:
        IntegrityError: DRIFT: they do not agree, however often one looks. Where tags are believed
            unchecked, nothing of the ledger goes with one that it does not mean.
    """
    for pause in (*_PAUSES, None):
        seen = _look(store, place, root, settings)
        if seen.drift is None:
            if seen.deprecated and not settings.unchecked:
                _log.warning(
                    "%s is deprecated: lading history %s@%s says why",
                    place,
                    place.base,
                    root.digest,
                )
            return Agreed(root, seen.stage, seen.read, seen.listed)
        if settings.unchecked:
            return Agreed(root, None, seen.read, seen.listed)
        if pause is not None:
            time.sleep(pause)
            root = stores.resolve(store, place)
    raise IntegrityError(
        f"DRIFT: {place} is not what the ledger says",
        cause=seen.drift,
        hint=f"lading status {place.base} says why; promote a version again, or"
        f" lading ledger repair {place.base}; LADING_UNCHECKED=1 believes the tag",
    )


def warn_of_drift(store: AnyStore, place: Reference, root: Descriptor, settings: Settings) -> None:
    """Say that a stage's tag, or a version's, is not what it should be; for who only looks."""
    warn_of_other_version(store, place, root)
    if is_stage(place, settings) and (found := drift(store, place, root, settings)):
        _log.warning("DRIFT: %s is not what the ledger says: %s", place, found)


def is_stage(place: Reference, settings: Settings) -> bool:
    """Whether a reference names a declared stage."""
    tag = place.tag
    if tag is None or place.digest or tag == LATEST or Version.from_tag(tag):
        return False
    return tag in load_policy(settings).for_model(place.repository)


def drift(store: AnyStore, place: Reference, root: Descriptor, settings: Settings) -> str | None:
    """How a stage's tag is not what the ledger says; None where it is, or there is no ledger.

    One request; of a protected stage every event is read, so that what counts is known. A tag that
    no event ever moved is believed, but not where the stage is protected.
    """
    return _look(store, place, root, settings).drift


class Read(NamedTuple):
    """A whole ledger, and what follows from it."""

    logbook: Logbook
    book: Book
    state: State


class Agreed(NamedTuple):
    """What a stage names, as its tag and the ledger say at one moment."""

    root: Descriptor
    # None: no event ever moved it, and its tag is believed.
    stage: Stage | None
    # What was read of a protected stage's ledger; of another one the list alone.
    read: Read | None
    listed: LedgerIndex | None


class _Seen(NamedTuple):
    """What the ledger says of a stage's tag, and of the version that it names."""

    drift: str | None
    deprecated: bool
    stage: Stage | None
    read: Read | None
    listed: LedgerIndex | None


def _look(store: AnyStore, place: Reference, root: Descriptor, settings: Settings) -> _Seen:
    stage = place.tag or ""
    shown: Stage | None
    deprecated: Collection[Digest] = ()
    protected = load_policy(settings).for_model(place.repository)[stage].protected
    read, index = None, None
    if protected:
        from lading.operations.lifecycle.logbook import open_logbook

        logbook = open_logbook(place, settings, store=store)
        book, state = logbook.read(whole=True)
        read = Read(logbook, book, state)
        shown, deprecated = state.stage(stage), state.deprecated
    else:
        index = shown_index(store)
        shown, deprecated = (index.stages.get(stage), index.deprecated) if index else (None, ())
    spoken = root.digest in deprecated
    if shown is None or shown.value == root.digest:
        return _Seen(None, spoken, shown, read, index)
    found = f"the tag names {root.digest}, the ledger {shown.value or 'nothing'}"
    if not _was_compressed(store, root, shown):
        return _Seen(found, spoken, shown, read, index)
    # Nobody approved those bytes; what a policy protects is taken as it was approved, or not.
    copied = f"{found}: the same model, whose copy was compressed on the way"
    return _Seen(copied if protected else None, spoken, shown, read, index)


def _was_compressed(store: AnyStore, root: Descriptor, shown: Stage) -> bool:
    """Whether this is the version all the same, with layers that a copy compressed on the way."""
    if not shown.members or not root.is_index:
        return False
    try:
        model = read_event(store, shown.members[-1].event).event.model
    except (NotFound, InvalidInput) as error:
        _log.debug("cannot compare %s with its event: %s", root.digest, error)
        return False
    return is_compressed_copy(store, root.digest, model)
