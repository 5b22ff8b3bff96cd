"""Whether a version can come where another one runs, in documents that stay as they are.

Which image serves it, and on which nodes, is looked at elsewhere: here, whether it would become
ready, and what the amounts that were written are worth for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.deploy import outgrown
from lading.deploy.next_step import next_steps
from lading.errors import Unsupported
from lading.operations.deploying import consent
from lading.operations.deploying.written import Written, find

if TYPE_CHECKING:
    from lading.deploy.resource import Resource
    from lading.deploy.said import Running
    from lading.operations.deploying.pinned import Found
    from lading.settings import Settings


def demand_possible(
    old: Running, found: Found, documents: tuple[Resource, ...], settings: Settings, *, anew: str
) -> None:
    """Refuse a version that would never become ready; the one that runs is asked nothing.

    Raises:
        PolicyRefused: loading runs code of the model, and the documents do not say that it may.
        Unsupported: it is larger than the volume that it is pulled into may become.
    """
    runs = found.pins.runs
    if runs.digest == old.digest:
        return
    starts_itself = old.way == "held" and not any(
        "args" in each for each in outgrown.containers(documents)
    )
    given = any(consent.OPTION in text for text in _texts(documents))
    consent.demand_consent(found, settings, given=given, starts_itself=starts_itself)
    if limit := outgrown.too_small(documents, found.facts):
        raise Unsupported(
            f"{runs.reference} does not fit into its volume",
            cause=f"its files are {outgrown.mebibytes(found.facts.size)}, and a pod with more than"
            f" {limit} there is evicted",
            hint=f"lading deploy {runs.reference} {anew} writes the documents anew, with room",
        )


def notes(
    old: Running, found: Found, documents: tuple[Resource, ...], folder: Path
) -> Iterator[str]:
    """What stays as it was guessed for another version, and what a cluster does not change."""
    runs = found.pins.runs
    told = list(outgrown.outgrown(documents, found.facts))
    yield from told
    if told:
        yield (
            f"lading deploy {runs.reference} -o {folder}, with the options it was written with,"
            " guesses anew"
        )
    if _is_made_anew(old, found):
        yield (
            f"a cluster does not change a pod that runs: kubectl replace --force -k {folder}"
            " removes it and makes it anew; --as deployment is without a gap"
        )


def left_running(before: Running | None, folder: Path) -> Iterator[str]:
    """What goes on running beside what a folder has now: nobody deletes what left it."""
    now = find(folder).running
    if before and (before.kind, before.name) != (now.kind, now.name):
        yield (
            f"{folder} was the {before.kind} {before.name} before: where that runs, it goes on"
            " until it is deleted"
        )


def typed_next(written: Written, found: Found) -> Iterator[str]:
    """What somebody types now that the files have changed; of a pod made anew the notes say it."""
    if not _is_made_anew(written.running, found):
        yield from next_steps(str(written.folder), written.files())


def _is_made_anew(old: Running, found: Found) -> bool:
    return old.kind == "Pod" and old.way != "held" and old.digest != found.pins.runs.digest


def _texts(value: Any) -> Iterator[str]:
    """Every text in documents."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
