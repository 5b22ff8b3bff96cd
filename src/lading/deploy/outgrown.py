"""What was guessed for one version, and is too little for another: amounts stay when digests move.

Only what is written is looked at: whoever measured, or changed a file, is not told anew what was
guessed, but where even the files do not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from lading.deploy.guess import MIB, guess
from lading.deploy.pod import GUESSED
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts

_QUANTITY: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(k|M|G|T|Ki|Mi|Gi|Ti|)", re.ASCII)
_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def containers(documents: Iterable[Resource]) -> Iterator[Resource]:
    """The containers that serve or score, and where KServe has what they ask for."""
    for document in documents:
        for spec in _specs(document.get("spec")):
            found = spec.get("containers")
            yield from (each for each in found or () if isinstance(each, dict))
            if isinstance(model := spec.get("model"), dict):
                yield model


def outgrown(documents: Iterable[Resource], facts: Facts) -> Iterator[str]:
    """What would be more for this version, in words: what is written, and what would be guessed."""
    documents = tuple(documents)
    wanted, files = guess(facts), max(0, facts.size)
    is_guess = "memory" in _guessed(documents)
    for container in containers(documents):
        asked = _part(container, "resources", "requests", "memory")
        limit = _part(container, "resources", "limits", "memory")
        if is_guess and (_is_less(asked, wanted.memory) or _is_less(limit, wanted.memory_limit)):
            yield (
                f"memory {asked or 'of any amount'} (limit {limit or 'none'}) was guessed for"
                f" another version: {wanted.memory} (limit {wanted.memory_limit}) would be for"
                " this one, whose files are " + mebibytes(files)
            )
        elif _is_less(limit, str(files)):
            yield f"the limit of memory is {limit}, and the files alone are {mebibytes(files)}"
        patience = _patience(container)
        if patience is not None and patience < wanted.patience:
            yield (
                f"the model has {patience} s to answer before it is started again:"
                f" {wanted.patience} s would be guessed for this version"
            )


def too_small(documents: Iterable[Resource], facts: Facts) -> str | None:
    """The size of the volume that a version is pulled into, where its files are larger."""
    for document in documents:
        for spec in _specs(document.get("spec")):
            for volume in spec.get("volumes") or ():
                limit = _part(volume, "emptyDir", "sizeLimit")
                if _part(volume, "name") == "model" and _is_less(limit, str(facts.size)):
                    return str(limit)
    return None


def mebibytes(size: int) -> str:
    """A number of bytes, as amounts in documents are written."""
    return f"{-(-size // MIB)}Mi"


def _specs(spec: Any) -> Iterator[Resource]:
    """A specification, and those of the pods in it."""
    if isinstance(spec, dict):
        yield spec
        for name in ("template", "predictor", "spec"):
            yield from _specs(spec.get(name))


def _guessed(documents: tuple[Resource, ...]) -> str:
    """Which amounts nobody chose, in the words of :func:`lading.deploy.pod.guessed`."""
    said = (_part(each, "metadata", "annotations", GUESSED) for each in documents)
    return " ".join(str(each).partition(",")[0] for each in said if each)


def _patience(container: Resource) -> int | None:
    """How long a container may take until it answers first, in seconds."""
    probe = _part(container, "startupProbe")
    period = _part(probe, "periodSeconds")
    failures = _part(probe, "failureThreshold")
    if isinstance(period, int) and isinstance(failures, int):
        return period * failures
    return None


def _part(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_less(written: Any, wanted: str) -> bool:
    """Whether an amount is less than another; what cannot be read is not."""
    found, other = _bytes(written), _bytes(wanted)
    return found is not None and other is not None and found < other


def _bytes(text: Any) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(text))
    return Decimal(match[1]) * _UNITS[match[2]] if match else None
