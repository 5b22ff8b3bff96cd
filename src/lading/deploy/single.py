"""One pod by itself: to try a version on a cluster, or where Kubernetes' words are played."""

from __future__ import annotations

from lading.deploy import pod
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish

# Not a deployment's: the service of one with the same name would send to this pod, too.
_COMPONENT = "single-model-server"


def single(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """A server in a pod that nothing replaces.

    Raises:
        Unsupported: no node has what the images are for.
    """
    how = pod.way(pins, wish)
    spec = pod.spec(pins, facts, wish, how, pod.server(pins, facts, wish, how))
    annotations = pins.annotations | pod.guessed(facts, wish)
    return (
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": pod.metadata(wish, _COMPONENT, annotations),
            "spec": spec,
        },
    )
