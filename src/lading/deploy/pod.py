"""A pod that runs a version: what deployments, jobs and others share.

The model is held by the image, mounted from the version itself, or pulled before the server starts.
Whatever its way, it lies in one folder, and nothing in the pod may write there once it runs.
What has a digest stands first in its list: patches put it there (:mod:`lading.deploy.kustomize`).
"""

from __future__ import annotations

from typing import Final, Literal

from lading.deploy.guess import INTERPRETERS, guess
from lading.deploy.nodes import selector
from lading.deploy.pins import DIGEST, EVENT, REFERENCE, STAGE, Pins
from lading.deploy.puller import (
    CREDENTIALS_FILE,
    CREDENTIALS_MODE,
    MODELS,
    SCRATCH,
    USER,
    WRITABLE,
    puller,
)
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish
from lading.errors import Unsupported

# Which of what a pod asks for is a guess, and of what.
GUESSED: Final = "dev.lading/guessed"

READY: Final = "/v2/health/ready"
LIVE: Final = "/v2/health/live"

# How often a starting server is asked, in seconds.
_PERIOD: Final = 5
# What stands between a pod that ends and who still sends to it, in seconds.
_LEAVE: Final = 5
_SLEEPS: Final = 30

# Kinds that are pods as they are made here.
KINDS: Final = ("deployment", "init", "job", "pod")

Way = Literal["held", "mounted", "pulled"]


def way(pins: Pins, wish: Wish) -> Way:
    """How the model gets to its server.

    A deployment mounts what its image does not hold, and is refused where the cluster cannot; jobs
    and single pods pull there instead.

    Raises:
        Unsupported: the cluster mounts no images.
    """
    if wish.kind == "init":
        return "pulled"
    if pins.serving.holds_model:
        return "held"
    if mounts(wish):
        return "mounted"
    if wish.kind in ("job", "pod"):
        return "pulled"
    having = wish.cluster.image_volumes
    cause = (
        "it mounts images where its administrator has set the feature gate ImageVolume"
        if having == "gate"
        else "image volumes begin with 1.31"
    )
    switch = ", or --image-volumes where it is set" if having == "gate" else ""
    raise Unsupported(
        f"Kubernetes {wish.cluster} does not mount the model",
        cause=cause,
        hint=f"--as init{switch}; or lading image build {pins.runs.named} --target serve --push",
    )


def mounts(wish: Wish) -> bool:
    """Whether the cluster mounts images, by its version or because somebody said so."""
    having = wish.cluster.image_volumes
    return having == "yes" or (having == "gate" and wish.image_volumes)


def folder(how: Way, wish: Wish) -> str:
    """Where the model lies in its container."""
    whole_image = how == "mounted" and not wish.cluster.sub_paths
    return f"{MODELS}/models" if whole_image else MODELS


def labels(wish: Wish, component: str) -> dict[str, str]:
    """What a pod is found by; the same for every version."""
    return {"app.kubernetes.io/name": wish.name, "app.kubernetes.io/component": component}


def metadata(wish: Wish, component: str, annotations: dict[str, str] | None = None) -> Resource:
    """The head of a document."""
    head: Resource = {"name": wish.name}
    if wish.namespace:
        head["namespace"] = wish.namespace
    head["labels"] = labels(wish, component) | {"app.kubernetes.io/managed-by": "lading"}
    if annotations:
        head["annotations"] = annotations
    return head


def inner_annotations(pins: Pins) -> dict[str, str]:
    """What pods say: only what changes what runs, so that nothing else starts them anew."""
    outer = {STAGE, EVENT}
    return {name: text for name, text in pins.annotations.items() if name not in outer}


def guessed(facts: Facts, wish: Wish, of: tuple[str, ...] = ("cpu", "memory")) -> dict[str, str]:
    """Which amounts nobody chose."""
    amounts = [name for name in of if getattr(wish, name) is None]
    if not amounts:
        return {}
    # What a document says may be anything: only words of our own are written.
    what = facts.framework if facts.framework in INTERPRETERS else "an unknown framework"
    return {GUESSED: f"{' and '.join(amounts)}, from {facts.size} bytes of {what}"}


