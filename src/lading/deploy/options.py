"""Which option means something to which kind, and with which way to the model: one table. Pure.

What would be passed over in silence is refused by its name, with what it is for and what to write
instead: whoever wrote it believes that it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lading.deploy import kserve, kserve_storage, machine, pod
from lading.deploy.pins import Pins
from lading.deploy.wish import Kind, Wish
from lading.errors import InvalidInput

_PODS: Final[frozenset[Kind]] = frozenset({"deployment", "init", "job", "pod"})
_CLUSTER: Final[frozenset[Kind]] = _PODS | {"kserve"}
_MACHINE: Final[frozenset[Kind]] = frozenset({"compose", "podman"})
_SEVERAL: Final[frozenset[Kind]] = frozenset({"deployment", "init", "kserve"})
_JOB: Final[frozenset[Kind]] = frozenset({"job"})
_KSERVE: Final[frozenset[Kind]] = frozenset({"kserve"})
# Those in which an image that holds its model starts as it was made; others tell it how.
_STARTS_ITSELF: Final[frozenset[Kind]] = frozenset({"deployment", "pod", "compose", "podman"})

_AWAY: Final = "leave it out"

# How a model gets to its server, whoever brings it.
_STORAGES: Final = {"native": "mounted", "modelcar": "beside", "lading": "pulled", "image": "held"}
_WAYS: Final = {
    "held": "the image holds the model",
    "mounted": "the model is mounted",
    "beside": "a modelcar brings the model",
}


@dataclass(frozen=True, slots=True)
class _Option:
    """What an option says, and to whom it means something."""

    says: str
    kinds: frozenset[Kind]
    # What to write instead, by kind; ``usual`` where nothing is said of it.
    instead: Mapping[Kind, str] = field(default_factory=dict)
    usual: str = _AWAY
    # What to write instead by the way to the model, "mounted", or by kind and way, "kserve
    # mounted". Of other ways it means something.
    unused: Mapping[str, str] = field(default_factory=dict)


_REPLICAS: Final = "--as deployment, or --as init, has replicas"
_WORKERS: Final = f"{_REPLICAS}; or --workers of lading serve, for more processes"
_ALONE: Final[Mapping[Kind, str]] = {
    "job": _REPLICAS,
    "pod": _REPLICAS,
    "compose": _WORKERS,
    "podman": _WORKERS,
}
_OPTIONS: Final[dict[str, _Option]] = {
    "--namespace": _Option("in which namespace of a cluster documents are", _CLUSTER),
    "--replicas": _Option("how many servers there are", _SEVERAL, _ALONE),
    "--max-replicas": _Option("how many servers there may come to be", _SEVERAL, _ALONE),
    "--port": _Option(
        "on which port of one machine the server answers",
        _MACHINE,
        usual="kubectl port-forward service/NAME 8080:80, since a cluster's service has port 80;"
        " or --as compose, which has one",
    ),
    "--pull-secret": _Option(
        "with which secret the nodes of a cluster pull images",
        _CLUSTER,
        {"compose": "docker login, on the machine", "podman": "podman login, on the machine"},
    ),
    "--kubernetes-version": _Option(
        "what a cluster can do", _CLUSTER, {"podman": "--podman-version"}
    ),
    "--podman-version": _Option(
        "what Podman can do on one machine", frozenset({"podman"}), usual="--as podman"
    ),
    "--image-volumes": _Option(
        "that the nodes of a cluster mount images",
        _CLUSTER - {"init"},
        {"init": f"{_AWAY}, since a container pulls the model; or --as deployment mounts it"},
    ),
    "--rows": _Option("what a job scores", _JOB, usual="--as job"),
    "--predictions": _Option("where a job writes", _JOB, usual="--as job"),
    "--volume": _Option("where the files of a job are", _JOB, usual="--as job"),
    "--kserve-version": _Option("what KServe can do", _KSERVE, usual="--as kserve"),
    "--kserve-storage": _Option(
        "how KServe brings a model to its server", _KSERVE, usual="--as kserve"
    ),
    "--helm": _Option("that a chart for a cluster is given values", _CLUSTER),
    "--push": _Option("where the Flux of a cluster finds documents", _CLUSTER),
    "--apply": _Option("that a cluster is given the documents", _CLUSTER),
    "--puller": _Option(
        "which image pulls the model before a server starts",
        _CLUSTER | _MACHINE,
        unused={
            "held": f"{_AWAY}; or --image HOST/NAME:TAG of a runtime image, which holds no model",
            "mounted": f"{_AWAY}; or --as init, which pulls the model",
            "beside": f"{_AWAY}; or --kserve-storage lading, which pulls the model",
            "kserve mounted": f"{_AWAY}; or --kserve-storage lading, which pulls the model",
        },
    ),
    "--credentials": _Option(
        "with which secret the model is pulled before a server starts",
        _PODS | _MACHINE,
        {
            "kserve": f"{_AWAY}; what pulls for KServe logs in with a secret {kserve.CREDENTIALS}"
            " in the namespace of the model, with username and password"
        },
        unused={
            "held": f"{_AWAY}; --pull-secret is for the image",
            "mounted": "--pull-secret, by which nodes mount it; or --as init, which pulls it",
            "compose held": "docker login, on the machine",
            "compose mounted": "docker login, on the machine; or --puller IMAGE, which logs in",
            "podman held": "podman login, on the machine",
            "podman mounted": "podman login, on the machine; or --puller IMAGE, which logs in",
        },
    ),
    "--allow-pickle": _Option(
        "what a server is told when it starts",
        _CLUSTER | _MACHINE,
        unused=dict.fromkeys(
            (f"{kind} held" for kind in sorted(_STARTS_ITSELF)),
            f"{_AWAY}: it was told so, or not, when it was made; lading image build REF"
            " --target serve --allow-pickle --push makes one that is",
        ),
    ),
}


def demand_known(kind: Kind, given: Iterable[str]) -> None:
    """Refuse what means nothing to a kind.

    Raises:
        InvalidInput: this kind passes over an option; says what it is for, and what to write.
    """
    for name in given:
        option = _OPTIONS.get(name)
        if option is not None and kind not in option.kinds:
            raise InvalidInput(
                f"{name} means nothing to --as {kind}",
                cause=f"it says {option.says}",
                hint=option.instead.get(kind, option.usual),
            )


def demand_used(pins: Pins, wish: Wish, given: Iterable[str]) -> None:
    """Refuse what means nothing to the way in which the model gets to its server.

    Raises:
        InvalidInput: an option is passed over there; says what it is for, and what to write.
    """
    ways = _ways(pins, wish)
    for name in given:
        unused = _OPTIONS[name].unused if name in _OPTIONS else {}
        hints = {way: unused.get(f"{wish.kind} {way}") or unused.get(way) for way in ways}
        if unused and all(hints.values()):
            way = min(ways)
            raise InvalidInput(
                f"{name} means nothing where {_WAYS[way]}",
                cause=f"it says {_OPTIONS[name].says}",
                hint=hints[way],
            )
    having = wish.cluster.image_volumes
    if wish.image_volumes and having != "gate":
        raise InvalidInput(
            f"--image-volumes means nothing to Kubernetes {wish.cluster}",
            cause="it says that nodes mount images, which "
            + (
                "begins with 1.31" if having == "no" else "those of 1.35 and newer do by themselves"
            ),
            hint=_AWAY
            + ("" if having == "no" else "; or --kubernetes-version says which 1.31 to 1.34 it is"),
        )


def starts_itself(pins: Pins, wish: Wish) -> bool:
    """Whether the image that serves knows how it starts, and is told nothing."""
    return wish.kind in _STARTS_ITSELF and pins.serving.holds_model


def _ways(pins: Pins, wish: Wish) -> frozenset[str]:
    """How the model gets to its servers; in several ways, where they are started in several."""
    if wish.kind == "kserve":
        return frozenset({_STORAGES[kserve_storage.storage(pins, wish)]})
    if wish.kind not in _MACHINE:
        return frozenset({pod.way(pins, wish)})
    mounts = [True]
    if wish.kind == "podman" and wish.podman.pods:
        mounts.append(wish.podman.mounts_in_pods)
    return frozenset(machine.way(pins, mounts=each) for each in mounts)
