"""A file for ``docker compose``: one server on one machine, and what brings it its model."""

from __future__ import annotations

from typing import Any, Final

from lading.deploy import machine
from lading.deploy.engines import COMPOSE, DOCKER
from lading.deploy.guess import guess
from lading.deploy.pins import Pins
from lading.deploy.puller import CREDENTIALS_FILE, MODELS, SCRATCH, SCRATCH_MIB, USER, puller
from lading.deploy.resource import Resource
from lading.deploy.text import document
from lading.deploy.wish import Facts, Wish

FILE: Final = "compose.yaml"

_PULL: Final = "pull"
_MODEL: Final = "model"
_CREDENTIALS: Final = "registry"


def compose(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """The one document.

    Raises:
        InvalidInput: more than one server is wished for.
    """
    machine.demand_one(wish)
    how = machine.way(pins)
    machine.fitting(pins, facts, wish, how)
    made: Resource = {"name": wish.name, "services": {_MODEL: _server(pins, facts, wish, how)}}
    if how == "pulled":
        made["services"][_PULL] = _puller(pins, wish)
        made["volumes"] = {_MODEL: {"name": machine.volume(pins, wish)}}
        if wish.credentials:
            made["secrets"] = {_CREDENTIALS: {"file": f"./{machine.credentials_file(wish)}"}}
    return (_literal(made),)


def _literal(value: Any) -> Any:
    """Values that Compose takes as they stand: it puts in variables behind every dollar."""
    if isinstance(value, dict):
        return {key: _literal(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_literal(part) for part in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def written(made: tuple[Resource, ...], wish: Wish) -> dict[str, str]:
    """The text of the file, with what has to be known of it."""
    (one,) = made
    lines = (*machine.remarks(wish), *_remarks(one, wish))
    heading = "".join(f"# {line}\n" for line in lines)
    return {FILE: heading + document(one)}


def _server(pins: Pins, facts: Facts, wish: Wish, how: machine.Way) -> Resource:
    found = guess(facts)
    made: Resource = {"image": pins.serving.reference, **_platform(wish)}
    if command := machine.command(how, wish):
        made |= {"entrypoint": list(command[:1]), "command": list(command[1:])}
    made |= {
        "environment": machine.environment(pins),
        "labels": machine.labels(pins, facts, wish),
        "ports": [f"{machine.ADDRESS}:{wish.published}:{wish.port}"],
        **_confined(machine.TEMPORARY_MIB),
        "mem_limit": machine.memory(wish.memory or found.memory_limit),
        **({"cpus": machine.processors(wish.cpu)} if wish.cpu else {}),
        "healthcheck": {
            "test": ["CMD", *machine.ready(wish)],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            "start_period": f"{found.patience}s",
        },
        "restart": "unless-stopped",
        "stop_grace_period": "60s",
    }
    if how == "mounted":
        made["volumes"] = [
            {"type": "image", "source": pins.runs.reference, "target": MODELS, "read_only": True}
        ]
    if how == "pulled":
        made["volumes"] = [_volume(read_only=True)]
        made["depends_on"] = {_PULL: {"condition": "service_completed_successfully"}}
    return made


def _puller(pins: Pins, wish: Wish) -> Resource:
    pulls = puller(pins, credentials=bool(wish.credentials), insecure=wish.insecure)
    made: Resource = {
        "image": pulls.image,
        **_platform(wish),
        "entrypoint": list(pulls.command),
        "command": list(pulls.args),
        "environment": dict(pulls.env),
        **_confined(SCRATCH_MIB),
        "restart": "no",
        "volumes": [_volume(read_only=False)],
    }
    if pulls.credentials:
        target = f"{pulls.credentials}/{CREDENTIALS_FILE}"
        made["secrets"] = [{"source": _CREDENTIALS, "target": target}]
    return made


def _platform(wish: Wish) -> Resource:
    """Which of an image's platforms runs: the machine's own, where nobody chose one."""
    return {"platform": wish.platform} if wish.platform else {}


def _volume(*, read_only: bool) -> Resource:
    made: Resource = {"type": "volume", "source": _MODEL, "target": MODELS}
    # What the server's image has at that place is no part of the model.
    return made | ({"read_only": True, "volume": {"nocopy": True}} if read_only else {})


def _confined(temporary: int) -> dict[str, Any]:
    """What no container of ours may do, and the one place where it writes."""
    return {
        "user": f"{USER}:{USER}",
        "read_only": True,
        "tmpfs": [f"{SCRATCH}:mode=1777,size={temporary}m"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


def _remarks(made: Resource, wish: Wish) -> list[str]:
    server = made["services"][_MODEL]
    lines = []
    if any(each["type"] == "image" for each in server.get("volumes", ())):
        lines += [
            f"The model is mounted as an image: Docker {DOCKER}, Compose {COMPOSE}, or newer. For "
            "older ones,",
            "lading deploy --as compose --puller IMAGE has it pulled into a volume.",
        ]
    if _PULL in made["services"]:
        lines += [
            "Each version has a volume of its own; docker volume rm removes those of former ones.",
        ]
    if "secrets" in made:
        lines += [
            f"{machine.credentials_file(wish)} is an auth.json beside this file. Docker mounts it "
            f"as it is: chown {USER}, chmod 0400.",
        ]
    return lines
