"""Units for systemd that Podman makes of files: quadlets. None has a tag in it."""

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
from lading.deploy.wish import Facts, Wish

# What systemd takes as it stands: it puts in much behind a percent sign and a dollar.
_SIMPLE: Final = re.compile(r"[A-Za-z0-9_./:@=,%+-]+", re.ASCII)
_ASCII: Final = 0x80
_ESCAPES: Final = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"'}

# The key of a unit's file name, among its sections.
UNIT: Final = "quadlet"


def units(pins: Pins, facts: Facts, wish: Wish) -> list[Resource]:
    """A unit for the server, and for what it needs before it starts."""
    how = machine.way(pins)
    made = [_server(pins, facts, wish, how)]
    if how == "mounted" and wish.podman.mounted_units:
        made.append(_image(f"{wish.name}-model", pins.runs.reference, wish))
    if how == "pulled":
        made += [_pull(pins, wish), _volume(pins, wish)]
    return made


def written(unit: Resource, wish: Wish) -> str:
    """The text of a unit's file, with what has to be known of it."""
    said = unit.get("Container", {})
    lines = [unit[UNIT], *(machine.remarks(wish) if "PublishPort" in said else ())]
    if "Secret" in said:
        lines.append(f"Its secret is made of an auth.json: {machine.secret(wish)}")
    return "".join(f"# {line}\n" for line in lines) + _text(unit)


def _server(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> Resource:
    found = guess(facts)
    container: Resource = {"ContainerName": wish.name, "Image": pins.serving.reference}
    container |= _run(machine.command(how, wish), wish)
    container["PodmanArgs"] = [*container.get("PodmanArgs", ()), *machine.amounts(found, wish)]
    container |= _confined(machine.TEMPORARY_MIB)
    container["Environment"] = _settings(machine.environment(pins))
    container["Label"] = _settings(machine.labels(pins, facts, wish))
    container["PublishPort"] = f"{machine.ADDRESS}:{wish.published}:{wish.port}"
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
    platform = f"--platform={wish.platform} " if wish.platform else ""
    return {"ExecStartPre": f"podman pull {platform}{pins.runs.reference}"}


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


def _image(name: str, reference: str, wish: Wish) -> Resource:
    image: Resource = {"Image": reference}
    if wish.platform:
        system, architecture, *_ = wish.platform.split("/")
        image |= {"OS": system, "Arch": architecture}
    return {
        UNIT: f"{name}.image",
        "Image": image,
        "Service": {"TimeoutStartSec": "infinity"},
    }


def _mounted(pins: Pins, wish: Wish) -> str:
    return f"{wish.name}-model.image" if wish.podman.mounted_units else pins.runs.reference


def _pulls(wish: Wish) -> str:
    return f"{wish.name}-pull.service"


def _run(command: tuple[str, ...], wish: Wish) -> Resource:
    """Which platform runs, the entry point and its arguments; nothing where the image knows."""
    said = [f"--platform={wish.platform}"] if wish.platform else []
    if command and not wish.podman.entrypoints:
        said.append(f"--entrypoint={command[0]}")
    made: Resource = {"PodmanArgs": said} if said else {}
    if command and wish.podman.entrypoints:
        made["Entrypoint"] = command[0]
    return made | ({"Exec": _words(command[1:])} if command else {})


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


def _text(unit: Resource) -> str:
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
