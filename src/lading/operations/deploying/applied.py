"""Documents given to a cluster: what would change is shown first, and nothing happens unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

from lading.deploy.resource import Resource
from lading.deploy.whereabouts import called
from lading.errors import Conflict, LadingError
from lading.operations.deploying.kubectl import CannotChange, Kubectl

Applied = Literal["applied", "unchanged", "declined"]

# kubectl diff ends with 1 where there are differences, as diff does, and with more where it failed.
_DIFFERS: Final = 1
# What goes on running, as `lading where` finds it.
_LASTING: Final = ("Deployment", "Pod", "InferenceService")


class Outcome(NamedTuple):
    """What became of documents on a cluster, and what is to be done then."""

    status: Applied
    notes: tuple[str, ...]


def apply(
    what: Path | Mapping[str, str],
    documents: Iterable[Resource],
    reference: str,
    confirm: Callable[[str], bool],
    *,
    context: str | None = None,
) -> Outcome:
    """Give a kustomize base, or complete documents, to a cluster once differences were confirmed.

    ``documents`` say what they are called there, and ``reference`` what they run: for what is told
    afterwards.

    Raises:
        LocalFailure: kubectl is not there.
        Conflict: what is there already cannot be changed so; says what makes it anew.
        LadingError: the cluster refuses, or does not answer.
    """
    if isinstance(what, Path):
        where, given = ("-k", str(what)), b""
    else:
        where, given = ("-f", "-"), "---\n".join(what.values()).encode()
    status = _apply(where, given, confirm, context)
    done = status == "applied"
    return Outcome(status, tuple(_recording(documents, reference, context)) if done else ())


def _apply(
    where: tuple[str, ...], given: bytes, confirm: Callable[[str], bool], context: str | None
) -> Applied:
    with _told(where):
        return _asked(where, given, confirm, Kubectl(context=context))


@contextmanager
def _told(where: tuple[str, ...]) -> Iterator[None]:
    """Say how what cannot be changed is made anew: a pod, or a job that does something else."""
    try:
        yield
    except CannotChange as error:
        raise Conflict(
            error.what,
            cause=error.cause,
            hint=f"kubectl replace --force {' '.join(where)} removes it and makes it anew; beside"
            " it runs what lading deploy writes under another --name",
        ) from error


def _asked(
    where: tuple[str, ...], given: bytes, confirm: Callable[[str], bool], cluster: Kubectl
) -> Applied:
    found = cluster.run(
        "diff",
        *where,
        given=given,
        accepted=(0, _DIFFERS),
        doing="compare the documents with the cluster",
    )
    if found.code != _DIFFERS:
        return "unchanged"
    if not confirm(found.output.decode("utf-8", "replace")):
        return "declined"
    cluster.run("apply", *where, given=given, doing="apply the documents")
    return "applied"


def _recording(documents: Iterable[Resource], reference: str, context: str | None) -> Iterator[str]:
    """What tells others where the documents run now; nothing where they are done and gone.

    It is left to whoever applied: it writes to the model's repository, which a deployment only
    reads, and what was applied has not started yet.
    """
    for each in documents:
        if each.get("kind") not in _LASTING:
            continue
        head = each["metadata"]
        place = f"{_cluster(context, head.get('namespace'))}/{head['name']}"
        yield f"lading record deploy {reference} --where {place} tells lading where"


def _cluster(context: str | None, namespace: str | None) -> str:
    """CLUSTER/NAMESPACE; in words where there is no kubeconfig that says them, as in a pod."""
    cluster = Kubectl(context=context)
    try:
        return f"{called(cluster.context_name())}/{namespace or cluster.usual_namespace()}"
    except LadingError:
        return f"CLUSTER/{namespace or 'NAMESPACE'}"
