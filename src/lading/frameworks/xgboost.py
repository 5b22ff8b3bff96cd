"""XGBoost: boosters and the wrappers of scikit-learn's shape, as UBJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.frameworks import how as words
from lading.frameworks import installed, params
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.classes import class_name, comes_from, nearest
from lading.frameworks.door import RAISED, loading, predicting, saving
from lading.frameworks.files import Wanted, find
from lading.frameworks.sklearn import known_params

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FILE: Final = "model.ubj"
_KINDS: Final = {
    "ubj": Wanted((MODEL_FILE, "model.json"), ("xgboost-ubj", "xgboost-json"), (".ubj", ".json"))
}
_BOOSTER: Final = "Booster"
_WRAPPERS: Final = (
    "XGBClassifier",
    "XGBRFClassifier",
    "XGBRFRegressor",
    "XGBRanker",
    "XGBRegressor",
)


class XGBoost:
    """``xgboost.Booster`` and the wrappers of ``xgboost.sklearn``."""

    name: Final = "xgboost"
    framework: Final = "xgboost"
    distributions: Final = ("xgboost",)
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is one of XGBoost's own, or inherits from one."""
        return comes_from(model, "xgboost")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.ubj``, and in ``how`` the class and its parameters."""
        kind, notes = _kind(model)
        with saving(self.framework):
            model.save_model(str(folder / MODEL_FILE))
            found, left_out = _params(model, kind)
        if left_out:
            notes.append(f"{left_out} parameters are no plain values and are not recorded")
        wrapper = kind != _BOOSTER
        return Saved(
            how={"format": "ubj", "class": kind, **({"params": dict(found)} if wrapper else {})},
            format="ubj",
            class_name=class_name(model),
            framework_version=installed.version_of("xgboost"),
            roots=("xgboost", "sklearn") if wrapper else ("xgboost",),
            notes=tuple(notes),
            params=found,
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The booster, or the wrapper with its parameters."""
        kind = words.choice(how, "class", _BOOSTER, (_BOOSTER, *_WRAPPERS))
        xgboost = installed.require("xgboost")
        _, path = find(folder, how, options.files, _KINDS)
        with loading(self.framework):
            model = _made(getattr(xgboost, kind), words.values(how, "params"))
            model.load_model(_source(path))
            _move(model, options.device)
        loaded: object = model
        return loaded

    def predict(self, model: Any, data: object) -> object:
        """What ``predict`` answers: of a booster, the scores of the objective."""
        xgboost = installed.require("xgboost")
        with predicting(self.framework):
            if isinstance(model, xgboost.Booster) and not isinstance(data, xgboost.DMatrix):
                data = xgboost.DMatrix(data)
            return model.predict(data)


def _kind(model: object) -> tuple[str, list[str]]:
    """XGBoost's own class that the model is, and a note if it is only near to it."""
    names = (
        "xgboost.core.Booster",
        *(f"xgboost.{part}.{name}" for part in ("sklearn", "dask") for name in _WRAPPERS),
    )
    full = nearest(model, names)
    kind = full.rpartition(".")[2] if full else _BOOSTER
    same = full == class_name(model)
    return kind, [] if same else [f"{class_name(model)} comes back as xgboost.{kind}"]


def _params(model: Any, kind: str) -> tuple[dict[str, Json], int]:
    if kind != _BOOSTER:
        found, left_out = known_params(model)
        # Not given, and therefore nothing to restore. A missing value that is not a number is the
        # default, and no JSON.
        given: dict[str, Json] = {name: value for name, value in found.items() if value is not None}
        return given, left_out - _is_not_a_number(getattr(model, "missing", None))
    return params.plain(_settings(json.loads(model.save_config())))[0], 0


def _settings(config: Any) -> dict[str, object]:
    """The settings of a booster's training that are in its own configuration."""
    learner = config.get("learner", {})
    trees = learner.get("gradient_booster", {}).get("tree_train_param", {})
    return {**learner.get("learner_train_param", {}), **trees}


def _is_not_a_number(value: object) -> bool:
    return isinstance(value, float) and isnan(value)


def _source(path: Path) -> str | bytearray:
    """What XGBoost reads: it goes by the ending, and without a known one has to see the bytes."""
    return str(path) if path.suffix in (".ubj", ".json") else bytearray(path.read_bytes())


def _move(model: Any, device: str | None) -> None:
    if device is None:
        return
    if hasattr(model, "set_params"):
        model.set_params(device=device)
    else:
        model.set_param({"device": device})


def _made(kind: Any, given: Mapping[str, Json]) -> Any:
    """An empty model of that class with the parameters it knows."""
    if not given:
        return kind()
    try:
        known = kind().get_params()
    except RAISED:
        known = {}
    return kind(**{name: value for name, value in given.items() if name in known})
