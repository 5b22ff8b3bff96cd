"""What Podman runs on one machine: a pod for ``podman kube play``, and units for systemd: quadlets.

Both run the same: whoever wants to try takes the pod, whoever wants it started with the machine
takes the units. Neither has a tag in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lading.deploy import machine
from lading.deploy.guess import guess
from lading.deploy.pins import DIGEST, Pins
from lading.deploy.puller import (
    CREDENTIALS,
    CREDENTIALS_FILE,
    CREDENTIALS_MODE,
    MODELS,
    SCRATCH,
    SCRATCH_MIB,
    USER,
    puller,
)
from lading.deploy.resource import Resource
from lading.deploy.text import document
from lading.deploy.wish import Facts, Wish
from lading.errors import Unsupported

# What systemd takes as it stands: it puts in much behind a percent sign and a dollar.
_SIMPLE: Final = re.compile(r"[A-Za-z0-9_./:@=,%+-]+", re.ASCII)
_ASCII: Final = 0x80
_ESCAPES: Final = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"'}

# The key of a unit's file name, among its sections.
UNIT: Final = "quadlet"

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
    if not wish.podman.units:
        raise _unsupported(pins, wish)
    pods = (_pod(pins, facts, wish),) if wish.podman.pods else ()
    return (*pods, *_units(pins, facts, wish))


def _unsupported(pins: Pins, wish: Wish) -> Unsupported:
    how = machine.way(pins, mounts=True)
    mount = f"--mount type=image,source={pins.runs.reference},destination={MODELS} "
    line = " ".join(machine.command(how, wish)[1:])
    # No Podman pulls an image that a container only mounts.
    first = f"podman pull {pins.runs.reference}, then " if how == "mounted" else ""
    return Unsupported(
        f"nothing is written for Podman {wish.podman}",
        cause="it makes no units of files, and its pods start what pulls a model again for ever",
        hint=f"a newer Podman; or {first}podman run "
        + f"{mount if how == 'mounted' else ''}{pins.serving.reference} {line}".strip(),
    )


def written(made: tuple[Resource, ...], wish: Wish) -> dict[str, str]:
    """The files: the pod, and a file for each unit."""
    return dict(_written(each, wish) for each in made)


def _written(one: Resource, wish: Wish) -> tuple[str, str]:
    # Printed, they follow each other: each says its name first.
    if UNIT in one:
        return one[UNIT], f"# {one[UNIT]}\n{_unit_text(one)}"
    heading = "".join(f"# {line}\n" for line in (_POD, *_remarks(one, wish)))
    return _POD, heading + document(one)


# The pod


def _pod(pins: Pins, facts: Facts, wish: Wish) -> Resource:
    how = machine.way(pins, mounts=wish.podman.mounts_in_pods)
    spec: Resource = {"automountServiceAccountToken": False, "restartPolicy": "Always"}
    if how == "pulled":
        spec["initContainers"] = [_init(pins, wish)]
    spec["containers"] = [_container(pins, facts, wish, how)]
    spec["volumes"] = list(_volumes(pins, wish, how))
    labels = {"app.kubernetes.io/name": wish.name, "app.kubernetes.io/managed-by": "lading"}
    head = {"name": wish.name, "labels": labels, "annotations": pins.annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}


def _container(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> Resource:
    found = guess(facts)
    made: Resource = {"name": "model", "image": pins.serving.reference}
    if command := machine.command(how, wish):
        made |= {"command": list(command[:1]), "args": list(command[1:])}
    made |= {
        "env": _pairs(machine.environment(pins)),
        "ports": [{"containerPort": wish.port, "hostPort": wish.port, "hostIP": machine.ADDRESS}],
        **_probes(wish, found.patience),
        "resources": {"limits": {"memory": wish.memory or found.memory_limit}},
        "securityContext": dict(_CONFINED),
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}],
    }
    if how != "held":
        made["volumeMounts"].append({"name": "model", "mountPath": MODELS, "readOnly": True})
    return made


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
        {"name": "model", "mountPath": pulls.models},
    ]
    if pulls.credentials:
        mounts.append({"name": "credentials", "mountPath": pulls.credentials, "readOnly": True})
    return {
        "name": "pull",
        "image": pulls.image,
        "command": list(pulls.command),
        "args": list(pulls.args),
        "env": _pairs(pulls.env),
        "securityContext": dict(_CONFINED),
        "volumeMounts": mounts,
    }


def _volumes(pins: Pins, wish: Wish, how: machine.Way) -> list[Resource]:
    memory = {"medium": "Memory", "sizeLimit": f"{machine.TEMPORARY_MIB}Mi"}
    made: list[Resource] = [{"name": "tmp", "emptyDir": memory}]
    if how == "mounted":
        image = {"reference": pins.runs.reference, "pullPolicy": "IfNotPresent"}
        made.append({"name": "model", "image": image})
    if how == "pulled":
        scratch = {"medium": "Memory", "sizeLimit": f"{SCRATCH_MIB}Mi"}
        made += [{"name": "scratch", "emptyDir": scratch}, {"name": "model", "emptyDir": {}}]
        if wish.credentials:
            made.append({"name": "credentials", "secret": {"secretName": wish.credentials}})
    return made


def _pairs(values: dict[str, str]) -> list[Resource]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _remarks(pod: Resource, wish: Wish) -> list[str]:
    mounts = any("image" in each for each in pod["spec"]["volumes"])
    return [
        f"Only this machine reaches port {wish.port}: the server knows no passwords.",
        *(["As root: Podman mounts images in pods for nobody else."] if mounts else []),
    ]


# The units


def _units(pins: Pins, facts: Facts, wish: Wish) -> list[Resource]:
    how = machine.way(pins)
    units = [_server(pins, facts, wish, how)]
    if how == "mounted" and wish.podman.mounted_units:
        units.append(_image(f"{wish.name}-model", pins.runs.reference))
    if how == "pulled":
        units += [_pull(pins, wish), _volume(pins, wish)]
    return units


def _server(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> Resource:
    found = guess(facts)
    container: Resource = {"ContainerName": wish.name, "Image": pins.serving.reference}
    container |= _run(machine.command(how, wish), wish)
    container |= _confined(machine.TEMPORARY_MIB)
    container["Environment"] = _settings(machine.environment(pins))
    container["Label"] = _settings(pins.annotations)
    container["PublishPort"] = f"{machine.ADDRESS}:{wish.port}:{wish.port}"
    container["PodmanArgs"] = [
        *container.get("PodmanArgs", ()),
        f"--memory={machine.memory(wish.memory or found.memory_limit)}",
    ]
    if how == "mounted":
        container["Mount"] = f"type=image,source={_mounted(pins, wish)},destination={MODELS}"
    if how == "pulled":
        container["Volume"] = f"{wish.name}-model.volume:{MODELS}:ro"
    container |= {
        "HealthCmd": _words(machine.ready(wish)),
        "HealthInterval": "10s",
        "HealthTimeout": "5s",
        "HealthRetries": "3",
        "HealthStartPeriod": f"{found.patience}s",
    }
    if wish.podman.entrypoints:
        # Started is what answers.
        container["Notify"] = "healthy"
        container["HealthOnFailure"] = "kill"
    unit: Resource = {"Description": _line(f"{pins.runs.place} {pins.runs.version or ''}")}
    if how == "pulled":
        unit |= {"Requires": _pulls(wish), "After": _pulls(wish)}
    return {
        UNIT: f"{wish.name}.container",
        "Unit": unit,
        "Container": container,
        # A first start pulls images.
        "Service": {
            **_fetched(pins, wish, how),
            "Restart": "always",
            "TimeoutStartSec": str(found.patience + 900),
        },
        "Install": {"WantedBy": "multi-user.target default.target"},
    }


def _fetched(pins: Pins, wish: Wish, how: machine.Way) -> Resource:
    """Where no unit of its own pulls what is mounted, the server's does, before it starts."""
    if how != "mounted" or wish.podman.mounted_units:
        return {}
    return {"ExecStartPre": f"podman pull {pins.runs.reference}"}


