"""What somebody types when documents for one machine have changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator


def next_steps(folder: str, files: Collection[str]) -> Iterator[str]:
    """How the engine runs what is in a folder now, by the files that it reads."""
    if "compose.yaml" in files:
        yield f"docker compose --file {folder}/compose.yaml up --detach --wait runs it"
    if "pod.yaml" in files:
        yield f"podman kube play --replace {folder}/pod.yaml runs the pod"
    if units := _units(files):
        yield (
            f"units are read where quadlets are: copy {folder} there, systemctl daemon-reload, "
            f"then systemctl restart {' '.join(units)}"
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
