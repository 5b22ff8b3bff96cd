"""A small double of a Kubernetes API: discovery, pods, and KServe's services, for the real kubectl.

It is a double because there is no API server in the package registries. It lists what a test
recorded; it decides, schedules and checks nothing. What ``kubectl diff`` and ``kubectl apply``
write is kept by :mod:`parts.objects`, which says what a server would do besides. What pods look
like is the API's own reference: ``Pod`` of v1, ``InferenceService`` of serving.kserve.io/v1beta1.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, cast

import parts
from parts import objects
from parts.certificates import Authority
from parts.server import Handler, Server

Document = dict[str, Any]


class Cluster(Server):
    """An API server on loopback; ``pods`` and ``services`` may be changed while it runs."""

    def __init__(self, *, authority: Authority | None = None, program: str | None = None) -> None:
        super().__init__(authority=authority)
        self.program = program or parts.found("kubectl")
        self.objects = objects.Objects(self.program)
        self.pods: list[Document] = []
        # None: the cluster has no KServe.
        self.services: list[Document] | None = None
        # What every request is answered with instead, and how late.
        self.refuses: tuple[int, str] | None = None
        self.delay = 0.0
        self.token = ""

    def kubeconfig(self, path: Path, context: str = "eu-1", *, namespace: str = "default") -> Path:
        """A kubeconfig for it, whose one context is called so."""
        path.parent.mkdir(parents=True, exist_ok=True)
        cluster: Document = {"server": self.origin}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": context,
                    "clusters": [{"name": "c", "cluster": cluster}],
                    "users": [{"name": "u", "user": {"token": self.token}}],
                    "contexts": [
                        {
                            "name": context,
                            "context": {"cluster": "c", "user": "u", "namespace": namespace},
                        }
                    ],
                }
            )
        )
        return path


class ClusterHandler(Handler):
    """One connection to a :class:`Cluster`."""

    @property
    def cluster(self) -> Cluster:
        """The double."""
        return cast("Cluster", self.part)

    def answer(self) -> None:
        """Answer what kubectl asks before and while it lists."""
        time.sleep(self.cluster.delay)
        if self.cluster.refuses:
            status, reason = self.cluster.refuses
            self._status(status, reason)
            return
        path = self.request_log.path.rstrip("/")
        if path in _DISCOVERY:
            self._json(_DISCOVERY[path])
        elif path == "/apis":
            self._json(self._groups())
        elif path == "/apis/serving.kserve.io/v1beta1" and self.cluster.services is not None:
            self._json(_SERVICES)
        elif match := _PODS.fullmatch(path):
            self._list("v1", "PodList", self.cluster.pods, match["namespace"])
        elif (match := _INFERENCE.fullmatch(path)) and self.cluster.services is not None:
            kind, version = "InferenceServiceList", "serving.kserve.io/v1beta1"
            self._list(version, kind, self.cluster.services, match["namespace"])
        elif described := objects.openapi(path) or self._version(path):
            self._json(described)
        else:
            self._object(path)

    def _version(self, path: str) -> Document | None:
        """The kinds of a version that can be written."""
        version = path.removeprefix("/apis/")
        found = list(objects.discovered(version))
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version}
        return {**head, "resources": found} if found else None

    def _object(self, path: str) -> None:
        request = self.request_log
        media_type = request.headers.get("content-type", "")
        found = self.cluster.objects.answer(
            request.method, path, request.query, media_type, self.read_body()
        )
        if found is None:
            self._status(404, "NotFound")
        else:
            self._json(found.body, found.status)

    def _groups(self) -> Document:
        groups = objects.groups()
        if self.cluster.services is not None:
            version = {"groupVersion": "serving.kserve.io/v1beta1", "version": "v1beta1"}
            groups.append(
                {
                    "name": "serving.kserve.io",
                    "versions": [version],
                    "preferredVersion": version,
                }
            )
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _list(self, version: str, kind: str, items: list[Document], wanted: str | None) -> None:
        found = [each for each in items if wanted in (None, each["metadata"].get("namespace"))]
        metadata = {"resourceVersion": "1"}
        self._json({"kind": kind, "apiVersion": version, "metadata": metadata, "items": found})

    def _status(self, code: int, reason: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
        message = {"reason": reason, "message": f"{reason.lower()} on purpose", "metadata": {}}
        self._json({**status, **message}, code)

    def _json(self, value: Document, status: int = 200) -> None:
        self.reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


Cluster.handler = ClusterHandler

_PODS = re.compile(r"/api/v1(?:/namespaces/(?P<namespace>[^/]+))?/pods")
_INFERENCE = re.compile(
    r"/apis/serving\.kserve\.io/v1beta1(?:/namespaces/(?P<namespace>[^/]+))?/inferenceservices"
)
_DISCOVERY: dict[str, Document] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "pods",
                "singularName": "pod",
                "namespaced": True,
                "kind": "Pod",
                "verbs": ["get", "list"],
                "shortNames": ["po"],
            },
            *objects.discovered("v1"),
        ],
    },
}
_SERVICES: Document = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "serving.kserve.io/v1beta1",
    "resources": [
        {
            "name": "inferenceservices",
            "singularName": "inferenceservice",
            "namespaced": True,
            "kind": "InferenceService",
            "verbs": ["get", "list"],
            "shortNames": ["isvc"],
        }
    ],
}


def pod(
    name: str,
    namespace: str = "risk",
    *,
    volume: str | None = None,
    image: str = "registry.example/other@sha256:" + "e" * 64,
    init_args: tuple[str, ...] = (),
    annotations: dict[str, str] | None = None,
    deployment: str | None = None,
    ready: bool = True,
    phase: str = "Running",
    created: str = "2026-11-20T10:00:00Z",
    image_id: str = "",
) -> Document:
    """A pod as the API shows it, with what a test says of it."""
    metadata: Document = {"name": name, "namespace": namespace, "creationTimestamp": created}
    metadata["annotations"] = annotations or {}
    if deployment:
        replica_set = {"kind": "ReplicaSet", "name": f"{deployment}-5d4f8c9b7", "controller": True}
        metadata["ownerReferences"] = [{**replica_set, "apiVersion": "apps/v1", "uid": "1"}]
        metadata["labels"] = {"pod-template-hash": "5d4f8c9b7"}
    spec: Document = {"containers": [{"name": "server", "image": image}]}
    if volume:
        spec["volumes"] = [{"name": "model", "image": {"reference": volume}}, {"name": "tmp"}]
    if init_args:
        spec["initContainers"] = [{"name": "puller", "image": image, "args": list(init_args)}]
    status = {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "server", "imageID": image_id}],
    }
    document: Document = {"apiVersion": "v1", "kind": "Pod"}
    return {**document, "metadata": metadata, "spec": spec, "status": status}


def service(name: str, address: str, namespace: str = "risk") -> Document:
    """A service of KServe."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": "2026-11-20T11:00:00Z",
        },
        "spec": {"predictor": {"model": {"storageUri": address}, "minReplicas": 1}},
    }
