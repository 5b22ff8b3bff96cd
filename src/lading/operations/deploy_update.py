"""Have a folder of documents run another version: its digests change, and nothing else."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.deploy import read, values
from lading.deploy.edit import load
from lading.deploy.kserve_storage import demand_modelcar
from lading.deploy.kustomize import DIGESTS
from lading.deploy.lint import lint
from lading.deploy.nodes import selector
from lading.deploy.pins import Pins
from lading.deploy.wish import Wish
from lading.errors import IntegrityError, InvalidInput, Unsupported
from lading.operations import stores
from lading.operations.deploying import folder
from lading.operations.deploying.pinned import Found, InUse, pinned
from lading.operations.deploying.written import Written, find
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.deploy.resource import Resource
    from lading.settings import Settings

_ARCHITECTURE = "kubernetes.io/arch"


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

    Only ``digests.yaml`` changes, and values for the same stage where they are there; comments and
    order in them stay. Where nothing is named, the stage that the folder followed is asked. Another
    version is served by ``image``, else by one that was made for it, else by the one in use if its
    label says that it has the same packages.

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
    """
    settings = stores.settled(settings)
    path = Path(output)
    written = find(path)
    old = written.running
    if reference is None:
        reference, stage = _followed(written, stage)
    found = pinned(
        reference,
        settings,
        stage=stage,
        image=image,
        mounts=old.way != "held",
        modelcar=old.way == "beside",
        in_use=InUse(old.digest, old.serving, old.way == "held", old.modelcar),
        follows=old.stage,
    )
    pins = replace(found.pins, puller=old.puller)
    documents = written.documents()
    if old.way == "beside":
        demand_modelcar(pins)
    _demand_fitting(written, found, documents)
    wanted = dict(_wanted(written, pins))
    _demand_digests(wanted.get(DIGESTS, (written.digests,))[-1], pins, found)
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
        notes=(*found.notes, *_notes(written, pins)),
    )
    if dry_run:
        return result
    if push is not None:
        result = replace(result, pushed=_pushed(path, push, pins, found, settings))
    if confirm is not None:
        from lading.operations.deploying.applied import apply

        done = apply(path, documents, result.reference, confirm, context=context)
        result = replace(result, applied=done.status, notes=(*result.notes, *done.notes))
    return result


def _pushed(path: Path, reference: str, pins: Pins, found: Found, settings: Settings) -> str:
    from lading.operations.deploying.pushed import push_documents

    now = find(path)
    return push_documents(
        now.files(),
        reference,
        name=now.running.name,
        pins=pins,
        created=found.created,
        settings=settings,
    )


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


def _wanted(written: Written, pins: Pins) -> Iterator[tuple[str, tuple[str, str]]]:
    """The files that change: what each was, and what it is to be."""
    texts = {DIGESTS: (written.digests, read.moved(written.digests, pins))}
    name = values.file_name(pins.runs.stage)
    if (text := written.text(name)) is not None and folder.is_from_here(text):
        try:
            texts[name] = (text, read.moved_values(text, pins))
        except InvalidInput as error:
            path = written.folder / name
            raise InvalidInput(
                f"{path}: {error.what}",
                cause=error.cause,
                hint=f"lading deploy {pins.runs.reference} --helm -o DIR writes one",
            ) from error
    for file, (before, after) in texts.items():
        if before != after:
            yield file, (before, after)


def _demand_digests(text: str, pins: Pins, found: Found) -> None:
    """Read what would be written as a cluster's documents are: nothing may have stayed behind."""
    now = read.running(text)
    runs = (now.place, now.digest, now.version, now.stage, now.event, now.serving, now.modelcar)
    wanted = pins.runs
    named = (wanted.place, wanted.digest, wanted.version, wanted.stage, wanted.event)
    problems = lint(load(text), found.forbidden)
    if runs != (*named, pins.serving.reference, pins.modelcar) or problems:
        raise IntegrityError(
            f"{DIGESTS} would not run {pins.runs.reference}",
            cause="; ".join(problems) or None,
            hint="lading deploy REF -o DIR writes the documents anew",
        )


def _demand_fitting(written: Written, found: Found, documents: tuple[Resource, ...]) -> None:
    """Refuse what the rest of the documents were not written for.

    Raises:
        Unsupported: the image has no model in it, or is for other nodes.
    """
    old, pins = written.running, found.pins
    anew = f"lading deploy {pins.runs.reference} -o {written.folder} writes the documents anew"
    if old.way == "held" and not pins.serving.holds_model:
        raise Unsupported(
            f"{pins.serving.reference} does not hold the model",
            cause=f"{written.folder} was written for one that does",
            hint=f"lading image build {pins.runs.place}:{pins.runs.version or 'VERSION'}"
            f" --target serve --push; or {anew}",
        )
    architecture = next(_architectures(documents), None)
    wish = Wish(
        kind="deployment",
        name="model",
        platform=f"linux/{architecture}" if architecture else None,
    )
    facts = found.facts
    if old.way == "beside":
        facts = replace(facts, mountable=facts.modelcar)
    nodes = selector(pins, facts, wish, mounts=old.way in ("mounted", "beside"))
    if architecture is None and (only := nodes.get(_ARCHITECTURE)):
        beside = f" beside {pins.modelcar}" if pins.modelcar else ""
        raise Unsupported(
            f"{pins.serving.reference}{beside} is for linux/{only} only",
            cause=f"{written.folder} was written for nodes of any processor",
            hint=anew,
        )


def _architectures(documents: tuple[Resource, ...]) -> Iterator[str]:
    """The processors that pods are held to."""
    for each in documents:
        spec = each.get("spec")
        while isinstance(spec, dict):
            nodes = spec.get("nodeSelector")
            if isinstance(nodes, dict) and isinstance(nodes.get(_ARCHITECTURE), str):
                yield nodes[_ARCHITECTURE]
            inner = spec.get("template") or spec.get("predictor")
            spec = inner.get("spec", inner) if isinstance(inner, dict) else None


def _differences(path: Path, wanted: dict[str, tuple[str, str]]) -> Iterator[str]:
    for name, (before, after) in wanted.items():
        for line in difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            str(path / name),
            str(path / name),
        ):
            yield line if line.endswith("\n") else f"{line}\n"


def _notes(written: Written, pins: Pins) -> Iterator[str]:
    old = written.running
    if old.place != pins.runs.place:
        yield f"it was {old.place} before"
    if old.stage != pins.runs.stage:
        before = f"followed {old.stage}" if old.stage else "followed no stage"
        yield f"{written.folder} {before} before"
    if edited := written.edited():
        yield f"edited since they were written: {', '.join(edited)}"
