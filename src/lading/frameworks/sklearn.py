"""scikit-learn: estimators and pipelines, by skops, or by joblib where the caller allows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.frameworks import estimator, installed, params
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.classes import class_name, comes_from
from lading.frameworks.door import RAISED, predicting

if TYPE_CHECKING:
    from lading.spec.part import Json


class Sklearn:
    """Whatever inherits from scikit-learn's classes and belongs to nobody nearer."""

    name: Final = "sklearn"
    framework: Final = "scikit-learn"
    distributions: Final = ("sklearn", "skops")
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is an estimator, a pipeline or another object of scikit-learn."""
        return comes_from(model, "sklearn")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.skops``, or ``model.joblib``."""
        written, notes = estimator.save(model, folder, options)
        found, left_out = known_params(model)
        if left_out:
            notes.append(f"{left_out} parameters are no plain values and are not recorded")
        return Saved(
            how=written,
            format=str(written["format"]),
            class_name=class_name(model),
            framework_version=installed.version_of("sklearn"),
            roots=estimator.roots(written, "sklearn"),
            notes=tuple(notes),
            params=found,
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The estimator, ready to predict."""
        return estimator.load(folder, how, options)

    def predict(self, model: Any, data: object) -> object:
        """What ``predict`` answers; of transformers, what ``transform`` does."""
        with predicting(self.framework):
            return model.predict(data) if hasattr(model, "predict") else model.transform(data)


def known_params(model: Any) -> tuple[dict[str, Json], int]:
    """The hyperparameters of an estimator that are plain values, and how many were left out.

    The steps of a pipeline, which are parameters, too, are not counted: theirs are.
    """
    if not hasattr(model, "get_params"):
        return {}, 0
    try:
        found = model.get_params(deep=True)
    except RAISED:
        # A subclass whose constructor breaks scikit-learn's rules.
        return {}, 1
    return params.plain({name: value for name, value in found.items() if not _has_own(value)})


def _has_own(value: object) -> bool:
    """Whether it is an estimator, or a list of named ones."""
    if isinstance(value, (list, tuple)):
        return any(isinstance(part, (tuple, list)) for part in value)
    return hasattr(value, "get_params")