def _pull(pins: Pins, wish: Wish) -> Resource:
    pulls = puller(pins, credentials=bool(wish.credentials), insecure=wish.insecure)
    container: Resource = {"ContainerName": f"{wish.name}-pull", "Image": pulls.image}
    container |= _run((*pulls.command, *pulls.args), wish)
    container |= _confined(SCRATCH_MIB)
    container["Environment"] = _settings(pulls.env)
    container["Volume"] = f"{wish.name}-model.volume:{pulls.models}"
    if wish.credentials:
        container["Secret"] = (
            f"{wish.credentials},type=mount,target={CREDENTIALS}/{CREDENTIALS_FILE},"
            f"uid={USER},gid={USER},mode={CREDENTIALS_MODE:04o}"
        )
    return {
        UNIT: f"{wish.name}-pull.container",
        "Unit": {"Description": _line(f"Pulls {pins.runs.place} {pins.runs.version or ''}")},
        "Container": container,
        "Service": {"Type": "oneshot", "RemainAfterExit": "yes", "TimeoutStartSec": "infinity"},
    }


def _volume(pins: Pins, wish: Wish) -> Resource:
    label = f"{DIGEST}={pins.runs.digest}"
    volume = {"VolumeName": machine.volume(pins, wish), "Label": label}
    return {UNIT: f"{wish.name}-model.volume", "Volume": volume}


