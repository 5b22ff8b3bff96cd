"""What is said beside documents to whoever has them written. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lading.deploy import kinds, kserve_name, machine, pod
from lading.deploy.guess import guess
from lading.deploy.kserve_storage import storage
from lading.deploy.pins import Pins
from lading.deploy.wish import Facts, Wish
from lading.stores.remote.origin import Origin

# What has a container trust an authority where no overlay reaches it.
_TRUSTING: Final = (
    "--puller names an image that does, made from one of Lading's with COPY --chmod=0444 ca.crt "
    "/ca.crt and ENV LADING_CA_FILE=/ca.crt"
)


def notes(pins: Pins, facts: Facts, wish: Wish) -> Iterator[str]:
    """What was guessed, what a cluster asks for, and what people would otherwise find out late."""
    if wish.kind == "kserve":
        yield from _of_kserve(pins, wish)
    if kinds.is_kubernetes(wish.kind):
        yield from _of_hosts(pins)
    else:
        yield from machine.notes(pins, facts, wish)
    if wish.ca_file is not None:
        yield from _of_authority(pins, wish, wish.ca_file)
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


def _of_hosts(pins: Pins) -> Iterator[str]:
    """That a registry is on this machine alone, as its name says."""
    named = (pins.runs.place, pins.serving.reference, pins.puller)
    for host in dict.fromkeys(each.partition("/")[0] for each in named if each):
        if Origin.of(f"http://{host}").is_loopback:
            yield (
                f"on a node {host} is the node itself, and in a pod the pod: lading copy brings "
                "what is there to a registry that both reach"
            )


def _of_authority(pins: Pins, wish: Wish, ca_file: str) -> Iterator[str]:
    """That what pulls does not trust whom this machine trusts, and what has it do so."""
    if wish.kind == "kserve":
        remedy = _TRUSTING if storage(pins, wish) == "lading" else None
    elif kinds.is_kubernetes(wish.kind):
        remedy = _overlay(wish, ca_file) if pod.way(pins, wish) == "pulled" else None
    else:
        remedy = _on_one_machine(pins, wish)
    if remedy is not None:
        yield f"the container that pulls does not trust {ca_file}: {remedy}"


def _overlay(wish: Wish, ca_file: str) -> str:
    namespace = f" -n {wish.namespace}" if wish.namespace else ""
    file = shlex.quote(f"ca.crt={ca_file}")
    return (
        f"kubectl{namespace} create configmap registry-ca --from-file={file}, and an overlay "
        "mounts it in pull and names it there as LADING_CA_FILE (README, Certificates and mirrors "
        "in a pod)"
    )


def _on_one_machine(pins: Pins, wish: Wish) -> str | None:
    if "pulled" not in machine.ways(pins, wish):
        return None
    if "pulled" in machine.ways(replace(pins, puller=None), wish):
        return _TRUSTING
    mounted = "without --puller the engine mounts the model, and trusts whom it is told to"
    return f"{mounted}; or {_TRUSTING}"


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
