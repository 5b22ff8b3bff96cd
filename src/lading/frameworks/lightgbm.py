"""LightGBM: boosters as their text format, wrappers of scikit-learn's shape by skops.

A wrapper is more than its booster: the text knows neither its class labels nor its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.frameworks import estimator, installed, params
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.classes import class_name, comes_from
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find
from lading.frameworks.sklearn import known_params

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FILE: Final = "model.txt"
_TEXT: Final = "lightgbm"
KINDS: Final = {_TEXT: Wanted((MODEL_FILE,), ("lightgbm",), (".txt", ".lgb")), **estimator.KINDS}


class LightGBM:
    """``lightgbm.Booster`` and the wrappers of ``lightgbm.sklearn``."""

    name: Final = "lightgbm"
    framework: Final = "lightgbm"
    distributions: Final = ("lightgbm",)
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is one of LightGBM's own."""
        return comes_from(model, "lightgbm")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.txt`` of a booster, ``model.skops`` of a wrapper."""
        notes: list[str] = []
        if comes_from(model, "lightgbm.sklearn"):
            written, notes = estimator.save(model, folder, options)
            roots, found = estimator.roots(written, "lightgbm", "sklearn"), known_params(model)[0]
        else:
            written, roots = _write_text(model, folder), ("lightgbm",)
            found = params.plain(getattr(model, "params", None) or {})[0]
        return Saved(
            how=written,
            format=str(written["format"]),
            class_name=class_name(model),
            framework_version=installed.version_of("lightgbm"),
            roots=roots,
            notes=tuple(notes),
            params=found,
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The booster, or the wrapper."""
        lightgbm = installed.require("lightgbm")
        kind, path = find(folder, how, options.files, KINDS)
        if kind != _TEXT:
            return estimator.read(kind, path, options)
        with loading(self.framework, lightgbm.basic.LightGBMError):
            booster: object = lightgbm.Booster(model_file=str(path))
        return booster

    def predict(self, model: Any, data: object) -> object:
        """What ``predict`` answers: of a booster, the raw scores of the objective."""
        lightgbm = installed.require("lightgbm")
        with predicting(self.framework, lightgbm.basic.LightGBMError):
            return model.predict(data)


def _write_text(model: Any, folder: Path) -> dict[str, Json]:
    lightgbm = installed.require("lightgbm")
    with saving("lightgbm", lightgbm.basic.LightGBMError):
        model.save_model(str(folder / MODEL_FILE))
    return {"format": _TEXT}
