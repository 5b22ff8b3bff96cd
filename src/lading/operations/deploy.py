"""Write the documents that run exactly one digest of a version; no cluster is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from lading.deploy import kinds, kserve, kserve_name, kustomize, options, pod, text, values
from lading.deploy.kserve_storage import is_mounted, needs_held, storage
from lading.deploy.lint import lint
from lading.deploy.next_step import next_steps
from lading.deploy.notes import notes as notes_of
from lading.deploy.wish import LONGEST, Kind, Wish, name_from
from lading.errors import IntegrityError, LadingError
from lading.operations import stores
from lading.operations.deploying import consent, folder, moving
from lading.operations.deploying.asked import Words, demand_company
from lading.operations.deploying.handed_on import Onward, hand_on
from lading.operations.deploying.pinned import Found, pinned
from lading.operations.deploying.written import find

if TYPE_CHECKING:
    from lading.deploy.pins import Pins
    from lading.deploy.resource import Resource
    from lading.deploy.said import Running
    from lading.settings import Settings
    from lading.spec.reference import Reference

# Kinds that take an image without the model, whatever Kubernetes can do.
_MOUNTS: Final[tuple[Kind, ...]] = ("init", "kserve", "compose", "podman")

Status = Literal["shown", "written", "unchanged"]


@dataclass(frozen=True, slots=True)
class DeployResult:
    """The documents, and every digest in them."""

    reference: str
    digest: str
    version: str | None
    stage: str | None
    event: str | None
    image: str
    # What pulls the model before a server starts, where something does.
    puller: str | None
    kind: str
    name: str
    status: Status
    # The folder that they were written into, if any.
    output: str | None
    # By file name; one name where they go to stdout.
    files: dict[str, str]
    notes: tuple[str, ...]
    # What became of them on the cluster: applied, unchanged, declined; None where none was asked.
    applied: str | None = None
    # The documents by digest where they were pushed.
    pushed: str | None = None


def deploy(
    reference: str | Reference,
    *,
    kind: str = "deployment",
    stage: str | None = None,
    name: str | None = None,
    namespace: str | None = None,
    image: str | Reference | None = None,
    puller: str | Reference | None = None,
    replicas: int = 1,
    max_replicas: int | None = None,
    pull_secrets: Iterable[str] = (),
    credentials: str | None = None,
    kubernetes_version: str | None = None,
    image_volumes: bool = False,
    podman_version: str | None = None,
    cpu: str | None = None,
    memory: str | None = None,
    platform: str | None = None,
    port: int | None = None,
    rows: str | None = None,
    predictions: str | None = None,
    volumes: Iterable[str] = (),
    kserve_version: str | None = None,
    kserve_storage: str | None = None,
    helm: bool = False,
    allow_pickle: bool | None = None,
    output: str | Path | None = None,
    force: bool = False,
    push: str | None = None,
    confirm: Callable[[str], bool] | None = None,
    context: str | None = None,
    settings: Settings | None = None,
) -> DeployResult:
    """The documents that run a version, everything in them named by digest.

    With ``output`` they are written into a folder, as a kustomize base with all digests in one
    patch; what is there already is not written again. With ``push`` they go to a registry as Flux
    reads them, with ``confirm`` to the cluster of ``context``, after that was asked with what would
    change there.

    Raises:
        InvalidInput: something that was written cannot be: a name, a version of Kubernetes, a size.
        NotFound: the stage is empty; there is no such version; or nothing serves it.
        IntegrityError: the stage's tag is not what the ledger says.
        PolicyRefused: the stage is protected, or the one that the folder followed, and may not have
            the version; said before anything is written.
        Unsupported: the cluster cannot do what is wished for; says what would.
        Conflict: the folder holds files of others, and ``force`` is not given.
        Unavailable: the registry does not answer, and its mirror is behind what the folder ran.
    """
    settings = stores.settled(settings)
    words = Words(
        kind=kind,
        name=name,
        namespace=namespace,
        puller=puller,
        replicas=replicas,
        max_replicas=max_replicas,
        pull_secrets=tuple(pull_secrets),
        credentials=credentials,
        kubernetes_version=kubernetes_version,
        image_volumes=image_volumes,
        podman_version=podman_version,
        cpu=cpu,
        memory=memory,
        platform=platform,
        port=port,
        rows=rows,
        predictions=predictions,
        volumes=tuple(volumes),
        kserve_version=kserve_version,
        kserve_storage=kserve_storage,
        helm=helm,
        allow_pickle=allow_pickle,
        push=push,
        apply=confirm is not None,
    )
    wish = words.wish()
    demand_company(output, confirm, helm=helm, force=force, context=context)
    before = _followed(output)
    look = partial(
        pinned,
        reference,
        settings,
        stage=stage,
        image=image,
        puller=puller,
        follows=before,
    )
    found = _fitting(look, wish)
    wish = _named_after(found, wish, words, settings)
    made = _made(found, wish, words.given, settings)
    files = _files(made, wish, found, helm=helm, shown=output is None)
    status: Status = "shown" if output is None else folder.put(Path(output), files, force=force)
    result = _result(found, wish, made, files, status=status, output=output)
    if output is not None and status == "written":
        left = moving.left_running(before, Path(output))
        result = replace(result, notes=(*result.notes, *left))
    onward = Onward(push, confirm, context)
    if status == "written" and onward.is_nowhere:
        return replace(result, notes=(*result.notes, *next_steps(str(output), files)))
    handed = hand_on(
        files if output is None else Path(output),
        made,
        onward,
        name=wish.name,
        pins=found.pins,
        created=found.created,
        settings=settings,
    )
    notes = (*result.notes, *handed.notes)
    return replace(result, pushed=handed.pushed, applied=handed.applied, notes=notes)


def _fitting(look: Callable[..., Found], wish: Wish) -> Found:
    """The version, with an image that serves it in the way of the documents."""
    modelcar = wish.kind == "kserve" and not is_mounted(wish)
    found = look(mounts=wish.kind in _MOUNTS or pod.mounts(wish), modelcar=modelcar)
    if wish.kind == "kserve" and needs_held(found.pins, wish):
        return look(mounts=False, modelcar=modelcar)
    return found


def _named_after(found: Found, wish: Wish, words: Words, settings: Settings) -> Wish:
    """The wish, with what only the version says."""
    host = found.pins.runs.place.partition("/")[0]
    return replace(
        wish,
        name=wish.name if words.name is not None else name_from(found.name, _longest(wish)),
        allow_pickle=consent.allowed(found.pins, words.allow_pickle, settings),
        insecure=host in settings.insecure,
        ca_file=str(settings.ca_file) if settings.ca_file else None,
    )


def _made(
    found: Found, wish: Wish, given: Iterable[str], settings: Settings
) -> tuple[Resource, ...]:
    """The documents.

    Raises:
        InvalidInput: an option means nothing to the way of the model to its server.
        IntegrityError: not everything would be named by digest.
    """
    made = kinds.resources(found.pins, found.facts, wish)
    options.demand_used(found.pins, wish, given)
    consent.demand_consent(
        found,
        settings,
        given=wish.allow_pickle,
        starts_itself=options.starts_itself(found.pins, wish),
    )
    if problems := lint(made, found.forbidden):
        raise IntegrityError("not everything would be named by digest", cause="; ".join(problems))
    return made


def _result(
    found: Found,
    wish: Wish,
    made: tuple[Resource, ...],
    files: dict[str, str],
    *,
    status: Status,
    output: str | Path | None,
) -> DeployResult:
    runs = found.pins.runs
    return DeployResult(
        reference=runs.reference,
        digest=runs.digest,
        version=runs.version,
        stage=runs.stage,
        event=runs.event,
        image=found.pins.serving.reference,
        puller=_puller(made),
        kind=wish.kind,
        name=wish.name,
        status=status,
        output=str(output) if output is not None else None,
        files=files,
        notes=(*found.notes, *notes_of(found.pins, found.facts, wish)),
    )


def _followed(output: str | Path | None) -> Running | None:
    """What a folder ran so far, where one is written anew."""
    if output is None:
        return None
    with suppress(LadingError):  # what may be written over is found out when it is
        return find(Path(output)).running
    return None


def _longest(wish: Wish) -> int:
    return kserve_name.longest_name(wish.namespace) if wish.kind == "kserve" else LONGEST


def _files(
    made: tuple[Resource, ...], wish: Wish, found: Found, *, helm: bool, shown: bool
) -> dict[str, str]:
    """The texts of documents, by the name of their file."""
    if not kinds.is_kubernetes(wish.kind):
        return kinds.written(made, wish)
    if shown:
        return {f"{wish.kind}.yaml": text.write(made)}
    return kustomize.files(made) | (values.files(_used(found.pins, wish)) if helm else {})


def _used(pins: Pins, wish: Wish) -> Pins:
    """What is named by digest; an image that could be a modelcar, only where it is one."""
    beside = wish.kind == "kserve" and storage(pins, wish) == "modelcar"
    return pins if beside else replace(pins, modelcar=None)


def _puller(made: tuple[Resource, ...]) -> str | None:
    """The image of the container that pulls, as the documents have it."""
    for each in made:
        if pulling := kserve.pulls(each):
            return pulling
        spec = each.get("spec", {})
        inner = spec.get("template", {}).get("spec", spec)
        for container in inner.get("initContainers", ()):
            return str(container["image"])
        if pulls := each.get("services", {}).get("pull"):
            return str(pulls["image"])
    return None
