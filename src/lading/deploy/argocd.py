"""What Argo CD is told, so that documents of a deployment reach a cluster.

An Application follows a branch of a repository, or a tag that documents were pushed under. The
documents name everything that runs by digest.
"""

from __future__ import annotations

import re
from typing import Final

from lading.deploy.resource import Resource
from lading.deploy.wish import checked_name, checked_namespace
from lading.errors import InvalidInput

NAMESPACE: Final = "argocd"
# The cluster that Argo CD runs in.
HERE: Final = "https://kubernetes.default.svc"

_REPOSITORY: Final = re.compile(
    r"(?:(?:https?|oci)://[^\s@/]+/[^\s@]+|ssh://[^\s/]+/\S+|git@[^\s/:]+:\S+)", re.ASCII
)
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}", re.ASCII)
_PATH: Final = re.compile(r"[A-Za-z0-9._/-]{1,200}", re.ASCII)


def application(
    name: str,
    repository: str,
    *,
    path: str = ".",
    revision: str = "main",
    target: str,
    project: str = "default",
    server: str = HERE,
    namespace: str = NAMESPACE,
) -> Resource:
    """An Application that keeps a namespace as the documents say, and removes what is gone.

    ``repository`` is one of Git's, or ``oci://HOST/NAME`` (Argo CD 3.1 and newer); ``revision`` a
    branch, a tag or a digest of documents; ``target`` the namespace that they go to.

    Raises:
        InvalidInput: a name, an address or a folder is none.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidInput(
            f"Argo CD reads no repository at {repository[:200]!r}",
            hint="https://HOST/NAME, git@HOST:NAME or oci://HOST/NAME; "
            "a password belongs in a secret",
        )
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise InvalidInput(f"not a branch or a tag: {revision[:80]!r}", hint="main")
    if not _PATH.fullmatch(path) or path.startswith("/") or ".." in path.split("/"):
        raise InvalidInput(f"not a folder of a repository: {path[:80]!r}", hint="deploy/prod")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": checked_name(name), "namespace": checked_namespace(namespace)},
        "spec": {
            "project": project,
            "source": {"repoURL": repository, "targetRevision": revision, "path": path},
            "destination": {"server": server, "namespace": checked_namespace(target)},
            "syncPolicy": {
                # What somebody changed by hand is put back: the documents say what runs.
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
                "retry": {"limit": 5, "backoff": {"duration": "10s", "maxDuration": "5m"}},
            },
        },
    }
