"""What a server is told on one machine, whoever runs it: Compose, a pod of Podman's, or systemd.

The whole image of the model is mounted, never a folder of it: ``podman kube play`` knows no
sub-paths of images, and Docker's graph driver finds such a mount no more when its engine was
restarted. So the model is one folder deeper.
"""

from __future__ import annotations

from typing import Final, Literal

from lading.deploy.pins import Pins
from lading.deploy.puller import MODELS, WRITABLE
from lading.deploy.wish import Wish
from lading.errors import InvalidInput

Way = Literal["held", "mounted", "pulled"]

# The server knows no passwords: only this machine reaches it, until somebody says otherwise.
ADDRESS: Final = "127.0.0.1"
# Room for temporary files, in MiB; on most machines they lie in memory.
TEMPORARY_MIB: Final = 1024

_SHORT: Final = 12


def way(pins: Pins, *, mounts: bool = True) -> Way:
    """How the model gets to its server: pulled where somebody named an image that pulls."""
    if pins.serving.holds_model:
        return "held"
    return "mounted" if mounts and pins.puller is None else "pulled"


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


def volume(pins: Pins, wish: Wish) -> str:
    """The volume that a version is pulled into: its own, so that files of two never mix."""
    return f"{wish.name}-{pins.runs.digest.partition(':')[2][:_SHORT]}"


def memory(quantity: str) -> str:
    """An amount of memory that Kubernetes takes, as engines do: all their units are of 1024."""
    number = quantity.rstrip("kMGTi")
    return f"{number}{quantity[len(number) :].removesuffix('i').lower() or 'b'}"


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
