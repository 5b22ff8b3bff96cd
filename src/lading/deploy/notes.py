"""What is said beside documents to whoever has them written. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lading.deploy import kinds, kserve_name, machine, pod
from lading.deploy.guess import guess
from lading.deploy.kserve_storage import storage
from lading.deploy.pins import Pins
from lading.deploy.wish import Facts, Wish


def notes(pins: Pins, facts: Facts, wish: Wish) -> Iterator[str]:
    """What was guessed, what a cluster asks for, and what people would otherwise find out late."""
    if wish.kind == "kserve":
        yield from _of_kserve(pins, wish)
    if not kinds.is_kubernetes(wish.kind):
        yield from machine.notes(pins, facts, wish)
    if wish.kind not in (*pod.KINDS, "kserve"):
        return
    amounts = guess(facts)
    guessed = [
        *([] if wish.cpu else [f"cpu {amounts.cpu}"]),
        *([] if wish.memory else [f"memory {amounts.memory} (limit {amounts.memory_limit})"]),
    ]
    if guessed:
        which = " and ".join(["--cpu"] * (not wish.cpu) + ["--memory"] * (not wish.memory))
        yield f"{', '.join(guessed)} is a guess from the model's size: {which} if you measured"
    if wish.kind == "job":
        yield (
            "a cluster runs each job once: for the same again another --name, such as "
            f"--name {wish.name[:40]}-2"
        )
    if wish.kind in ("job", "pod") and pod.way(pins, wish) == "pulled":
        yield f"Kubernetes {wish.cluster} mounts no images by itself: the pod pulls the model first"


def _of_kserve(pins: Pins, wish: Wish) -> Iterator[str]:
    room = kserve_name.room_for_namespace(wish.name)
    if wish.namespace is None and room is not None:
        yield (
            f"KServe's host is {wish.name}-predictor-NAMESPACE: it runs in namespaces of {room} "
            "characters at most"
        )
    how = storage(pins, wish)
    if how == "modelcar":
        yield (
            f"{pins.modelcar} runs beside the server: it needs sh and ln, and KServe its "
            "setting enableModelcar; with its setting uidModelcar KServe writes over the server's "
            "own restrictions, which a namespace that enforces restricted pods refuses"
        )
    if how == "lading":
        yield (
            "ClusterStorageContainer lading belongs to the cluster: whoever may not write such, "
            "asks its administrator to apply it once"
        )
