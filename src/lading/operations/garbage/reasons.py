"""Why the ledger needs versions: stages, the history of protected ones, and deployments. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.ledger.fold import State
    from lading.ledger.line import Line
    from lading.spec.event import Recorded


def ledger_reasons(
    lines: Collection[Line],
    records: Iterable[Recorded],
    state: State,
    *,
    protected: Collection[str],
    since: datetime,
) -> dict[Digest, tuple[str, ...]]:
    """Why the ledger needs versions; deployments count that were recorded ``since`` then.

    What a protected stage ever named is history that somebody will ask for.
    """
    records = sorted(records, key=lambda recorded: recorded.order)
    found: dict[Digest, dict[str, None]] = {}

    def note(digest: Digest | None, reason: str) -> None:
        if digest is not None:
            found.setdefault(digest, {})[reason] = None

    by_event = {line.digest: line for line in lines}
    guarded = {line.stage for line in lines if line.protected} | set(protected)
    for name, stage in state.stages.items():
        for member in stage.members:
            note(member.digest, f"{name} names it")
        for event in (*stage.fork, *((stage.moved,) if stage.moved else ())):
            if event in by_event and (stage.fork or name in guarded):
                note(by_event[event].subject, f"{name} was to name it")
    for line in lines:
        if line.kind == "assigned" and line.stage in guarded:
            note(line.subject, f"{line.stage}, which is protected, named it")
    places: dict[str | None, Recorded] = {}
    for recorded in records:
        event = recorded.event
        if event.moves and event.stage in guarded:
            note(event.previous, f"{event.stage}, which is protected, named it")
        if event.kind == "deployed":
            places[event.where] = recorded
            if event.at >= since:
                note(event.digest, f"it was deployed to {event.where} on {event.time[:10]}")
    for where, recorded in places.items():
        note(recorded.event.digest, f"it was deployed to {where} last")
    return {digest: tuple(reasons) for digest, reasons in found.items()}
