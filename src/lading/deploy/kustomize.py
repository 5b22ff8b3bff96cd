"""Documents as a base without digests, and one patch with all of them: a new version is one diff.

``split`` takes complete documents apart, ``merge`` puts them together as kustomize does; the one is
the other's inverse. Lists whose entries have names are patched by entry in Kubernetes' own
documents. Of those that others define kustomize knows no schema, and a patch gives a list whole.
Whatever is written has its digests in one document, and so in one patch: kustomize before 5.2.1
(kubectl up to 1.30, and Flux and Argo CD of those years) refuses a file with two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from lading.deploy import run
from lading.deploy.pins import DIGEST, EVENT, REFERENCE, STAGE, VERSION
from lading.deploy.resource import Resource
from lading.deploy.text import document, write
from lading.spec.digest import Digest

BASE: Final = "kustomization.yaml"
DIGESTS: Final = "digests.yaml"

PINNED: Final = frozenset({REFERENCE, DIGEST, VERSION, STAGE, EVENT})

_DIGEST: Final = re.compile(r"\bsha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})\b")
# Lists that kustomize merges by name where it knows the schema.
_NAMED: Final = frozenset({"containers", "initContainers", "volumes", "env"})
_GROUPS: Final = frozenset({"apps", "batch", "policy", "autoscaling"})
# What belongs to a cluster is of no version: its digest stays where it is when versions change.
_CLUSTERS: Final = frozenset({"ClusterStorageContainer"})
_MISSING: Final = object()


def split(resources: Iterable[Resource]) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
    """Documents without a digest of a version, and a patch for each that had any."""
    bare: list[Resource] = []
    patches: list[Resource] = []
    for resource in resources:
        if resource["kind"] in _CLUSTERS:
            bare.append(resource)
            continue
        rest, patch = _divided(resource, named=_is_known(resource))
        head = {"name": _base_name(resource)}
        if "namespace" in resource["metadata"]:
            head["namespace"] = resource["metadata"]["namespace"]
        bare.append(rest | {"metadata": rest["metadata"] | head})
        if patch is not _MISSING:
            named = head | {"name": resource["metadata"]["name"]}
            patches.append(
                {
                    "apiVersion": resource["apiVersion"],
                    "kind": resource["kind"],
                    **patch,
                    "metadata": named | patch.get("metadata", {}),
                }
            )
    return tuple(bare), tuple(patches)


def merge(bare: Iterable[Resource], patches: Sequence[Resource]) -> tuple[Resource, ...]:
    """Complete documents, as kustomize makes them of a base and its patches."""
    made = []
    for resource in bare:
        for patch in patches:
            if is_for(patch, resource):
                resource = _merged(resource, patch, named=_is_known(resource))  # noqa: PLW2901
        made.append(resource)
    return tuple(made)


def files(resources: Iterable[Resource]) -> dict[str, str]:
    """A kustomize base: a file for each document, and one with every digest of a version."""
    bare, patches = split(resources)
    names = _file_names(bare)
    made = {BASE: document(kustomization(names, patches))}
    made |= {name: document(each) for name, each in zip(names, bare, strict=True)}
    return made | {DIGESTS: write(patches)}


def kustomization(names: list[str], patches: Sequence[Resource]) -> Resource:
    """What puts the files together."""
    patch: Resource = {"path": DIGESTS}
    if len(patches) == 1 and _base_name(patches[0]) != patches[0]["metadata"]["name"]:
        # The name of a job has its run and the start of its digest, so the patch gives it.
        patch["target"] = {"kind": patches[0]["kind"], "name": _base_name(patches[0])}
        patch["options"] = {"allowNameChange": True}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
        "patches": [patch],
    }


def _file_names(resources: Sequence[Resource]) -> list[str]:
    """``service.yaml``; with the document's own name where a kind is there twice."""
    kinds = [each["kind"].lower() for each in resources]
    return [
        f"{kind}.yaml" if kinds.count(kind) == 1 else f"{kind}-{each['metadata']['name']}.yaml"
        for kind, each in zip(kinds, resources, strict=True)
    ]


def _base_name(resource: Resource) -> str:
    """A document's name without what digests make of it: a job's run, and its version."""
    name: str = resource["metadata"]["name"]
    digest = resource["metadata"].get("annotations", {}).get(DIGEST, "")
    if resource["kind"] != "Job" or not digest:
        return name
    return run.base_name(name, Digest(digest))


def _is_known(resource: Resource) -> bool:
    """Whether kustomize knows the schema of such documents."""
    group, _, version = resource["apiVersion"].rpartition("/")
    return group in _GROUPS or (not group and version == "v1")


def is_for(patch: Resource, resource: Resource) -> bool:
    """Whether a patch is for a document."""
    head, other = patch["metadata"], resource["metadata"]
    return (
        (patch["apiVersion"], patch["kind"]) == (resource["apiVersion"], resource["kind"])
        and other["name"] in (head["name"], _base_name(patch))
        and head.get("namespace") == other.get("namespace")
    )


# Taking apart


def _divided(value: Any, *, named: bool, key: str = "") -> tuple[Any, Any]:
    """What has no digest of a value, and what has; either may be missing."""
    if isinstance(value, dict):
        return _divided_mapping(value, named=named, key=key)
    if isinstance(value, list) and _has_digest(value):
        return _divided_entries(value) if named and key in _NAMED else (_MISSING, value)
    if isinstance(value, str) and _DIGEST.search(value):
        return _MISSING, value
    return value, _MISSING


def _divided_mapping(value: Resource, *, named: bool, key: str) -> tuple[Any, Any]:
    parts = {
        name: (_MISSING, part)
        if key == "annotations" and name in PINNED
        else _divided(part, named=named, key=name)
        for name, part in value.items()
    }
    rest = {name: part for name, (part, _) in parts.items() if part is not _MISSING}
    patch = {name: part for name, (_, part) in parts.items() if part is not _MISSING}
    # What was empty stays; what became empty is in the patch.
    return (rest if rest or not value else _MISSING, patch or _MISSING)


def _divided_entries(entries: list[Any]) -> tuple[Any, Any]:
    rest, patch = [], []
    for entry in entries:
        left, taken = _divided(entry, named=True)
        rest.append(left)
        if taken is not _MISSING:
            patch.append({"name": entry["name"]} | taken)
    return rest, patch


def _has_digest(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_digest, value.values()))
    if isinstance(value, list):
        return any(map(_has_digest, value))
    return isinstance(value, str) and _DIGEST.search(value) is not None


# Putting together


def _merged(value: Any, patch: Any, *, named: bool, key: str = "") -> Any:
    if isinstance(value, dict) and isinstance(patch, dict):
        made = dict(value)
        for name, part in patch.items():
            made[name] = (
                _merged(value[name], part, named=named, key=name) if name in value else part
            )
        return made
    if named and key in _NAMED and isinstance(value, list) and isinstance(patch, list):
        return _merged_entries(value, patch)
    return patch


def _merged_entries(entries: list[Any], patches: list[Any]) -> list[Any]:
    """Entries with a patch stay where they are; those that only a patch has come first."""
    known = {entry["name"] for entry in entries}
    by_name = {patch["name"]: patch for patch in patches}
    return [
        *(patch for patch in patches if patch["name"] not in known),
        *(
            _merged(entry, by_name[entry["name"]], named=True)
            if entry["name"] in by_name
            else entry
            for entry in entries
        ),
    ]
