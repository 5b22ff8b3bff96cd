"""What Flux is told, so that documents of a deployment reach a cluster: from Git, or a registry.

A source that is looked at again and again, and a Kustomization that applies what it found. Flux is
told where the documents are, by a branch or a tag; the documents name everything that runs by
digest, so that what moves a cluster is a commit or a push, never a tag of an image.
"""

from __future__ import annotations

import re
from typing import Final

from lading.deploy.resource import Resource
from lading.deploy.wish import checked_name, checked_namespace
from lading.errors import InvalidInput
from lading.spec.reference import Reference

NAMESPACE: Final = "flux-system"

_INTERVAL: Final = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,3})?(?:ms|s|m|h))+", re.ASCII)
_GIT: Final = re.compile(r"(?:https?|ssh)://[^\s@/]*@?[^\s/]+/\S+", re.ASCII)
_BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", re.ASCII)
_PATH: Final = re.compile(r"(?:\./)?[A-Za-z0-9._/-]{0,199}", re.ASCII)


def from_git(
    name: str,
    url: str,
    *,
    path: str,
    branch: str = "main",
    secret: str | None = None,
    namespace: str = NAMESPACE,
    target: str | None = None,
    interval: str = "1m",
) -> tuple[Resource, ...]:
    """A GitRepository, and the Kustomization of one folder in it.

    ``target`` is the namespace of documents that name none. A commit of ``lading deploy update``
    is what rolls out; reverting it rolls back.

    Raises:
        InvalidInput: a name, an address, a folder or a time is none.
    """
    if not _GIT.fullmatch(url) or ("@" in url and url.startswith("http")):
        raise InvalidInput(
            f"Flux reads no repository at {url[:200]!r}",
            hint="https://HOST/NAME or ssh://git@HOST/NAME; a password belongs in a secret",
        )
    if not _BRANCH.fullmatch(branch) or ".." in branch:
        raise InvalidInput(f"not a branch: {branch[:80]!r}", hint="main")
    source = _source("source.toolkit.fluxcd.io/v1", "GitRepository", name, namespace)
    source["spec"] = {"interval": _interval(interval), "url": url, "ref": {"branch": branch}}
    if secret:
        source["spec"]["secretRef"] = {"name": secret}
    return source, kustomization(name, source, path=path, namespace=namespace, target=target)


def from_registry(
    name: str,
    place: str,
    follow: str,
    *,
    path: str = "./",
    secret: str | None = None,
    insecure: bool = False,
    namespace: str = NAMESPACE,
    target: str | None = None,
    interval: str = "1m",
) -> tuple[Resource, ...]:
    """An OCIRepository of pushed documents, and the Kustomization of it.

    ``follow`` is the tag that documents are pushed under, or one digest of them.

    Raises:
        InvalidInput: a name, a place, a tag or a time is none.
    """
    home = Reference.parse(place)
    if home.host is None or home.tag or home.digest:
        raise InvalidInput(
            f"documents are not in {place[:200]!r}", hint="HOST/NAME, without tag and digest"
        )
    source = _source("source.toolkit.fluxcd.io/v1", "OCIRepository", name, namespace)
    source["spec"] = {
        "interval": _interval(interval),
        "url": f"oci://{home}",
        "ref": _followed(home, follow),
    }
    if insecure:
        source["spec"]["insecure"] = True
    if secret:
        source["spec"]["secretRef"] = {"name": secret}
    return source, kustomization(name, source, path=path, namespace=namespace, target=target)


def kustomization(
    name: str,
    source: Resource,
    *,
    path: str,
    namespace: str = NAMESPACE,
    target: str | None = None,
    interval: str = "10m",
) -> Resource:
    """What applies the documents of a source, waits until they run, and removes what is gone.

    Raises:
        InvalidInput: a name, a folder or a time is none.
    """
    if not _PATH.fullmatch(path) or path.startswith("/") or ".." in path.split("/"):
        raise InvalidInput(f"not a folder of a source: {path[:80]!r}", hint="./deploy/prod")
    made = _source("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, namespace)
    made["spec"] = {
        "interval": _interval(interval),
        # A model may take minutes until it answers, and only then is it rolled out.
        "timeout": "30m",
        "wait": True,
        "prune": True,
        "path": path,
        "sourceRef": {"kind": source["kind"], "name": source["metadata"]["name"]},
    }
    if target:
        made["spec"]["targetNamespace"] = checked_namespace(target)
    return made


def _source(version: str, kind: str, name: str, namespace: str) -> Resource:
    head = {"name": checked_name(name), "namespace": checked_namespace(namespace)}
    return {"apiVersion": version, "kind": kind, "metadata": head}


def _followed(home: Reference, follow: str) -> Resource:
    """A tag or a digest of documents, read as part of a reference."""
    named = Reference.parse(f"{home}{'@' if follow.startswith('sha256:') else ':'}{follow}")
    return {"digest": str(named.digest)} if named.digest else {"tag": named.tag}


def _interval(text: str) -> str:
    if _INTERVAL.fullmatch(text):
        return text
    raise InvalidInput(f"not a time of Flux's: {text[:40]!r}", hint="30s, 10m or 1h")
