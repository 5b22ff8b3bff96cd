"""How a model gets to its server in KServe: what can be, and what is chosen. Pure."""

from __future__ import annotations

from lading.deploy import pod
from lading.deploy.kserve_version import NATIVE, Storage
from lading.deploy.pins import Pins, Runs
from lading.deploy.wish import Wish
from lading.errors import InvalidInput, Unsupported


def storage(pins: Pins, wish: Wish) -> Storage:
    """How the model gets to its server: as somebody said, else the first that can be.

    Raises:
        InvalidInput: the chosen way needs an image that nobody named.
        Unsupported: this KServe or this cluster has no such way, or none at all.
    """
    chosen = wish.kserve_storage
    if chosen is not None:
        _demand(chosen, pins, wish)
        return chosen
    if _can_be_mounted(wish):
        return "native"
    if wish.kserve.modelcars and pins.modelcar:
        return "modelcar"
    if pins.puller:
        return "lading"
    if pins.serving.holds_model:
        return "image"
    raise Unsupported(
        f"nothing brings {pins.runs.reference} to a server of KServe {wish.kserve}",
        cause=_why_not_native(wish),
        hint="--puller HOST/NAME:TAG, an image of Lading that pulls it; or"
        f" {_assembling(pins.runs)}",
    )


def is_mounted(wish: Wish) -> bool:
    """Whether nodes mount the model, so that no other image of it is needed."""
    return wish.kserve_storage in (None, "native") and _can_be_mounted(wish)


def needs_held(pins: Pins, wish: Wish) -> bool:
    """Whether only a serving image that holds the model is left, and this one does not."""
    chosen = wish.kserve_storage
    if pins.serving.holds_model or chosen not in (None, "image"):
        return False
    others = _can_be_mounted(wish) or (wish.kserve.modelcars and pins.modelcar) or pins.puller
    return chosen == "image" or not others


def demand_modelcar(runs: Runs, modelcar: str | None) -> None:
    """Refuse a version of which no image can be a modelcar.

    Raises:
        InvalidInput: none was assembled for it, or none is there any more.
    """
    if modelcar is None:
        raise InvalidInput(
            f"no image of {runs.named} can be a modelcar",
            cause="KServe starts a shell in it: it holds the model, sh and ln, and has no "
            "entrypoint of its own",
            hint=f"{_assembling(runs)}, where IMAGE is a runtime image with its packages:"
            f" lading image build {runs.named} --target runtime --push makes one",
        )


def demanded_puller(pins: Pins) -> str:
    """The image that pulls for a cluster.

    Raises:
        InvalidInput: nobody named one.
    """
    if pins.puller is None:
        raise InvalidInput(
            "no image is named that pulls for the cluster",
            cause="KServe runs it for every model under lading://",
            hint="--puller HOST/NAME:TAG, built from Dockerfiles/client.Dockerfile",
        )
    return pins.puller


def _assembling(runs: Runs) -> str:
    return f"lading image assemble {runs.named} --base IMAGE --modelcar"


def _can_be_mounted(wish: Wish) -> bool:
    return wish.kserve.native and pod.mounts(wish) and wish.cluster.sub_paths


def _demand(chosen: Storage, pins: Pins, wish: Wish) -> None:
    if chosen == "native":
        _demand_native(wish)
    elif chosen == "modelcar":
        _demand_modelcar(pins, wish)
    elif chosen == "lading":
        demanded_puller(pins)
    elif not pins.serving.holds_model:
        raise InvalidInput(
            f"{pins.serving.reference} does not hold the model",
            hint=f"lading image build {pins.runs.named} --target serve --push",
        )


def _demand_native(wish: Wish) -> None:
    if not wish.kserve.native:
        raise Unsupported(
            f"KServe {wish.kserve} does not let nodes mount a model",
            cause=f"oci+native:// begins with 0.{NATIVE}",
            hint="--kserve-storage modelcar, or lading",
        )
    if not pod.mounts(wish) or not wish.cluster.sub_paths:
        raise Unsupported(
            f"Kubernetes {wish.cluster} does not mount the model as KServe wants it",
            cause=_why_not_native(wish),
            hint="--kserve-storage modelcar, or lading",
        )


def _demand_modelcar(pins: Pins, wish: Wish) -> None:
    if not wish.kserve.modelcars:
        raise Unsupported(f"KServe {wish.kserve} has no modelcars", hint="--kserve-storage lading")
    demand_modelcar(pins.runs, pins.modelcar)


def _why_not_native(wish: Wish) -> str:
    if not wish.kserve.native:
        return f"before 0.{NATIVE} it mounts no images by itself"
    if wish.cluster.image_volumes == "no":
        return f"Kubernetes {wish.cluster} mounts no images: that begins with 1.31"
    if not wish.cluster.sub_paths:
        return "KServe mounts a folder of the image, which begins with Kubernetes 1.33"
    return (
        f"Kubernetes {wish.cluster} mounts images where its administrator has set the feature "
        "gate ImageVolume: --image-volumes says so"
    )
