"""What a Helm chart of one's own is told: the image, the model, what is written on pods."""

from __future__ import annotations

from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.text import document


def values(pins: Pins) -> Resource:
    """The values of a release that runs exactly this version."""
    made: Resource = {"image": _image(pins.serving.reference)}
    if pins.puller:
        made["puller"] = _image(pins.puller)
    if pins.modelcar:
        made["modelcar"] = _image(pins.modelcar)
    return made | {
        "model": {
            "reference": pins.runs.reference,
            "repository": pins.runs.place,
            "digest": str(pins.runs.digest),
        },
        "annotations": pins.annotations,
    }


def files(pins: Pins) -> dict[str, str]:
    """The values under the file name that belongs to their stage."""
    return {file_name(pins.runs.stage): document(values(pins))}


def file_name(stage: str | None) -> str:
    """``values-prod.yaml``; ``values.yaml`` where no stage was asked for."""
    return f"values-{stage}.yaml" if stage else "values.yaml"


def _image(reference: str) -> Resource:
    repository, _, digest = reference.partition("@")
    return {"repository": repository, "digest": digest}
