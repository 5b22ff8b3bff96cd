"""What somebody types when documents were written, or those for one machine changed. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator

from lading.deploy.kustomize import BASE


def next_steps(folder: str, files: Collection[str]) -> Iterator[str]:
    """How what is in a folder is run now, by the files that are read there."""
    here = shlex.quote(folder)
    if BASE in files:
        yield f"kubectl apply -k {here} runs it; in Git, Flux and Argo CD do"
    if "compose.yaml" in files:
        yield f"docker compose --file {here}/compose.yaml up --detach --wait runs it"
    # In a cluster's folder a pod has its digests in the patch, and Podman reads none.
    if "pod.yaml" in files and BASE not in files:
        yield f"podman kube play --replace {here}/pod.yaml runs the pod"
    if units := _units(files):
        yield (
            f"systemd finds units in /etc/containers/systemd: copy {here}/* there, systemctl "
            f"daemon-reload, then systemctl restart {' '.join(units)} runs them; without root in "
            "~/.config/containers/systemd, with systemctl --user"
        )


def _units(files: Collection[str]) -> list[str]:
    """The services, what brings the model before who serves it: once done, they stay done."""
    first = [f"{name.removesuffix('.image')}-image" for name in files if name.endswith(".image")]
    first += [
        f"{name.removesuffix('.volume')}-volume" for name in files if name.endswith(".volume")
    ]
    containers = [name.removesuffix(".container") for name in files if name.endswith(".container")]
    # NAME-pull is there beside NAME.
    pulls = [name for name in containers if name.removesuffix("-pull") in containers]
    pulls = [name for name in pulls if name.endswith("-pull")]
    return [*first, *pulls, *(name for name in containers if name not in pulls)]
