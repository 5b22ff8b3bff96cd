"""CatBoost: models as its binary format, which keeps classes and parameters by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.frameworks import how as words
from lading.frameworks import installed, params
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.classes import class_name, comes_from, nearest
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FILE: Final = "model.cbm"
_KINDS: Final = {"cbm": Wanted((MODEL_FILE,), ("catboost",), (".cbm",))}
_CLASSES: Final = ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost")


class CatBoost:
    """``CatBoost`` and its classifier, regressor and ranker."""

    name: Final = "catboost"
    framework: Final = "catboost"
    distributions: Final = ("catboost",)
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is one of CatBoost's own, or inherits from one."""
        return comes_from(model, "catboost")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.cbm``."""
        full = nearest(model, tuple(f"catboost.core.{name}" for name in _CLASSES))
        kind = full.rpartition(".")[2] if full else _CLASSES[-1]
        catboost = installed.require("catboost")
        with saving(self.framework, catboost.CatBoostError):
            model.save_model(str(folder / MODEL_FILE), format="cbm")
            given = model.get_params()
        near = [] if full == class_name(model) else [f"it comes back as catboost.{kind}"]
        return Saved(
            how={"format": "cbm", "class": kind},
            format="cbm",
            class_name=class_name(model),
            framework_version=installed.version_of("catboost"),
            roots=("catboost",),
            notes=tuple(near),
            params=params.plain(given)[0],
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The model, in the class it was."""
        kind = words.choice(how, "class", _CLASSES[-1], _CLASSES)
        catboost = installed.require("catboost")
        _, path = find(folder, how, options.files, _KINDS)
        with loading(self.framework, catboost.CatBoostError):
            model: object = getattr(catboost, kind)().load_model(str(path), "cbm")
        return model

    def predict(self, model: Any, data: object) -> object:
        """What ``predict`` answers: of a classifier, the class."""
        catboost = installed.require("catboost")
        with predicting(self.framework, catboost.CatBoostError):
            return model.predict(data)
