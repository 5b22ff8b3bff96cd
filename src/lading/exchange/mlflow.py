"""MLflow's words for a model registry, where they mean the same here.

    from lading.exchange import mlflow
    version = mlflow.register_model("./model", "ml/fraud")
    mlflow.set_alias("ml/fraud", "champion", version.version)
    model = mlflow.load_model("models:/ml/fraud@champion")

Versions are semantic versions and never change; an alias is a tag. Nothing of MLflow is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.operations.load import Loaded
    from lading.settings import Settings
    from lading.spec.version import Bump

_MODELS: Final = re.compile(
    r"models:/(?P<name>[^@]+?)(?:@(?P<alias>[^/@]+)|/(?P<version>\d[^/]*))?"
)


_STAGES: Final = frozenset({"Production", "Staging", "Archived", "None"})


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model."""

    name: str
    version: str
    digest: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = None


def register_model(
    model_uri: str | Path,
    name: str,
    *,
    tags: Mapping[str, str] | None = None,
    version: str | None = None,
    bump: Bump = "patch",
    settings: Settings | None = None,
) -> ModelVersion:
    """Make a version of a model's folder; the next one, if none is named.

    Raises:
        InvalidInput: the URI is of a tracking server: give the folder of its artifacts.
        Conflict: the version exists with other content.
    """
    from lading.operations.push import push

    pushed = push(
        _folder(model_uri),
        f"{name}:{version}" if version else name,
        bump=None if version else bump,
        settings=settings,
        tags=dict(tags or {}),
    )
    return ModelVersion(name, pushed.version, pushed.digest, tags=tags)


def set_alias(name: str, alias: str, version: str, *, settings: Settings | None = None) -> None:
    """Let an alias name a version; MLflow's ``set_registered_model_alias``.

    One that is a stage moves as stages do: recorded, and as far as the policy lets it.

    Raises:
        NotFound: there is no such version.
        PolicyRefused: the stage is protected, and a rule does not hold.
    """
    from lading.operations.promote import promote
    from lading.operations.tag import tag

    if _is_stage(name, alias, settings):
        promote(f"{name}:{version}", alias, settings=settings)
    else:
        tag(f"{name}:{version}", alias, settings=settings)


# As MLflow's client calls it.
set_registered_model_alias = set_alias


def delete_alias(name: str, alias: str, *, settings: Settings | None = None) -> None:
    """Take an alias away, or let a stage name nothing; the version stays."""
    from lading.operations.clear import clear
    from lading.operations.remove import remove

    if _is_stage(name, alias, settings):
        clear(name, alias, settings=settings)
    else:
        remove(f"{name}:{alias}", settings=settings)


def _is_stage(name: str, alias: str, settings: Settings | None) -> bool:
    from lading.operations.lifecycle.policy_file import load_policy
    from lading.operations.stores import locate, settled

    settings = settled(settings)
    return alias in load_policy(settings).for_model(locate(name, settings).repository)


def get_model_version_by_alias(
    name: str, alias: str, *, settings: Settings | None = None
) -> ModelVersion:
    """The version that an alias names.

    Raises:
        NotFound: nothing has that alias.
    """
    return get_model_version(name, alias, settings=settings)


def get_model_version(name: str, version: str, *, settings: Settings | None = None) -> ModelVersion:
    """A version of a registered model.

    Raises:
        NotFound: there is no such version.
    """
    from lading.operations.inspect import inspect
    from lading.operations.list import list_versions

    seen = inspect(f"{name}:{version}", settings=settings)
    listed = list_versions(name, settings=settings).versions
    names = next((each.tags for each in listed if each.digest == seen.digest), ())
    return ModelVersion(
        name, seen.version or version, seen.digest, names, seen.document.get("tags")
    )


def search_model_versions(
    filter_string: str | None = None,
    *,
    max_results: int | None = None,
    order_by: Sequence[str] | None = None,
    repositories: str | Iterable[str] = (),
    settings: Settings | None = None,
) -> list[ModelVersion]:
    """The versions for which a filter holds: ``name = 'ml/fraud' and tags.team = 'risk'``.

    Their aliases are the stages that name them. Where to look is as :func:`lading.search` has it.

    Raises:
        InvalidInput: the filter or the order is none.
    """
    from lading.operations.search import search

    found = search(
        filter_string, repositories, order_by=order_by, limit=max_results, settings=settings
    )
    return [
        ModelVersion(each.name, each.version, each.digest, each.stage, each.tags)
        for each in found.versions
    ]


def load_model(
    model_uri: str, *, allow_pickle: bool | None = None, settings: Settings | None = None
) -> Loaded:
    """The model behind ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or ``models:/NAME``.

    Raises:
        InvalidInput: the URI is another one.
        PolicyRefused: loading it would run code of the model, and nobody allowed that.
    """
    from lading.operations.load import load

    return load(reference(model_uri), allow_pickle=allow_pickle, settings=settings)


def reference(model_uri: str) -> str:
    """The reference for a ``models:/`` URI.

    Raises:
        InvalidInput: it is another URI.
    """
    match = _MODELS.fullmatch(model_uri)
    if match is None:
        raise InvalidInput(
            f"not a URI of a registered model: {model_uri!r}",
            hint="models:/NAME@ALIAS, models:/NAME/VERSION, or models:/NAME for the latest",
        )
    name = match["alias"] or match["version"]
    base, _, last = match["name"].rpartition("/")
    if not name and last == "latest" and base:
        return base
    if not name and last in _STAGES:
        raise InvalidInput(
            f"{last} is a stage of MLflow, and stages are tags here",
            hint=f"set_alias gives a version the alias {last.lower()}: models:/NAME@{last.lower()}",
        )
    return f"{match['name']}:{name}" if name else match["name"]


def _folder(model_uri: str | Path) -> Path:
    text = str(model_uri)
    if text.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        return Path(unquote(urlsplit(text).path))
    scheme, colon, _ = text.partition(":/")
    if colon and scheme.isalnum():
        raise InvalidInput(
            f"{text} is kept by a tracking server",
            cause="Lading reads folders",
            hint="mlflow.artifacts.download_artifacts gives one",
        )
    return Path(text)
