"""Documents handed on from where they were written: to a registry, to a cluster, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lading.deploy import kustomize
from lading.operations.deploying import folder
from lading.operations.deploying.written import find

if TYPE_CHECKING:
    from lading.deploy.pins import Pins
    from lading.deploy.resource import Resource
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class Onward:
    """Where documents are to go besides: under a tag, and to a cluster once that was confirmed."""

    push: str | None = None
    confirm: Callable[[str], bool] | None = None
    context: str | None = None

    @property
    def is_nowhere(self) -> bool:
        """Whether they stay where they are."""
        return self.push is None and self.confirm is None


class Handed(NamedTuple):
    """What became of them."""

    # By digest, where they were pushed.
    pushed: str | None = None
    # applied, unchanged, declined; None where no cluster was asked.
    applied: str | None = None
    notes: tuple[str, ...] = ()


def hand_on(
    what: Path | Mapping[str, str],
    documents: tuple[Resource, ...],
    onward: Onward,
    *,
    name: str,
    pins: Pins,
    created: str | None,
    settings: Settings,
) -> Handed:
    """Push documents and apply them, as far as either is wished for.

    ``what`` is the folder that they are in, which is pushed as it is there, comments and all; or
    their texts, where they were written nowhere.

    Raises:
        InvalidInput: nothing says under which tag they are pushed.
        Conflict: the tag names something else; or what a cluster has cannot be changed so.
        LocalFailure: kubectl is not there.
        LadingError: the registry or the cluster refuses, or does not answer.
    """
    handed = Handed()
    if onward.push is not None:
        from lading.operations.deploying.pushed import push_documents

        files = (
            find(what).files()
            if isinstance(what, Path)
            else folder.headed(kustomize.files(documents))
        )
        pushed = push_documents(
            files, onward.push, name=name, pins=pins, created=created, settings=settings
        )
        handed = handed._replace(pushed=pushed)
    if onward.confirm is not None:
        from lading.operations.deploying.applied import apply

        done = apply(what, documents, pins.runs.reference, onward.confirm, context=onward.context)
        handed = handed._replace(applied=done.status, notes=done.notes)
    return handed
