"""What was asked of a deployment, word by word: refused here before anything is looked up.

Names and amounts are checked where a wish is made of them (:mod:`lading.deploy.wish`); which option
means something to which kind, a table says (:mod:`lading.deploy.options`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from lading.deploy.kserve_version import STORAGES, Storage
from lading.deploy.wish import KINDS, Kind, Scoring, Volume
from lading.errors import InvalidInput
from lading.spec.nearest import nearest


def kind(word: str) -> Kind:
    """The kind of documents.

    Raises:
        InvalidInput: there is none of that name; says which there are.
    """
    if word in KINDS:
        return cast(Kind, word)
    raise InvalidInput(
        f"nothing is deployed as {word[:60]!r}",
        cause=f"there are {', '.join(KINDS)}",
        hint=nearest(word, KINDS),
    )


def storage(word: str | None) -> Storage | None:
    """How KServe brings a model to its server; None where nobody chose.

    Raises:
        InvalidInput: it has no such way; says which there are.
    """
    if word is None or word in STORAGES:
        return cast("Storage | None", word)
    raise InvalidInput(
        f"KServe is brought no model by {word[:60]!r}",
        cause=f"there are {', '.join(STORAGES)}",
        hint=nearest(word, STORAGES),
    )


def scoring(
    rows: str | None, predictions: str | None, volumes: tuple[Volume, ...]
) -> Scoring | None:
    """What a job is to do; None where it was not said whole.

    Raises:
        InvalidInput: a path is none, or outside of every volume.
    """
    if rows is None or predictions is None:
        return None
    return Scoring.checked(rows, predictions, volumes)


def given(said: Mapping[str, object]) -> tuple[str, ...]:
    """The options that somebody wrote."""
    return tuple(
        name
        for name, value in said.items()
        if value is not None and value is not False and value != ()
    )


def demand_company(
    output: str | Path | None,
    confirm: Callable[[str], bool] | None,
    *,
    helm: bool,
    force: bool,
    context: str | None,
) -> None:
    """Refuse what means nothing without another option.

    Raises:
        InvalidInput: such an option stands alone; says beside which it means something.
    """
    if output is None and helm:
        raise InvalidInput("values are written beside the documents", hint="--helm -o DIR")
    if output is None and force:
        raise InvalidInput("--force writes over files of a folder", hint="--force -o DIR")
    if confirm is None and context is not None:
        raise InvalidInput("--context names the cluster of --apply", hint="--apply")
