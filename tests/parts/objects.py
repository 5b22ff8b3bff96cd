"""The writable half of a cluster's double: what ``kubectl diff`` and ``apply`` ask of an API.

Kept are objects as they were sent, with what a server alone gives them (uid, resourceVersion,
generation, creationTimestamp). A strategic merge is not written anew here: the real
``kubectl patch --local`` does it. What it does not do: no defaults are filled in, nothing is
validated or admitted, no controller acts (so there are no pods of a deployment, and no status),
nothing is deleted, no conflicts of field managers are found, and server-side apply is not known.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

Document = dict[str, Any]

# What a deployment of Lading's is made of: apiVersion, kind, and its word in addresses.
KINDS = (
    ("v1", "Service", "services"),
    ("apps/v1", "Deployment", "deployments"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
)
_PATH = re.compile(
    r"/(?:api|apis)/(?P<version>.+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?"
)
# The words of `kubectl patch` for what it sends.
_MERGES = {
    "application/strategic-merge-patch+json": "strategic",
    "application/merge-patch+json": "merge",
}


class Answer(NamedTuple):
    """What a request for an object is answered with."""

    status: int
    body: Document


@dataclass
class Objects:
    """Objects by apiVersion, namespace, plural and name."""

    program: str
    namespaces: set[str] = field(default_factory=lambda: {"default"})
    # Nobody may read or write any of them; what kinds there are is still told.
    forbidden: bool = False
    kept: dict[tuple[str, str, str, str], Document] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Document]:
        """Those of a kind, by name."""
        return {name: each for (_, _, _, name), each in self.kept.items() if each["kind"] == kind}

    def answer(
        self, method: str, path: str, query: dict[str, str], media_type: str, body: bytes
    ) -> Answer | None:
        """Answer a request for an object; None where it is for none of these."""
        match = _PATH.fullmatch(path)
        known = {(version, plural) for version, _, plural in KINDS}
        if match is None or (match["version"], match["plural"]) not in known:
            return None
        if self.forbidden:
            return Answer(403, _status(403, "Forbidden", f"{match['plural']} is forbidden"))
        sent = json.loads(body) if body else {}
        name = match["name"] or sent.get("metadata", {}).get("name", "")
        key = (match["version"], match["namespace"], match["plural"], name)
        if method == "GET":
            return Answer(200, self.kept[key]) if key in self.kept else _missing(*key[2:])
        if match["namespace"] not in self.namespaces:
            return _missing("namespaces", match["namespace"])
        made = self._written(key, method, media_type, sent)
        if made is None:
            return Answer(405, _status(405, "MethodNotAllowed", f"{method} {media_type} {path}"))
        if query.get("dryRun") != "All":
            self.kept[key] = made
        return Answer(201 if method == "POST" else 200, made)

    def _written(
        self, key: tuple[str, str, str, str], method: str, media_type: str, sent: Document
    ) -> Document | None:
        """The object after a request; None where it is not taken."""
        before = self.kept.get(key)
        if method == "POST" and before is None:
            return self._made(sent, {}, key[1])
        if method == "PATCH" and before is not None and media_type in _MERGES:
            merged = self._merged(before, sent, _MERGES[media_type])
            made = self._made(merged, before["metadata"], key[1])
            return before if _said(made) == _said(before) else made
        return None

    def _made(self, document: Document, before: Document, namespace: str) -> Document:
        """A document with what a server gives it."""
        given = {
            "namespace": namespace,
            "uid": before.get("uid", f"00000000-0000-0000-0000-{len(self.kept):012}"),
            "resourceVersion": str(int(before.get("resourceVersion", 0)) + 1),
            "generation": before.get("generation", 0) + 1,
            "creationTimestamp": before.get("creationTimestamp", "2026-11-20T10:00:00Z"),
        }
        return {**document, "metadata": {**document["metadata"], **given}}

    def _merged(self, document: Document, patch: Document, how: str) -> Document:
        with tempfile.TemporaryDirectory() as made:
            live, change = Path(made) / "live.json", Path(made) / "patch.json"
            live.write_text(json.dumps(document))
            change.write_text(json.dumps(patch))
            done = subprocess.run(
                [
                    *(self.program, "patch", "--local", "--output=json", f"--type={how}"),
                    *(f"--filename={live}", f"--patch-file={change}"),
                ],
                capture_output=True,
                check=True,
            )
        merged = json.loads(done.stdout)
        assert isinstance(merged, dict)
        return merged


def groups() -> list[Document]:
    """The groups that these kinds are in, as discovery lists them."""
    return [
        {
            "name": version.partition("/")[0],
            "versions": [entry := {"groupVersion": version, "version": version.split("/")[1]}],
            "preferredVersion": entry,
        }
        for version, _, _ in KINDS
        if "/" in version
    ]


def discovered(version: str) -> Iterator[Document]:
    """The kinds of one version, as discovery lists them."""
    for of, kind, plural in KINDS:
        if of == version:
            verbs = ["create", "get", "patch"]
            yield {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": True,
                "kind": kind,
                "verbs": verbs,
            }


def openapi(path: str) -> Document | None:
    """What says that dry runs and strict fields are known; no schema of any kind is in it."""
    root = "/openapi/v3"
    places = {
        f"{'apis' if '/' in version else 'api'}/{version}": version for version, _, _ in KINDS
    }
    if path == root:
        return {"paths": {each: {"serverRelativeURL": f"{root}/{each}"} for each in places}}
    version = places.get(path.removeprefix(f"{root}/"))
    if version is None:
        return None
    group, _, short = version.rpartition("/")
    known = [{"name": name, "in": "query"} for name in ("dryRun", "fieldValidation")]
    paths = {
        f"/{plural}/{{name}}": {
            "patch": {
                "parameters": known,
                "x-kubernetes-group-version-kind": {"group": group, "version": short, "kind": kind},
            }
        }
        for of, kind, plural in KINDS
        if of == version
    }
    return {"openapi": "3.0.0", "info": {"title": "double", "version": "1"}, "paths": paths}


def _said(document: Document) -> Document:
    """What was sent of a document, without what changes by itself."""
    changing = ("resourceVersion", "generation")
    metadata = {k: v for k, v in document["metadata"].items() if k not in changing}
    return {**document, "metadata": metadata}


def _missing(plural: str, name: str) -> Answer:
    return Answer(404, _status(404, "NotFound", f'{plural} "{name}" not found'))


def _status(code: int, reason: str, message: str) -> Document:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return {**status, "reason": reason, "message": message, "metadata": {}}
