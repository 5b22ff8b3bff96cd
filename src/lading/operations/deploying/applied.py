"""Documents given to a cluster: what would change is shown first, and nothing happens unasked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

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
