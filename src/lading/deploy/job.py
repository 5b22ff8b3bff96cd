"""Batch scoring: one run of ``lading predict`` over a file, by exactly one digest."""

from __future__ import annotations

from lading.deploy import pod
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.run import run_name
from lading.deploy.wish import Facts, Scoring, Wish
from lading.errors import InvalidInput

_COMPONENT = "scoring"
_RULES = 29
# Exit codes of Lading's that a second run would end with, too: wrong rows, no such file, no rights.
_FINAL: Resource = {
    "action": "FailJob",
    "onExitCodes": {
        "containerName": "predict",
        "operator": "In",
        "values": [2, 3, 4, 6, 7, 8, 9],
    },
}


def job(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """A job whose name ends with its run and the start of the digest: whatever is new is a new job.

    A run that broke off goes on where it was, since its files lie in a volume.

    Raises:
        InvalidInput: nobody says what is scored.
        Unsupported: no node has what the images are for.
    """
    if wish.scoring is None:
        raise InvalidInput(
            "a job needs rows, and a place for what is predicted",
            hint="--rows /data/rows.csv --predictions /data/scored.csv --volume CLAIM:/data",
        )
    how = pod.way(pins, wish)
    spec = pod.spec(pins, facts, wish, how, _scoring(pins, facts, wish, how, wish.scoring))
    spec["volumes"] += _claims(wish.scoring)
    spec["restartPolicy"] = "Never"
    head = pod.metadata(wish, _COMPONENT, pins.annotations | pod.guessed(facts, wish))
    does = {
        "backoffLimit": 3,
        **_final(wish),
        "template": {
            "metadata": {
                "labels": pod.labels(wish, _COMPONENT),
                "annotations": pod.inner_annotations(pins),
            },
            "spec": spec,
        },
    }
    head["name"] = run_name(wish.name, does, pins.runs.digest)
    return ({"apiVersion": "batch/v1", "kind": "Job", "metadata": head, "spec": does},)


def _final(wish: Wish) -> Resource:
    """Until 1.28 the schema of such rules demands what the API then refuses."""
    return {"podFailurePolicy": {"rules": [_FINAL]}} if wish.cluster.minor >= _RULES else {}


def _scoring(pins: Pins, facts: Facts, wish: Wish, how: pod.Way, scoring: Scoring) -> Resource:
    consent = ["--allow-pickle"] if wish.allow_pickle else []
    return {
        "name": "predict",
        "image": pins.serving.reference,
        "command": ["lading"],
        "args": [
            *("predict", pod.folder(how, wish)),
            *("--input", scoring.input, "--output", scoring.output, *consent),
        ],
        "env": pod.environment(),
        "resources": pod.resources(facts, wish),
        "securityContext": pod.confined(),
        "volumeMounts": [
            *pod.volume_mounts(how, wish),
            *(
                {"name": f"data-{number}", "mountPath": volume.path}
                | ({"readOnly": True} if volume.read_only else {})
                for number, volume in enumerate(scoring.volumes, 1)
            ),
        ],
    }


def _claims(scoring: Scoring) -> list[Resource]:
    return [
        {
            "name": f"data-{number}",
            "persistentVolumeClaim": {"claimName": volume.claim}
            | ({"readOnly": True} if volume.read_only else {}),
        }
        for number, volume in enumerate(scoring.volumes, 1)
    ]
