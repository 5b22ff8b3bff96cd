"""A version as KServe runs it: an InferenceService, and the ServingRuntime that it needs.

KServe's controllers make the deployment, its service and its scaler of these, in the mode without
Knative. The server is Lading's own image; how the model gets there, ``storage`` decides.

Every digest of what runs stands in the InferenceService, the server's image among them: KServe lays
``predictor.model`` over the container of the runtime. So another version is one change of one
document, and no pod ever has the new server with the old model. It is one patch, too: kustomize
before 5.2.1 (kubectl up to 1.30) refuses a patch file with two.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from lading.deploy import pod, puller
from lading.deploy.cluster import Cluster
from lading.deploy.guess import guess
from lading.deploy.kserve_name import demand_name
from lading.deploy.kserve_storage import demanded_puller, storage
from lading.deploy.kserve_version import Storage
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish

# Where KServe puts every model, and servers look for it.
MODELS: Final = "/mnt/models"
# What KServe looks for in a runtime; of its other containers it knows nothing.
CONTAINER: Final = "kserve-container"
# The format that this runtime alone has: chosen by the runtime's name, never by KServe's guess.
FORMAT: Final = "lading"
SCHEMES: Final[dict[Storage, str]] = {
    "native": "oci+native://",
    "modelcar": "oci://",
    "lading": "lading://",
}
# With what the storage initializer logs in, in each namespace that needs it.
CREDENTIALS: Final = "lading-registry"

# Flux' and Argo CD's words for what stays when a folder that has it goes: other models need it.
_KEPT: Final = {
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
}

# KServe gives its pods the labels of the service: those of a deployment would have its requests.
_COMPONENT: Final = "inference-service"
_SERVICE: Final = "serving.kserve.io/inferenceservice"
_MODE: Final = "serving.kserve.io/deploymentMode"
# The first whose own schema knows a pause without a program; others forget it, and are left with
# a hook that does nothing, which Kubernetes refuses.
_SLEEPS: Final = 15
_BEFORE_SLEEP: Final = Cluster(29)


def kserve(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """An InferenceService, its ServingRuntime, and what both need.

    Raises:
        InvalidInput: the chosen storage needs an image that nobody named; or the name is too long.
        Unsupported: this KServe or this cluster cannot bring the model; says what would.
    """
    demand_name(wish)
    how = storage(pins, wish)
    made = [_runtime(pins, facts, wish, how), _service(pins, facts, wish, how)]
    if how == "lading":
        made.insert(0, storage_container(pins, wish))
    if wish.several:
        made.append(_budget(wish))
    return tuple(made)


def storage_container(pins: Pins, wish: Wish) -> Resource:
    """What teaches a cluster's KServe to pull ``lading://`` by digest; once for each cluster.

    KServe adds where the model comes from and where it goes to as arguments. A namespace whose
    models need a password has a secret ``lading-registry`` with username and password in it.

    Raises:
        InvalidInput: nobody named the image that pulls.
    """
    made: Resource = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        # It belongs to the cluster, whatever the namespace of the service.
        "metadata": {
            "name": "lading",
            "labels": {"app.kubernetes.io/managed-by": "lading"},
            "annotations": dict(_KEPT),
        },
        "spec": {
            "container": {
                # Under another name KServe takes it for a second container.
                "name": "storage-initializer",
                "image": demanded_puller(pins),
                "command": ["lading", "storage-initializer"],
                "env": [*map(_secret, ("username", "password")), *_insecure(pins, wish)],
                "resources": {
                    "requests": {"cpu": "250m", "memory": "128Mi"},
                    "limits": {"cpu": "1", "memory": "512Mi"},
                },
                "securityContext": pod.confined(),
            },
            "supportedUriFormats": [{"prefix": SCHEMES["lading"]}],
        },
    }
    if wish.kserve.several:  # KServe reads it without looking whether it is there
        made["spec"]["supportsMultiModelDownload"] = True
    return made


def pulls(document: Resource) -> str | None:
    """The image of a document that teaches KServe to pull; None of every other document."""
    if document.get("kind") != "ClusterStorageContainer":
        return None
    return str(document["spec"]["container"]["image"])


# What is written


def _runtime(pins: Pins, facts: Facts, wish: Wish, how: Storage) -> Resource:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": pod.metadata(wish, _COMPONENT),
        "spec": {
            "supportedModelFormats": [{"name": FORMAT, "version": "1", "autoSelect": False}],
            "protocolVersions": ["v2"],
            "multiModel": False,
            "containers": [_server(pins, facts, wish, how)],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
    }


def _server(pins: Pins, facts: Facts, wish: Wish, how: Storage) -> Resource:
    """The container of a deployment, with what KServe wants to be otherwise."""
    older = wish.kserve.minor < _SLEEPS and wish.cluster > _BEFORE_SLEEP
    plain = replace(wish, cluster=_BEFORE_SLEEP) if older else wish
    usual = pod.server(pins, facts, plain, "held")
    # KServe lays its own defaults over a runtime's, and the service's over both; and the service
    # names the image.
    del usual["resources"], usual["image"]
    folder = puller.MODELS if how == "image" else MODELS
    patience = []
    if how == "modelcar":
        # A modelcar starts beside the server, before 0.14 even its image is fetched only then, and
        # its model appears when it has started: that may take as long as loading it.
        patience = ["--wait", f"{guess(facts).patience}s"]
        usual["startupProbe"]["failureThreshold"] *= 2
    consent = ["--allow-pickle"] if wish.allow_pickle else []
    return {
        "name": CONTAINER,
        "command": ["lading"],
        "args": [
            *("serve", folder, *patience, "--name", wish.name),
            *("--host", "0.0.0.0", "--port", str(wish.port), *consent),  # noqa: S104  in a container
        ],
    } | {name: part for name, part in usual.items() if name != "name"}


def _service(pins: Pins, facts: Facts, wish: Wish, how: Storage) -> Resource:
    head = pod.metadata(wish, _COMPONENT, {_MODE: wish.kserve.mode} | pins.annotations)
    head["annotations"] |= pod.guessed(facts, wish)
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": head,
        "spec": {"predictor": _predictor(pins, facts, wish, how)},
    }


def _predictor(pins: Pins, facts: Facts, wish: Wish, how: Storage) -> Resource:
    made: Resource = {
        "annotations": pod.inner_annotations(pins),
        "minReplicas": wish.replicas,
        "maxReplicas": wish.most or wish.replicas,
    }
    if wish.kserve.strategies:  # older ones leave it at a quarter of the servers
        made["deploymentStrategy"] = {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        }
    # Nodes run a modelcar as they mount a version: where it is for their processor.
    beside = how in ("native", "modelcar")
    there = replace(facts, mountable=facts.modelcar) if how == "modelcar" else facts
    spec = pod.spec(pins, there, wish, "mounted" if beside else "held", {})
    made |= {name: part for name, part in spec.items() if name not in ("containers", "volumes")}
    made["terminationGracePeriodSeconds"] = 60
    if wish.several:
        made["topologySpreadConstraints"] = [_spread(wish)]
    model: Resource = {
        "modelFormat": {"name": FORMAT},
        "runtime": wish.name,
        "protocolVersion": "v2",
        "image": pins.serving.reference,
    }
    if how != "image":
        named = pins.modelcar if how == "modelcar" else pins.runs.reference
        model["storageUri"] = f"{SCHEMES[how]}{named}"
    model["resources"] = _resources(facts, wish)
    return made | {"model": model}


def _resources(facts: Facts, wish: Wish) -> Resource:
    """What a server asks for; with a limit of processors, since KServe writes one where none is.

    Its own is one processor, less than a large model asks for, which Kubernetes then refuses.
    """
    asked = pod.resources(facts, wish)
    asked["limits"] = {"cpu": _twice(asked["requests"]["cpu"])} | asked["limits"]
    return asked


def _twice(cpu: str) -> str:
    number, unit = (cpu[:-1], "m") if cpu.endswith("m") else (cpu, "")
    return f"{2 * Decimal(number):f}{unit}"


def _spread(wish: Wish) -> Resource:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {_SERVICE: wish.name}},
    }


def _budget(wish: Wish) -> Resource:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": pod.metadata(wish, _COMPONENT),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {_SERVICE: wish.name}},
        },
    }


def _insecure(pins: Pins, wish: Wish) -> list[Resource]:
    host = pins.runs.place.partition("/")[0]
    return [{"name": "LADING_INSECURE", "value": host}] if wish.insecure else []


def _secret(key: str) -> Resource:
    chosen = {"name": CREDENTIALS, "key": key, "optional": True}
    return {"name": f"LADING_{key.upper()}", "valueFrom": {"secretKeyRef": chosen}}
