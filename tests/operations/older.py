"""What an older Lading could do, and any other tool still can with numbers: give one away again."""

from __future__ import annotations

from lading.operations import stores
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.subject import subject
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.spec.event import Draft
from lading.spec.reference import Reference
from lading.transfer import copy


def give_again(source: str, target: str, settings: Settings) -> str:
    """Publish the version of one place under a number of another, and register it; its digest.

    By the stores and the ledger alone, which ask nobody whether the number was given before.
    """
    came, to = Reference.parse(source), Reference.parse(target)
    origin, store = (stores.open_store(place, settings) for place in (came, to))
    assert came.tag and to.tag
    copy(origin, store, origin.resolve(came.tag), name=to.tag)
    what = subject(store, to, settings)
    logbook = open_logbook(to, settings, store=store)
    draft = Draft(
        kind="registered",
        repository=to.repository,
        digest=what.digest,
        model=what.model,
        version=what.version,
        actor=logbook.actor,
    )
    logbook.recorded(logbook.read()[0], draft)
    return what.digest


def claim(place: str, version: str, number: int, settings: Settings) -> None:
    """Register a version that never was there."""
    logbook = open_logbook(Reference.parse(place), settings)
    draft = Draft(
        kind="registered",
        repository=logbook.place.repository,
        digest=Digest(f"sha256:{number:064x}"),
        version=version,
        actor=logbook.actor,
    )
    logbook.recorded(logbook.read()[0], draft)
