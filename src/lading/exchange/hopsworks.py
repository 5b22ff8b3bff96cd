"""The words that users of the Hopsworks model registry know, over Lading's verbs.

    from lading.exchange.hopsworks import Registry

    registry = Registry("registry.example.com/ml")
    model = registry.sklearn.create_model("fraud", metrics={"auc": 0.93}, input_example=X.head())
    model.save("model_dir")

Two things differ, on purpose. Versions are semantic versions and not counted; and a version that
is not named is the latest release, never the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from lading.errors import InvalidInput, NotFound
from lading.spec.version import Version

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.signature import Signature
    from lading.spec.words import Words

Direction = Literal["max", "min"]

_FRAMEWORKS: Final = {
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "torch": "pytorch",
    "xgboost": "xgboost",
    "python": None,
    "llm": "transformers",
}


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """What goes in and what comes out, from data."""

    input_schema: object = None
    output_schema: object = None

    def signature(self) -> Signature:
        """The same as a signature."""
        from lading.signatures.infer import infer_signature

        return infer_signature(_data(self.input_schema), _data(self.output_schema))


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of some data."""

    object: object


def _data(schema: object) -> object:
    return schema.object if isinstance(schema, Schema) else schema


@dataclass(slots=True)
class Model:
    """A model that is to be saved, or a version that was."""

    name: str
    version: str | None = None
    description: str | None = None
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    framework: str | None = None
    model_schema: ModelSchema | Signature | Mapping[str, object] | None = None
    input_example: object = None
    reference: str = ""
    digest: str | None = None
    _settings: Settings | None = field(default=None, repr=False)

    def save(self, model_path: str | Path) -> Model:
        """Push a folder or a file of the model as a version, and be that version.

        Without a version it is the next patch of the highest release, and 0.1.0 at first.

        Raises:
            Conflict: the version exists with other content.
        """
        from lading.operations.push import push

        pushed = push(
            model_path,
            f"{self.reference}:{self.version}" if self.version else self.reference,
            bump=None if self.version else "patch",
            settings=self._settings,
            **self._words(),
        )
        self.version, self.digest = pushed.version, pushed.digest
        return self

    def download(self, local_path: str | Path | None = None) -> str:
        """The folder with the model's files: in the cache, or where you say.

        Raises:
            NotFound: it was not saved.
        """
        from lading.operations.pull import pull

        if self.digest is None:
            raise NotFound(f"{self.name} was not saved yet", hint="model.save(path)")
        return pull(f"{self.reference}@{self.digest}", local_path, settings=self._settings).path

    def _words(self) -> Words:
        words: Words = {
            "description": self.description,
            "metrics": self.training_metrics,
            "input_example": self.input_example,
        }
        if self.framework:
            words["framework"] = {"name": self.framework}
        schema = self.model_schema
        words["signature"] = schema.signature() if isinstance(schema, ModelSchema) else schema
        return words


def _check(version: str) -> None:
    try:
        Version.parse(version)
    except InvalidInput as error:
        hint = f"{error.hint}; or leave the version out, and the next one is chosen"
        raise InvalidInput(error.what, cause=error.cause, hint=hint) from error


@dataclass(frozen=True, slots=True)
class Framework:
    """``registry.sklearn`` and its like: models of one framework."""

    registry: Registry
    name: str | None

    def create_model(  # noqa: PLR0917  the order of Hopsworks
        self,
        name: str,
        version: str | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str | None = None,
        input_example: object = None,
        model_schema: ModelSchema | Signature | Mapping[str, object] | None = None,
    ) -> Model:
        """A model to be; nothing is sent before it is saved.

        Raises:
            InvalidInput: the version is a count, as Hopsworks has them, and no semantic version.
        """
        if version is not None:
            _check(str(version))
        return Model(
            name=name,
            version=version,
            description=description,
            training_metrics=metrics or {},
            framework=self.name,
            model_schema=model_schema,
            input_example=input_example,
            reference=self.registry.reference(name),
            _settings=self.registry.settings,
        )


class Registry:
    """A place for models: a registry with a prefix, or the store on this machine."""

    def __init__(self, place: str = "", *, settings: Settings | None = None) -> None:
        self._place = place.rstrip("/")
        self.settings = settings

    def __getattr__(self, name: str) -> Framework:
        if name not in _FRAMEWORKS:
            raise AttributeError(f"there is no {name!r}; there are {', '.join(_FRAMEWORKS)}")
        return Framework(self, _FRAMEWORKS[name])

    def reference(self, name: str) -> str:
        """The repository of a model."""
        return f"{self._place}/{name}" if self._place else name

    def get_model(self, name: str, version: str | None = None) -> Model:
        """A version; the latest release where none is named.

        Raises:
            NotFound: there is no such version.
        """
        from lading.operations.inspect import inspect

        place = self.reference(name)
        seen = inspect(f"{place}:{version}" if version else place, settings=self.settings)
        return self._model(name, seen.digest, seen.document)

    def get_models(self, name: str) -> list[Model]:
        """Every version, the newest first."""
        from lading.operations.list import list_versions

        listed = list_versions(self.reference(name), settings=self.settings)
        return [self.get_model(name, each.version) for each in listed.versions]

    def get_best_model(self, name: str, metric: str, direction: Direction) -> Model:
        """The version whose metric is the highest (``max``) or the lowest (``min``).

        Evaluations that were attached later count, and deprecated versions do not.

        Raises:
            InvalidInput: the direction is neither.
            NotFound: no version has such a metric.
        """
        from lading.operations.best import best

        if direction not in ("max", "min"):
            raise InvalidInput(f"direction cannot be {direction!r}", hint="max or min")
        place = self.reference(name)
        found = best(place, metric, maximize=direction == "max", settings=self.settings)
        return self.get_model(name, found.version.replace("+", "_"))

    def _model(self, name: str, digest: str, document: Mapping[str, Any]) -> Model:
        metrics = {
            f"{each['name']}@{each['split']}" if each.get("split") else each["name"]: each["value"]
            for each in document.get("metrics", ())
        }
        return Model(
            name=name,
            version=document.get("version"),
            description=document.get("description"),
            training_metrics=metrics,
            framework=document.get("framework", {}).get("name"),
            model_schema=document.get("signature"),
            reference=self.reference(name),
            digest=digest,
            _settings=self.settings,
        )
