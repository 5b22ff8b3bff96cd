"""Documents given to a cluster: what would change is shown first, and nothing happens unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from lading.deploy.resource import Resource
from lading.deploy.whereabouts import called
from lading.errors import LadingError
from lading.operations.deploying.kubectl import Kubectl

Applied = Literal["applied", "unchanged", "declined"]

# kubectl diff ends with 1 where there are differences, as diff does, and with more where it failed.
_DIFFERS: Final = 1
# What goes on running, as `lading where` finds it.
_LASTING: Final = ("Deployment", "Pod", "InferenceService")


def apply_folder(
    folder: Path, confirm: Callable[[str], bool], *, context: str | None = None
) -> Applied:
    """Give a kustomize base to a cluster, after its differences were confirmed.

    Raises:
        LocalFailure: kubectl is not there.
        LadingError: the cluster refuses, or does not answer.
    """
    return _apply(("-k", str(folder)), b"", confirm, context)


def apply_documents(
    files: Mapping[str, str], confirm: Callable[[str], bool], *, context: str | None = None
) -> Applied:
    """Give complete documents to a cluster; as :func:`apply_folder`."""
    return _apply(("-f", "-"), "---\n".join(files.values()).encode(), confirm, context)


def _apply(
    where: tuple[str, ...], given: bytes, confirm: Callable[[str], bool], context: str | None
) -> Applied:
    cluster = Kubectl(context=context)
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


def recording(
    documents: Iterable[Resource], reference: str, *, context: str | None = None
) -> Iterator[str]:
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
