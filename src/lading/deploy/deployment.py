"""A deployment, its service, and what keeps both there; the model is mounted, held, or pulled."""

from __future__ import annotations

from lading.deploy import pod
from lading.deploy.guess import guess
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish

_COMPONENT = "model-server"
# What the processors that were asked for are used to before there are more of them, in percent.
_BUSY = 70


def deployment(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """Servers that are replaced one by one, never fewer than were asked for.

    Raises:
        Unsupported: the cluster cannot mount the model, or no node has what the images are for.
    """
    made = [_deployment(pins, facts, wish), _service(wish)]
    if wish.several:
        made.append(_budget(wish))
    if wish.most is not None:
        made.append(_scaler(wish, wish.most))
    return tuple(made)


def _deployment(pins: Pins, facts: Facts, wish: Wish) -> Resource:
    how = pod.way(pins, wish)
    template = pod.spec(pins, facts, wish, how, pod.server(pins, facts, wish, how))
    template["terminationGracePeriodSeconds"] = 60
    if wish.several:
        template["topologySpreadConstraints"] = [_spread(wish)]
    # Where a scaler chooses their number, a number here would undo it each time this is applied.
    number = {} if wish.most is not None else {"replicas": wish.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": pod.metadata(wish, _COMPONENT, pins.annotations | pod.guessed(facts, wish)),
        "spec": {
            **number,
            "selector": {"matchLabels": pod.labels(wish, _COMPONENT)},
            # A rollout waits for pulling, too.
            "progressDeadlineSeconds": guess(facts).patience + 600,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "template": {
                "metadata": {
                    "labels": pod.labels(wish, _COMPONENT),
                    "annotations": pod.inner_annotations(pins),
                },
                "spec": template,
            },
        },
    }


def _spread(wish: Wish) -> Resource:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": pod.labels(wish, _COMPONENT)},
    }


def _service(wish: Wish) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": pod.metadata(wish, _COMPONENT),
        "spec": {
            "selector": pod.labels(wish, _COMPONENT),
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def _budget(wish: Wish) -> Resource:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": pod.metadata(wish, _COMPONENT),
        "spec": {
            "maxUnavailable": 1,
            # A pod that never became ready must not keep a node from being emptied.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": pod.labels(wish, _COMPONENT)},
        },
    }


def _scaler(wish: Wish, most: int) -> Resource:
    busy = {"type": "Utilization", "averageUtilization": _BUSY}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": pod.metadata(wish, _COMPONENT),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wish.name},
            "minReplicas": wish.replicas,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": busy}}],
        },
    }
