"""The commands that run a version where Podman makes nothing of files: for a shell. Pure.

They say what a unit says (:mod:`lading.deploy.quadlet`), in the words of ``podman run``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from lading.deploy import machine
from lading.deploy.guess import guess
from lading.deploy.pins import Pins
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
from lading.deploy.wish import Facts, Wish

_CONFINED: Final = (
    f"--user={USER}:{USER}",
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)


def commands(pins: Pins, facts: Facts, wish: Wish) -> str:
    """What a person types: what brings the model first, and then the server."""
    how = machine.way(pins)
    made = [_server(pins, facts, wish, how)]
    if how == "pulled":
        made.insert(0, _pull(pins, wish))
    if how == "mounted":
        # No Podman pulls an image that a container only mounts.
        made.insert(0, ["podman", "pull", *_platform(wish), pins.runs.reference])
    return " && ".join(map(shlex.join, made))


def _server(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> list[str]:
    line = ["podman", "run", "--detach", f"--name={wish.name}", *_platform(wish)]
    line += [f"--publish={machine.ADDRESS}:{wish.published}:{wish.port}", *_CONFINED]
    line += [_scratch(machine.TEMPORARY_MIB), *machine.amounts(guess(facts), wish)]
    line += _settings(machine.environment(pins))
    if how == "mounted":
        line.append(f"--mount=type=image,source={pins.runs.reference},destination={MODELS}")
    if how == "pulled":
        line.append(f"--volume={machine.volume(pins, wish)}:{MODELS}:ro")
    return [*line, *_started(pins.serving.reference, machine.command(how, wish))]


def _pull(pins: Pins, wish: Wish) -> list[str]:
    pulls = puller(pins, credentials=bool(wish.credentials), insecure=wish.insecure)
    line = ["podman", "run", "--rm", *_platform(wish), *_CONFINED, _scratch(SCRATCH_MIB)]
    line += [*_settings(pulls.env), f"--volume={machine.volume(pins, wish)}:{pulls.models}"]
    if wish.credentials:
        line.append(
            f"--secret={wish.credentials},type=mount,target={CREDENTIALS}/{CREDENTIALS_FILE},"
            f"uid={USER},gid={USER},mode={CREDENTIALS_MODE:04o}"
        )
    return [*line, *_started(pulls.image, (*pulls.command, *pulls.args))]


def _started(image: str, command: tuple[str, ...]) -> Iterator[str]:
    """An image, and what it runs; nothing where it knows."""
    if command:
        yield f"--entrypoint={command[0]}"
    yield image
    yield from command[1:]


def _platform(wish: Wish) -> tuple[str, ...]:
    return (f"--platform={wish.platform}",) if wish.platform else ()


def _scratch(size: int) -> str:
    return f"--tmpfs={SCRATCH}:mode=1777,size={size}m"


def _settings(values: Mapping[str, str]) -> Iterator[str]:
    return (f"--env={name}={value}" for name, value in values.items())
