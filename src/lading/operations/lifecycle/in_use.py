"""Whether the ledger still needs what somebody is about to remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection

    from lading.operations.lifecycle.logbook import Logbook
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference


def refuse_stage(logbook: Logbook, stage: str, names: Collection[str]) -> None:
    """A stage moves by events; the tag of one that nobody ever recorded is like any other.

    Raises:
        InvalidInput: the ledger knows the stage.
    """
    _, state = logbook.read(names=names)
    if stage in state.stages:
        raise InvalidInput(
            f"{stage} is a stage of {logbook.place.base}, and its tag follows the ledger",
            hint=f"lading clear {logbook.place.base} {stage}",
        )


def refuse_version(
    logbook: Logbook,
    place: Reference,
    version: str,
    digest: Digest,
    names: Collection[str],
    *,
    force: bool,
) -> None:
    """A version is needed while a stage names it, whatever the stage's tag says.

    One that a protected stage ever named is what an auditor asks for: only ``force`` removes it.

    Raises:
        Conflict: it is needed.
    """
    book, state = logbook.read(whole=True, names=names)
    for stage in state.stages.values():
        if any(digest == m.digest or version == m.version for m in stage.members):
            raise Conflict(
                f"{place} is in use",
                cause=f"the ledger says that {stage.name} names it",
                hint=f"promote another version, or lading clear {place.base} {stage.name}",
            )
    once = {
        line.stage
        for line in book.lines.values()
        if line.kind == "assigned"
        and (digest == line.subject or version == line.version)
        and line.stage
        and (line.protected or line.stage in logbook.protected)
    }
    if once and not force:
        raise Conflict(
            f"{place} is part of the history of {', '.join(sorted(once))}",
            cause="a protected stage named it, and nobody could look at it or go back to it",
            hint=f"lading deprecate {place} keeps it; --force removes it all the same",
        )
