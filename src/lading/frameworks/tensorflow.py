"""TensorFlow: modules as SavedModel folders. Models of Keras are not here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.frameworks import consent, installed
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_array, named_arrays
from lading.frameworks.classes import class_name, comes_from
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FOLDER: Final = "saved_model"
_SIGNATURE: Final = "serving_default"
_GRAPH_FILE: Final = "saved_model.pb"
_KINDS: Final = {
    "savedmodel": Wanted(
        (f"{MODEL_FOLDER}/{_GRAPH_FILE}", _GRAPH_FILE), ("tensorflow",), (f"/{_GRAPH_FILE}",)
    )
}


class TensorFlow:
    """``tf.Module`` and whatever else ``tf.saved_model.save`` takes."""

    name: Final = "tensorflow"
    framework: Final = "tensorflow"
    distributions: Final = ("tensorflow",)

    def takes(self, model: object) -> bool:
        """Whether it is a module or a restored SavedModel."""
        return comes_from(model, "tensorflow.python.module", "tensorflow.python.trackable")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``saved_model/``."""
        tensorflow = installed.require("tensorflow")
        with saving(self.framework, tensorflow.errors.OpError):
            tensorflow.saved_model.save(model, str(folder / MODEL_FOLDER))
        return Saved(
            how={"format": "savedmodel"},
            format="savedmodel",
            class_name=class_name(model),
            framework_version=installed.version_of("tensorflow"),
            roots=("tensorflow",),
            notes=("loading it asks for allow_pickle=True: a SavedModel is a program",),
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The restored module, with its functions and signatures.

        Raises:
            PolicyRefused: nobody allowed a program to run.
        """
        consent.require(
            options.allow_pickle,
            "this model is a SavedModel, and loading it runs what is in it",
            because="its operations can read and write files",
        )
        tensorflow = installed.require("tensorflow")
        _, path = find(folder, how, options.files, _KINDS)
        with loading(self.framework, tensorflow.errors.OpError):
            model: object = tensorflow.saved_model.load(str(path.parent))
        return model

    def predict(self, model: Any, data: Any) -> object:
        """What the signature for serving answers, or the module itself where it has none."""
        tensorflow = installed.require("tensorflow")
        with predicting(self.framework, tensorflow.errors.OpError):
            signature = getattr(model, "signatures", {}).get(_SIGNATURE)
            if signature is None:
                return _named(tensorflow.nest.map_structure(as_array, model(as_array(data))))
            specs = signature.structured_input_signature[1]
            feeds = named_arrays(data, list(specs))
            answers = signature(
                **{
                    name: tensorflow.constant(as_array(value, specs[name].dtype.as_numpy_dtype))
                    for name, value in feeds.items()
                }
            )
        return _named({name: answer.numpy() for name, answer in answers.items()})


def _named(answer: Any) -> Any:
    """An answer as signatures give it, so that a module answers the same before it is saved.

    Several outputs have names, and one output is not wrapped.
    """
    if isinstance(answer, (tuple, list)):
        answer = {f"output_{number}": part for number, part in enumerate(answer)}
    is_one = isinstance(answer, Mapping) and len(answer) == 1
    return next(iter(answer.values())) if is_one else answer
