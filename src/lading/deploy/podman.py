"""What Podman runs on one machine: a pod for ``podman kube play``, and units for systemd.

Both run the same: whoever wants to try takes the pod, whoever wants it started with the machine
takes the units. Neither has a tag in it.
"""

from __future__ import annotations

from typing import Final

from lading.deploy import by_hand, machine
from lading.deploy.guess import Guess, guess
from lading.deploy.pins import Pins
from lading.deploy.puller import (
    CREDENTIALS_FILE,
    CREDENTIALS_MODE,
    MODELS,
    SCRATCH,
    SCRATCH_MIB,
    USER,
    puller,
)
from lading.deploy.quadlet import UNIT, units
from lading.deploy.quadlet import written as unit_text
from lading.deploy.resource import Resource
from lading.deploy.text import document
from lading.deploy.wish import Facts, Wish
from lading.errors import Unsupported

_POD: Final = "pod.yaml"
_CONFINED: Final = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def podman(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """The units, and a pod where this Podman plays it.

    Raises:
        InvalidInput: more than one server is wished for.
        Unsupported: this Podman knows no units; says what runs the model there.
    """
    machine.demand_one(wish)
    machine.fitting(pins, facts, wish, machine.way(pins))
    if not wish.podman.units:
        raise _unsupported(pins, facts, wish)
    pods = (_pod(pins, facts, wish),) if wish.podman.pods else ()
    return (*pods, *units(pins, facts, wish))


def _unsupported(pins: Pins, facts: Facts, wish: Wish) -> Unsupported:
    return Unsupported(
        f"nothing is written for Podman {wish.podman}",
        cause="it makes no units of files, and its pods start what pulls a model again for ever",
        hint=f"a newer Podman; or {by_hand.commands(pins, facts, wish)}",
    )


def written(made: tuple[Resource, ...], wish: Wish) -> dict[str, str]:
    """The files: the pod, and a file for each unit."""
    return dict(_written(each, wish) for each in made)


def _written(one: Resource, wish: Wish) -> tuple[str, str]:
    # Printed, they follow each other: each says its name first.
    if UNIT in one:
        return one[UNIT], unit_text(one, wish)
    heading = "".join(f"# {line}\n" for line in (_POD, *_remarks(one, wish)))
    return _POD, heading + document(one)


# The pod


def _pod(pins: Pins, facts: Facts, wish: Wish) -> Resource:
    how = machine.way(pins, mounts=wish.podman.mounts_in_pods)
    spec: Resource = {"automountServiceAccountToken": False, "restartPolicy": "Always"}
    if how == "pulled":
        spec["initContainers"] = [_init(pins, wish)]
    spec["containers"] = [_container(pins, facts, wish, how)]
    spec["volumes"] = _volumes(pins, facts, wish, how)
    labels = {"app.kubernetes.io/name": wish.name, "app.kubernetes.io/managed-by": "lading"}
    head = {"name": wish.name, "labels": labels, "annotations": machine.labels(pins, facts, wish)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}


def _container(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> Resource:
    found = guess(facts)
    made: Resource = {"name": "model", "image": pins.serving.reference}
    if command := machine.command(how, wish):
        made |= {"command": list(command[:1]), "args": list(command[1:])}
    made |= {
        "env": _pairs(machine.environment(pins)),
        "ports": [
            {"containerPort": wish.port, "hostPort": wish.published, "hostIP": machine.ADDRESS}
        ],
        **_probes(wish, found.patience),
        "resources": {"limits": _limits(found, wish)},
        "securityContext": dict(_CONFINED),
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}],
    }
    if how != "held":
        name = _volume_name(pins, wish, how)
        made["volumeMounts"].append({"name": name, "mountPath": MODELS, "readOnly": True})
    return made


def _limits(found: Guess, wish: Wish) -> dict[str, str]:
    memory = {"memory": wish.memory or found.memory_limit}
    return memory | ({"cpu": wish.cpu} if wish.cpu else {})


def _probes(wish: Wish, patience: int) -> Resource:
    """Started again is what answers no more; Podman would ask over HTTP with curl, which a server's
    image has not."""
    ask = {"exec": {"command": list(machine.ready(wish))}, "timeoutSeconds": 5}
    alive = {**ask, "periodSeconds": 10, "failureThreshold": 3}
    starting = {**ask, "periodSeconds": 5, "failureThreshold": -(-patience // 5)}
    return {"startupProbe": starting, "livenessProbe": alive}


def _init(pins: Pins, wish: Wish) -> Resource:
    pulls = puller(pins, credentials=bool(wish.credentials), insecure=wish.insecure)
    mounts: list[Resource] = [
        {"name": "scratch", "mountPath": pulls.scratch},
        {"name": _volume_name(pins, wish, "pulled"), "mountPath": pulls.models},
    ]
    if pulls.credentials:
        # Podman gives the file to root, and with U to whom its container runs as.
        path = f"{pulls.credentials}:U"
        mounts.append({"name": "credentials", "mountPath": path, "readOnly": True})
    return {
        "name": "pull",
        "image": pulls.image,
        "command": list(pulls.command),
        "args": list(pulls.args),
        "env": _pairs(pulls.env),
        "securityContext": dict(_CONFINED),
        "volumeMounts": mounts,
    }


def _volumes(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> list[Resource]:
    memory = {"medium": "Memory", "sizeLimit": f"{machine.TEMPORARY_MIB}Mi"}
    made: list[Resource] = [{"name": "tmp", "emptyDir": memory}]
    if how == "mounted":
        image = {"reference": pins.runs.reference, "pullPolicy": "IfNotPresent"}
        made.append({"name": _volume_name(pins, wish, how), "image": image})
    if how == "pulled":
        scratch = {"medium": "Memory", "sizeLimit": f"{SCRATCH_MIB}Mi"}
        # Podman holds nobody to a size on a disk; it is said for whoever reads it.
        room = {"sizeLimit": guess(facts).room}
        model = {"name": _volume_name(pins, wish, how), "emptyDir": room}
        made += [{"name": "scratch", "emptyDir": scratch}, model]
        if wish.credentials:
            made.append({"name": "credentials", "secret": _secret(wish.credentials)})
    return made


def _volume_name(pins: Pins, wish: Wish, how: machine.Way) -> str:
    """What the model's volume is called in its pod.

    Podman keeps what is empty at first in a volume of this very name, for all pods on the machine.
    """
    return machine.volume(pins, wish) if how == "pulled" else "model"


def _secret(name: str) -> Resource:
    return {
        "secretName": name,
        "defaultMode": CREDENTIALS_MODE,
        "items": [{"key": ".dockerconfigjson", "path": CREDENTIALS_FILE}],
    }


def _pairs(values: dict[str, str]) -> list[Resource]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _remarks(pod: Resource, wish: Wish) -> list[str]:
    volumes = pod["spec"]["volumes"]
    lines = [*machine.remarks(wish)]
    if any("image" in each for each in volumes):
        lines.append("As root: Podman mounts images in pods for nobody else.")
    if any("secret" in each for each in volumes):
        lines.append(f"Its secret is made of an auth.json: {machine.secret(wish)}")
    if wish.platform:
        lines.append(f"For {wish.platform}: Podman's pods run what is for their machine.")
    return lines
