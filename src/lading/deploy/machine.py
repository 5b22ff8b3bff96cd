"""What a server is told on one machine, whoever runs it: Compose, a pod of Podman's, or systemd.

The whole image of the model is mounted, never a folder of it: ``podman kube play`` knows no
sub-paths of images, and Docker's graph driver finds such a mount no more when its engine was
restarted. So the model is one folder deeper.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal

from lading.deploy import pod
from lading.deploy.guess import Guess, guess
from lading.deploy.nodes import selector
from lading.deploy.pins import Pins
from lading.deploy.puller import MODELS, USER, WRITABLE
from lading.deploy.wish import Facts, Wish
from lading.errors import InvalidInput

Way = Literal["held", "mounted", "pulled"]

# The server knows no passwords: only this machine reaches it, until somebody says otherwise.
ADDRESS: Final = "127.0.0.1"
# What makes a secret of a file of passwords that pods and units read alike: a pod reads a secret of
# Kubernetes' from it, a unit a file of passwords, and neither minds what the other one has in it.
_BOTH: Final = (
    """t=$(cat auth.json); printf '%s,"data":{".dockerconfigjson":"%s"}}' "${t%\\}*}" """
    '"$(base64 -w0 auth.json)" | podman secret create'
)
# Room for temporary files, in MiB; on most machines they lie in memory.
TEMPORARY_MIB: Final = 1024

_SHORT: Final = 12


def way(pins: Pins, *, mounts: bool = True) -> Way:
    """How the model gets to its server: pulled where somebody named an image that pulls."""
    if pins.serving.holds_model:
        return "held"
    return "mounted" if mounts and pins.puller is None else "pulled"


def ways(pins: Pins, wish: Wish) -> set[Way]:
    """How units get their model, and a pod: not every Podman mounts images in both."""
    pods = {way(pins, mounts=wish.podman.mounts_in_pods)} if wish.podman.pods else set()
    return {way(pins), *pods}


def command(how: Way, wish: Wish) -> tuple[str, ...]:
    """What the server's container runs; nothing where its image knows."""
    if how == "held":
        return ()
    folder = f"{MODELS}/models" if how == "mounted" else MODELS
    consent = ("--allow-pickle",) if wish.allow_pickle else ()
    return ("lading", "serve", folder, "--host", "0.0.0.0", "--port", str(wish.port), *consent)  # noqa: S104  in a container


def environment(pins: Pins) -> dict[str, str]:
    """What the server is told: which version it has, and where it may write."""
    return {
        "LADING_MODEL_REFERENCE": pins.runs.place,
        "LADING_MODEL_DIGEST": str(pins.runs.digest),
        **WRITABLE,
    }


def ready(wish: Wish) -> tuple[str, ...]:
    """The command that asks, inside of the container, whether the model answers."""
    url = f"http://127.0.0.1:{wish.port}/v2/health/ready"
    return ("python3", "-c", f"import urllib.request as u; u.urlopen('{url}', timeout=4)")


def labels(pins: Pins, facts: Facts, wish: Wish) -> dict[str, str]:
    """What is written on what runs: the version, and what about it is only a guess."""
    return pins.annotations | pod.guessed(facts, wish, of=("memory",))


def volume(pins: Pins, wish: Wish) -> str:
    """The volume that a version is pulled into: its own, so that files of two never mix."""
    return f"{wish.name}-{pins.runs.digest.partition(':')[2][:_SHORT]}"


def memory(quantity: str) -> str:
    """An amount of memory that Kubernetes takes, as engines do: all their units are of 1024."""
    number = quantity.rstrip("kMGTi")
    return f"{number}{quantity[len(number) :].removesuffix('i').lower() or 'b'}"


def processors(quantity: str) -> str:
    """A number of processors that Kubernetes takes, as engines do."""
    number = Decimal(quantity.removesuffix("m"))
    shown = f"{number / 1000 if quantity.endswith('m') else number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def amounts(found: Guess, wish: Wish) -> list[str]:
    """What a server may take, in the words of podman run: units have none of their own for it."""
    return [
        f"--memory={memory(wish.memory or found.memory_limit)}",
        *([f"--cpus={processors(wish.cpu)}"] if wish.cpu else []),
    ]


def fitting(pins: Pins, facts: Facts, wish: Wish, how: Way) -> str | None:
    """The one platform that it runs on; None where it runs on every usual one.

    Raises:
        Unsupported: it runs on none, or not on the one that was asked for.
    """
    nodes = selector(pins, facts, wish, mounts=how == "mounted")
    return f"linux/{nodes['kubernetes.io/arch']}" if nodes else None


def credentials_file(wish: Wish) -> str:
    """The file of passwords beside Compose's: hidden, so documents do not consist of it."""
    return f".{wish.credentials}"


def secret(wish: Wish) -> str:
    """The line of a shell that makes the secret which Podman's documents name."""
    if wish.podman.pods:
        return f"{_BOTH} {wish.credentials} -"
    return f"podman secret create {wish.credentials} auth.json"


def remarks(wish: Wish) -> Iterator[str]:
    """What has to be known of any document for one machine."""
    yield f"Only this machine reaches port {wish.published}: the server knows no passwords."
    if wish.memory is None:
        yield "Its limit of memory is a guess from the size of its files: --memory says it better."


def notes(pins: Pins, facts: Facts, wish: Wish) -> Iterator[str]:
    """What somebody should know who has these documents made."""
    only = fitting(pins, facts, wish, way(pins))
    if only and only != wish.platform:
        yield f"it runs on {only} alone: its images are for no other"
    if wish.memory is None:
        yield (
            f"memory {guess(facts).memory_limit} is a guess from the model's size, and a server "
            "that takes more is ended: --memory if you measured"
        )
    if wish.credentials and wish.kind == "podman" and "pulled" in ways(pins, wish):
        yield f"the secret is made of an auth.json: {secret(wish)}"
    if wish.credentials and wish.kind == "compose" and way(pins) == "pulled":
        yield (
            f"the file {credentials_file(wish)} beside compose.yaml is made of an auth.json, which"
            f" docker login writes as ~/.docker/config.json: sudo install -o {USER} -m 0400"
            f" auth.json {credentials_file(wish)}; keep it out of Git"
        )


def demand_one(wish: Wish) -> None:
    """One server for one port.

    Raises:
        InvalidInput: more are wished for.
    """
    if wish.replicas > 1 or wish.most is not None:
        raise InvalidInput(
            f"--as {wish.kind} runs one server",
            cause="it is for one machine, where one port leads to one",
            hint="--as deployment; or --workers of lading serve, for more processes",
        )
