"""What fetches the model before its server starts: Lading's own image, run once. Pure.

It streams each byte into the volume once, and checks it on the way; a file has its name only when
everything was right. So the volume holds the model once, and the scratch folder kilobytes. It needs
to write nowhere else, and runs as the server does: what it wrote is the server's to read.

Whoever writes documents says the same in their own words: Kubernetes, Compose, Podman.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.deploy.pins import Pins

# Nobody's number, as Lading's images use it.
USER: Final = 65532
# Where puller and server have the volume with the model.
MODELS: Final = "/models"
# The one other folder that is written to: manifests, and the document.
SCRATCH: Final = "/tmp"  # noqa: S108  a container's own
SCRATCH_MIB: Final = 64
# Where credentials are mounted: a folder with this one file, readable by USER alone. Kubernetes
# gives the file to root: 0400 becomes 0440 and USER's by the pod's fsGroup, which must be USER.
CREDENTIALS: Final = "/credentials"
CREDENTIALS_FILE: Final = "config.json"
CREDENTIALS_MODE: Final = 0o400

# Where Lading keeps what is not the model's; images of others may not say.
WRITABLE: Final = {
    "HOME": SCRATCH,
    "LADING_HOME": f"{SCRATCH}/lading",
    "LADING_CACHE": f"{SCRATCH}/lading-cache",
}


@dataclass(frozen=True, slots=True)
class Puller:
    """A container that fetches a version by digest into a volume, and ends."""

    # HOST/NAME@DIGEST.
    image: str
    # Instead of whatever the image would start by itself.
    command: tuple[str, ...]
    # The reference by digest is among them, and nowhere else.
    args: tuple[str, ...]
    env: dict[str, str]
    # Where the volume is mounted, to write to; the server gets it read-only at the same place.
    models: str = MODELS
    scratch: str = SCRATCH
    # Where the folder with credentials is mounted; None without.
    credentials: str | None = None
    user: int = USER


def puller(pins: Pins, *, credentials: bool = False, insecure: bool = False) -> Puller:
    """What fetches the version; with ``credentials`` it is given a file with a password.

    Where nobody named an image that pulls, the server's own does: Lading is in it, and one image is
    fetched instead of two. With ``insecure`` it speaks plain http with the model's registry.

    What is in the volume already is compared and kept: a pull that was broken off goes on, and one
    that is repeated fetches next to nothing.
    """
    env = dict(WRITABLE)
    if credentials:
        env["REGISTRY_AUTH_FILE"] = f"{CREDENTIALS}/{CREDENTIALS_FILE}"
    if insecure:
        env["LADING_INSECURE"] = pins.runs.place.partition("/")[0]
    return Puller(
        image=pins.puller or pins.serving.reference,
        command=("lading",),
        # The document tells a server how the model is loaded. The volume is the puller's: what
        # differs from the version is damaged, and made anew.
        args=("pull", pins.runs.reference, "--output", MODELS, "--document", "--force"),
        env=env,
        credentials=CREDENTIALS if credentials else None,
    )
