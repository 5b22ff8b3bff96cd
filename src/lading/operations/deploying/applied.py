"""Documents given to a cluster: what would change is shown first, and nothing happens unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from lading.errors import Conflict
from lading.operations.deploying.kubectl import Kubectl

Applied = Literal["applied", "unchanged", "declined"]

# kubectl diff ends with 1 where there are differences, as diff does, and with more where it failed.
_DIFFERS: Final = 1


def apply_folder(
    folder: Path, confirm: Callable[[str], bool], *, context: str | None = None
) -> Applied:
    """Give a kustomize base to a cluster, after its differences were confirmed.

    Raises:
        LocalFailure: kubectl is not there.
        Conflict: what is there already cannot be changed so; says what makes it anew.
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
    with _told(where):
        return _asked(where, given, confirm, Kubectl(context=context))


@contextmanager
def _told(where: tuple[str, ...]) -> Iterator[None]:
    """Say how what cannot be changed is made anew: a pod, or a job that does something else."""
    try:
        yield
    except Conflict as error:
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
