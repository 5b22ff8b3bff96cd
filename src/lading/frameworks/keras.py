"""Keras 3: models as ``.keras`` archives, in whatever backend they run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import PolicyRefused, Unsupported
from lading.frameworks import consent, installed
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_array, as_arrays
from lading.frameworks.classes import class_name, comes_from
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FILE: Final = "model.keras"
_KINDS: Final = {"keras": Wanted((MODEL_FILE,), ("keras",), (".keras",))}
# Before it, an archive could switch safe mode off, unpickle or read files in spite of it.
_SAFE_SINCE: Final = "3.12"


class Keras:
    """Models of Keras, by itself or by TensorFlow's name for it."""

    name: Final = "keras"
    framework: Final = "keras"
    distributions: Final = ("keras",)

    def takes(self, model: object) -> bool:
        """Whether it is a model of Keras 3."""
        return comes_from(model, "keras.src.models", "keras.models")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.keras``."""
        keras = installed.require("keras")
        with saving(self.framework):
            model.save(str(folder / MODEL_FILE))
            backend = str(keras.backend.backend())
        return Saved(
            how={"format": "keras", "backend": backend},
            format="keras",
            class_name=class_name(model),
            framework_version=installed.version_of("keras"),
            roots=("keras", backend),
            params={"optimizer": _optimizer(model)} if _optimizer(model) else {},
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The model, not compiled: ready to predict; ``compile`` it to train on.

        Raises:
            PolicyRefused: it holds code, and nobody allowed that to run.
        """
        keras = installed.require("keras")
        _check_version(installed.version_of("keras"), options)
        _, path = find(folder, how, options.files, _KINDS)
        with loading(self.framework):
            try:
                model: object = keras.saving.load_model(
                    str(path), compile=False, safe_mode=not options.allow_pickle
                )
            except ValueError as error:
                # Keras says only in words that this is what it will not do in safe mode.
                if options.allow_pickle or "safe_mode" not in str(error):
                    raise
                raise PolicyRefused(
                    "this model holds code, and loading it would run that",
                    cause=" ".join(str(error).split())[:300],
                    hint="allow_pickle=True, if you trust whoever made this model",
                ) from error
        return model

    def predict(self, model: Any, data: Any) -> object:
        """What the model answers, as arrays."""
        with predicting(self.framework):
            if isinstance(data, Mapping):
                given: object = {name: as_array(value) for name, value in data.items()}
            else:
                given = as_array(data)
            return as_arrays(model.predict(given, verbose=0))


def _check_version(found: str, options: LoadOptions) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        is_old = Version(found) < Version(_SAFE_SINCE)
    except InvalidVersion as error:
        raise Unsupported("nobody can tell which Keras is installed", cause=found) from error
    consent.require(
        options.allow_pickle or not is_old,
        f"keras {found} can be made to run code of a model even in safe mode",
        because=f"that was mended in {_SAFE_SINCE}",
        hint=f"pip install 'keras>={_SAFE_SINCE}', or allow_pickle=True",
    )


def _optimizer(model: Any) -> str:
    found = getattr(model, "optimizer", None)
    return type(found).__name__ if found is not None else ""