def spec(pins: Pins, facts: Facts, wish: Wish, how: Way, container: Resource) -> Resource:
    """A pod's specification around the one container that asks the model.

    Raises:
        Unsupported: no node has what the images are for.
    """
    made: Resource = {}
    if nodes := selector(pins, facts, wish, mounts=how == "mounted"):
        made["nodeSelector"] = nodes
    if wish.pull_secrets:
        made["imagePullSecrets"] = [{"name": name} for name in wish.pull_secrets]
    made |= {
        "automountServiceAccountToken": False,
        # Variables of services that are called lading would be taken for settings.
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            # Without a group, a secret of mode 0400 would be root's alone.
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if how == "pulled":
        made["initContainers"] = [_pulling(pins, wish)]
    return made | {"containers": [container], "volumes": _volumes(pins, facts, wish, how)}


def server(pins: Pins, facts: Facts, wish: Wish, how: Way) -> Resource:
    """The container that answers requests."""
    made: Resource = {"name": "model", "image": pins.serving.reference}
    if how != "held":  # an image that holds its model knows how it is served
        made["command"] = ["lading"]
        made["args"] = [
            *("serve", folder(how, wish)),
            *("--host", "0.0.0.0", "--port", str(wish.port)),  # noqa: S104  inside a container
            *(["--allow-pickle"] if wish.allow_pickle else []),
        ]
    made |= {
        "env": environment(),
        "ports": [{"name": "http", "containerPort": wish.port, "protocol": "TCP"}],
        "startupProbe": _probe(READY, _PERIOD, -(-guess(facts).patience // _PERIOD)),
        "readinessProbe": _probe(READY, _PERIOD, 3),
        "livenessProbe": _probe(LIVE, 10, 6),
        "lifecycle": {"preStop": _leaving(wish)},
        "resources": resources(facts, wish),
        "securityContext": confined(),
        "volumeMounts": volume_mounts(how, wish),
    }
    return made


def environment() -> list[Resource]:
    """What a process is told: which version it has, and where it may write."""
    return [
        # What the pod says of itself, so that a digest stands in one place.
        {"name": "LADING_MODEL_REFERENCE", "valueFrom": _annotation(REFERENCE)},
        {"name": "LADING_MODEL_DIGEST", "valueFrom": _annotation(DIGEST)},
        *({"name": name, "value": text} for name, text in WRITABLE.items()),
    ]


def resources(facts: Facts, wish: Wish) -> Resource:
    """What a container asks for, and the memory that it may take."""
    found = guess(facts)
    requests = {"cpu": wish.cpu or found.cpu, "memory": wish.memory or found.memory}
    return {"requests": requests, "limits": {"memory": wish.memory or found.memory_limit}}


def confined() -> Resource:
    """What no container of ours may do."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def volume_mounts(how: Way, wish: Wish) -> list[Resource]:
    """Where the asking container finds the model and room for temporary files."""
    model: list[Resource] = []
    if how != "held":
        model = [{"name": "model", "mountPath": MODELS, "readOnly": True}]
        if how == "mounted" and wish.cluster.sub_paths:
            model[0]["subPath"] = "models"
    return [*model, {"name": "tmp", "mountPath": SCRATCH}]


def _annotation(name: str) -> Resource:
    return {"fieldRef": {"fieldPath": f"metadata.annotations['{name}']"}}


def _probe(path: str, period: int, failures: int) -> Resource:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 4,
        "failureThreshold": failures,
    }


def _leaving(wish: Wish) -> Resource:
    """A pause before a server is told to end: those that send to it hear later that it does."""
    if wish.cluster.minor >= _SLEEPS:
        return {"sleep": {"seconds": _LEAVE}}
    return {"exec": {"command": ["sleep", str(_LEAVE)]}}


def _volumes(pins: Pins, facts: Facts, wish: Wish, how: Way) -> list[Resource]:
    made: list[Resource] = []
    if how == "mounted":
        image = {"reference": pins.runs.reference, "pullPolicy": "IfNotPresent"}
        made.append({"name": "model", "image": image})
    if how == "pulled":
        made.append({"name": "model", "emptyDir": {"sizeLimit": guess(facts).room}})
    made.append({"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}})
    if how == "pulled" and (secret := _secret(wish)):
        made.append({"name": "credentials", "secret": _mounted_secret(secret)})
    return made


def _mounted_secret(name: str) -> Resource:
    return {
        "secretName": name,
        "defaultMode": CREDENTIALS_MODE,
        "items": [{"key": ".dockerconfigjson", "path": CREDENTIALS_FILE}],
    }


def _secret(wish: Wish) -> str | None:
    """With what the puller logs in: what nodes pull images with, where nothing else is said."""
    return wish.credentials or next(iter(wish.pull_secrets), None)


def _pulling(pins: Pins, wish: Wish) -> Resource:
    """The container that pulls before the server starts."""
    how = puller(pins, credentials=_secret(wish) is not None, insecure=wish.insecure)
    mounted: list[Resource] = [
        {"name": "model", "mountPath": how.models},
        {"name": "tmp", "mountPath": how.scratch},
    ]
    if how.credentials:
        mounted.append({"name": "credentials", "mountPath": how.credentials, "readOnly": True})
    return {
        "name": "pull",
        "image": how.image,
        "command": list(how.command),
        "args": list(how.args),
        "env": [{"name": name, "value": text} for name, text in how.env.items()],
        "resources": {
            "requests": {"cpu": "250m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": confined(),
        "volumeMounts": mounted,
    }