def _image(name: str, reference: str) -> Resource:
    return {
        UNIT: f"{name}.image",
        "Image": {"Image": reference},
        "Service": {"TimeoutStartSec": "infinity"},
    }


def _mounted(pins: Pins, wish: Wish) -> str:
    return f"{wish.name}-model.image" if wish.podman.mounted_units else pins.runs.reference


def _pulls(wish: Wish) -> str:
    return f"{wish.name}-pull.service"


def _run(command: tuple[str, ...], wish: Wish) -> Resource:
    """The entry point and its arguments; nothing where the image knows."""
    if not command:
        return {}
    arguments = _words(command[1:])
    if wish.podman.entrypoints:
        return {"Entrypoint": command[0], "Exec": arguments}
    return {"PodmanArgs": [f"--entrypoint={command[0]}"], "Exec": arguments}


def _confined(temporary: int) -> Resource:
    """What no container of ours may do, and the one place where it writes."""
    return {
        "User": str(USER),
        "Group": str(USER),
        "ReadOnly": "true",
        "Tmpfs": f"{SCRATCH}:mode=1777,size={temporary}m",
        "DropCapability": "all",
        "NoNewPrivileges": "true",
    }


def _settings(values: dict[str, str]) -> list[str]:
    return [_word(f"{name}={value}") for name, value in values.items()]


def _unit_text(unit: Resource) -> str:
    sections = []
    for name, values in unit.items():
        if name != UNIT:
            lines = [f"{key}={text}" for key, value in values.items() for text in _texts(value)]
            sections.append("\n".join((f"[{name}]", *lines)))
    return "\n\n".join(sections) + "\n"


def _texts(value: str | list[str]) -> list[str]:
    """A value for each line."""
    return [value] if isinstance(value, str) else list(value)


def _words(words: Iterable[str]) -> str:
    """The words of one command, quoted as systemd reads them."""
    return " ".join(map(_word, words))


def _word(text: str) -> str:
    """One word as it stands: without specifiers, variables and ends of lines in it."""
    plain = "".join(_ESCAPES.get(mark) or _escaped(mark) for mark in text)
    return plain if text and _SIMPLE.fullmatch(text) else f'"{plain}"'


def _escaped(mark: str) -> str:
    code = ord(mark)
    return mark if mark.isprintable() else f"\\x{code:02x}" if code < _ASCII else f"\\U{code:08x}"


def _line(text: str) -> str:
    """A text that is no command: one line, and no specifiers in it."""
    return " ".join(text.split()).replace("%", "%%").rstrip("\\")
