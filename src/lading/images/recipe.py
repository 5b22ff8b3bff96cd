"""What an image is made of: decided from a document and from settings. Pure.

What a document says came out of a registry and ends in a file that a builder runs: names that are
no names are refused here, everything else is quoted where it is written (``render``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.images.fit import mark
from lading.images.packages import Division
from lading.spec import image, mediatypes
from lading.spec.tags import TARGETS, Target

if TYPE_CHECKING:
    from lading.spec.document import Document
    from lading.spec.environment import Environment

# Which Python runs is the model's word; who makes the image is a setting.
DEFAULT_BASE: Final = "docker.io/library/python:{python}-slim"

# Every time in an image, where the builder can: 1980, before which zip archives cannot go. Not when
# the version was made, or versions with one lock would share neither layers nor a builder's cache.
EPOCH: Final = 315532800

_FALLBACK_PYTHON: Final = "3.13"
_PYTHON: Final = re.compile(r"(3\.\d{1,2})(?:\.\d{1,3})?(?:[a-z+].*)?", re.ASCII)
_IMAGE: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,400})(?:@sha256:[0-9a-f]{64})?", re.ASCII
)
_DEBIAN: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{1,80}", re.ASCII)
_TORCH: Final = frozenset({"pytorch", "transformers", "sentence-transformers"})
_TENSORFLOW: Final = frozenset({"tensorflow", "keras"})


@dataclass(frozen=True, slots=True)
class Identity:
    """The version that an image is made for."""

    reference: str
    digest: str
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a Dockerfile is written from."""

    template: str
    identity: Identity
    python: str
    # The base image of each target.
    bases: Mapping[Target, str]
    division: Division
    system: tuple[str, ...]
    created: str | None
    source: str | None
    # Which pins they are made from: :func:`lading.images.fit.mark`.
    lock: str | None = None
    allow_pickle: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What somebody who builds it ought to know."""
        tagged = sorted({base for base in self.bases.values() if "@sha256:" not in base})
        return (
            *self.division.notes,
            *(
                f"{base} is a tag, and tags move: name a digest to build it again"
                for base in tagged
            ),
        )

    def labels(self, target: Target, base: str) -> dict[str, str]:
        """What an image says of itself, and of what it was made from."""
        name, _, digest = base.partition("@")
        said = {
            mediatypes.TITLE: self.identity.name,
            mediatypes.VERSION: self.identity.version,
            mediatypes.CREATED: self.created,
            mediatypes.SOURCE: self.source,
            mediatypes.BASE_NAME: name,
            mediatypes.BASE_DIGEST: digest,
            image.REFERENCE: self.identity.reference,
            image.DIGEST: self.identity.digest,
            image.TARGET: target,
            image.LOCK: self.lock,
        }
        return {key: text for key, text in said.items() if text}


def recipe(
    document: Document,
    identity: Identity,
    division: Division,
    *,
    base: str | None = None,
    base_setting: str | None = None,
    allow_pickle: bool = False,
) -> Recipe:
    """How images of a version are made.

    The base is what the call says, else the setting, else what the document names, else a usual
    one; ``{python}`` in it stands for the model's own Python.

    Raises:
        InvalidInput: the document or the setting names something that cannot be.
    """
    environment = document.environment
    python = python_of(environment)
    lineage = document.lineage
    return Recipe(
        template=template_for(document),
        identity=identity,
        python=python,
        bases={
            target: _base(base or base_setting or _named(environment, target), python)
            for target in TARGETS
        },
        division=division,
        system=tuple(map(_debian, environment.system if environment else ())),
        created=document.created,
        source=lineage.code.repository if lineage and lineage.code else None,
        lock=mark(environment),
        allow_pickle=allow_pickle,
    )


def template_for(document: Document) -> str:
    """The Dockerfile that fits a framework."""
    framework = document.framework.name if document.framework else ""
    environment = document.environment
    names = {pin.partition("==")[0] for pin in environment.requirements} if environment else set()
    if framework == "onnx":
        return "onnx"
    if framework in _TENSORFLOW and "tensorflow" in names | {framework}:
        return "tensorflow"
    if framework in _TORCH or (framework == "keras" and "torch" in names):
        return "pytorch-cuda" if _is_cuda(environment) else "pytorch-cpu"
    return "python"


def _is_cuda(environment: Environment | None) -> bool:
    """Whether the PyTorch that was locked computes on graphics cards."""
    pins = environment.requirements if environment else ()
    torch = next((pin for pin in pins if pin.startswith("torch==")), "")
    label = torch.partition("+")[2]
    if label:
        return label.startswith("cu")
    return any(pin.startswith("nvidia-") for pin in pins)


def python_of(environment: Environment | None) -> str:
    """The Python that a model was made with, to the minor version.

    Raises:
        InvalidInput: no image has it.
    """
    said = environment.python.version if environment and environment.python else _FALLBACK_PYTHON
    match = _PYTHON.fullmatch(said)
    if match is None:
        raise InvalidInput(
            f"the model was made with Python {said[:40]!r}",
            cause="there are no images of it",
            hint="--base IMAGE names one that you made",
        )
    return match[1]


def _named(environment: Environment | None, target: Target) -> str | None:
    images = environment.images if environment else None
    if images is None:
        return None
    # serve stands on runtime.
    own: str | None = getattr(images, "serve" if target == "runtime" else target)
    return own or images.base


def _base(name: str | None, python: str) -> str:
    base = (name or DEFAULT_BASE).replace("{python}", python)
    if _IMAGE.fullmatch(base) is None:
        raise InvalidInput(f"not the name of an image: {base[:80]!r}", hint="HOST/NAME@sha256:…")
    return base


def _debian(name: str) -> str:
    if _DEBIAN.fullmatch(name) is None:
        raise InvalidInput(f"not the name of a system's package: {name[:80]!r}")
    return name
