"""Have a folder of documents run another version: its digests change, and nothing else."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.deploy.lint import lint
from lading.deploy.pins import Pins
from lading.errors import IntegrityError, InvalidInput
from lading.operations import stores
from lading.operations.deploying import folder, moving
from lading.operations.deploying.fitting import demand_fitting
from lading.operations.deploying.handed_on import Onward, hand_on
from lading.operations.deploying.meant import demand_registry
from lading.operations.deploying.moved import moved_along
from lading.operations.deploying.pinned import Found, pinned
from lading.operations.deploying.serving import InUse
from lading.operations.deploying.written import Written, demand_cluster, find
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class DeployUpdateResult:
    """What the folder runs now, and what it ran before."""

    folder: str
    reference: str
    digest: str
    version: str | None
    stage: str | None
    event: str | None
    image: str
    # The version that ran before.
    previous: str
    previous_version: str | None
    status: Literal["updated", "unchanged", "planned"]
    # The files that changed, or would.
    files: tuple[str, ...]
    # As patch(1) reads it.
    diff: str
    notes: tuple[str, ...]
    # What became of it on the cluster: applied, unchanged, declined; None where none was asked.
    applied: str | None = None
    # The documents by digest where they were pushed.
    pushed: str | None = None


def deploy_update(
    output: str | Path,
    reference: str | Reference | None = None,
    *,
    stage: str | None = None,
    image: str | Reference | None = None,
    dry_run: bool = False,
    push: str | None = None,
    confirm: Callable[[str], bool] | None = None,
    context: str | None = None,
    settings: Settings | None = None,
) -> DeployUpdateResult:
    """Change the digests in a folder to those of a version, or of what a stage names now.

    Only ``digests.yaml`` changes, and values for the same stage where they are there; of files for
    one machine what names the version in them. Comments and order stay. Where nothing is named, the
    stage that the folder followed is asked. Another version is served by ``image``, else by one
    that was made for it, else by the one in use if its label says that it has the same packages.

    With ``push`` the documents go to a registry as Flux reads them; with ``confirm`` to the cluster
    of ``context`` after that was asked with the differences.

    Raises:
        Conflict: something else wrote what is in the folder.
        InvalidInput: its digests cannot be read; or nothing says which version is meant.
        NotFound: there is no such folder; the stage is empty; or nothing serves the version.
        IntegrityError: the stage's tag is not what the ledger says.
        PolicyRefused: the stage is protected, or the one that the folder followed, and may not have
            the version; said before anything is written, and by a dry run as well.
        Unsupported: the folder was written for another kind of image, or for other nodes.
        Unavailable: the registry does not answer, and its mirror is behind what the folder runs.
    """
    settings = stores.settled(settings)
    if context is not None and confirm is None and not dry_run:
        raise InvalidInput("--context names the cluster of --apply", hint="--apply")
    path = Path(output)
    written = find(path)
    old = written.running
    if push is not None or confirm is not None:
        demand_cluster(written)
    if reference is None:
        reference, stage = _followed(written, stage)
    else:
        demand_registry(reference, settings, folder=path, running=old)
    beside = partial(moved_along, old=old, to=reference, settings=settings)
    found = pinned(
        reference,
        settings,
        stage=stage,
        image=image,
        mounts=old.way != "held",
        modelcar=old.way == "beside",
        in_use=InUse(
            old.digest,
            beside(old.serving),
            old.way == "held",
            beside(old.modelcar) if old.modelcar else None,
        ),
        follows=old,
    )
    pins = replace(found.pins, puller=beside(old.puller) if old.puller else None)
    documents = written.documents()
    only = demand_fitting(written, pins, found.facts, documents)
    moving.demand_possible(old, found, documents, settings, anew=f"-o {path}")
    wanted = dict(written.moved(pins))
    _demand_digests(written, wanted, pins, found)
    if wanted and not dry_run:
        folder.replace(path, wanted)
    result = DeployUpdateResult(
        folder=str(path),
        reference=pins.runs.reference,
        digest=pins.runs.digest,
        version=pins.runs.version,
        stage=pins.runs.stage,
        event=pins.runs.event,
        image=pins.serving.reference,
        previous=old.digest,
        previous_version=old.version,
        status="unchanged" if not wanted else "planned" if dry_run else "updated",
        files=tuple(wanted),
        diff="".join(_differences(path, wanted)),
        notes=(
            *found.notes,
            *_notes(written, pins, only),
            *moving.notes(old, found, documents, path),
        ),
    )
    if dry_run:
        return result
    onward = Onward(push, confirm, context)
    if wanted and onward.is_nowhere:
        typed = moving.typed_next(written, found)
        return replace(result, notes=(*result.notes, *typed))
    handed = hand_on(
        path,
        documents,
        onward,
        name=old.name,
        pins=pins,
        created=found.created,
        settings=settings,
    )
    notes = (*result.notes, *handed.notes)
    return replace(result, pushed=handed.pushed, applied=handed.applied, notes=notes)


def _followed(written: Written, stage: str | None) -> tuple[str, str]:
    """The model that a folder runs, and the stage that is asked."""
    old = written.running
    if chosen := stage or old.stage:
        return old.place, chosen
    raise InvalidInput(
        f"which version is {written.folder} to run?",
        cause="it follows no stage",
        hint=f"--stage prod, or {old.place}:VERSION",
    )


def _demand_digests(
    written: Written,
    changes: dict[str, tuple[str, str]],
    pins: Pins,
    found: Found,
) -> None:
    """Read what would be written as a cluster's documents are: nothing may have stayed behind."""
    now, documents = written.after(changes)
    runs = (now.place, now.digest, now.version, now.stage, now.event, now.serving, now.modelcar)
    wanted = pins.runs
    named = (wanted.place, wanted.digest, wanted.version, wanted.stage, wanted.event)
    problems = lint(documents, found.forbidden)
    if runs != (*named, pins.serving.reference, pins.modelcar) or problems:
        raise IntegrityError(
            f"{written.folder} would not run {pins.runs.reference}",
            cause="; ".join(problems) or None,
            hint=f"{written.anew} writes the documents anew",
        )


def _differences(path: Path, wanted: dict[str, tuple[str, str]]) -> Iterator[str]:
    for name, (before, after) in wanted.items():
        for line in difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            str(path / name),
            str(path / name),
        ):
            yield line if line.endswith("\n") else f"{line}\n"


def _notes(written: Written, pins: Pins, only: str | None) -> Iterator[str]:
    old = written.running
    if only is not None:
        yield f"it runs on {only} alone: its images are for no other"
    if old.place != pins.runs.place:
        yield f"it was {old.place} before"
    if old.stage != pins.runs.stage:
        yield f"{written.folder} followed {old.stage or 'no stage'} before"
    if old.stage and pins.runs.stage is None:
        yield f"it follows none now; {pins.runs.place} --stage {old.stage} has it follow that again"
    if edited := written.edited():
        yield f"edited since they were written: {', '.join(edited)}"
