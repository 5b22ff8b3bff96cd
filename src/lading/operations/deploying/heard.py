"""Whether a mirror has heard of what a folder runs: who has not would move it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.errors import Unavailable
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.lifecycle.logbook import open_logbook

if TYPE_CHECKING:
    from lading.deploy.said import Running
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference


def demand_heard(
    store: AnyStore, place: Reference, running: Running, stage: str, settings: Settings
) -> None:
    """Refuse a mirror's word on a stage where its ledger lacks the event that a folder is from.

    It may be years behind, and what it calls current what was replaced for a reason. Where the
    registry itself speaks, a ledger that was set back is noticed by who reads it.

    Raises:
        Unavailable: the registry does not answer, and its mirror has not heard of that event.
    """
    speaker = stores.spokesman(store)
    if speaker is None or running.event is None or settings.unchecked:
        return
    if running.place != name_of(place):
        return
    book, _ = open_logbook(place, settings, store=store).read(whole=True)
    if any(line.digest == running.event for line in book.lines.values()):
        return
    raise Unavailable(
        f"what {stage} of {place.base} names now is not known",
        cause=f"{place.host} does not answer, and its mirror {speaker} has not heard of the event"
        f" that {running.version or running.digest} runs by: it is behind",
        hint=f"try again when {place.host} answers; {speaker} --stage {stage} is what the mirror"
        " says, whatever the registry does",
    )
