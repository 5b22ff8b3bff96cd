"""The Dockerfile of a version's images, filled in; nothing is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import Conflict
from lading.images.render import render
from lading.operations.imaging.planned import Planned, sent, settled_plan
from lading.spec.tags import TARGETS, Target, target_of

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class ImageDockerfileResult:
    """The text of a Dockerfile; ``context`` is the folder that it was written into, if any."""

    reference: str
    digest: str
    template: str
    base: str
    targets: tuple[str, ...]
    text: str
    context: str | None
    notes: tuple[str, ...]


def image_dockerfile(
    reference: str | Reference,
    *,
    target: str = "all",
    base: str | None = None,
    context: str | Path | None = None,
    allow_pickle: bool | None = None,
    settings: Settings | None = None,
) -> ImageDockerfileResult:
    """The Dockerfile that :func:`image_build` builds; with ``context`` all that it copies, too.

    Raises:
        InvalidInput: there is no such target, or the document names something that cannot be.
        NotFound: there is no such version, or it does not say which packages it needs.
        Conflict: the folder for the context holds files.
    """
    targets = wanted_targets(target)
    plan, settings = settled_plan(reference, settings, base=base, allow_pickle=allow_pickle)
    folder = None
    if context is not None:
        folder = Path(context)
        _write(plan, targets, folder, settings)
    return ImageDockerfileResult(
        reference=str(plan.place),
        digest=plan.digest,
        template=plan.recipe.template,
        base=plan.recipe.bases[targets[0]],
        targets=targets,
        text=render(plan.recipe, targets),
        context=str(folder) if folder else None,
        notes=plan.recipe.notes,
    )


def wanted_targets(target: str) -> tuple[Target, ...]:
    """The targets that a word stands for.

    Raises:
        InvalidInput: it stands for none.
    """
    return TARGETS if target == "all" else (target_of(target, "all"),)


def _write(plan: Planned, targets: tuple[Target, ...], folder: Path, settings: Settings) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} holds files", hint="name an empty folder")
    sent(plan, targets, settings).write(folder)
