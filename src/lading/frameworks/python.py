"""Any Python object with a ``predict``.

An object that can write itself has the two methods of :class:`PythonModel`: ``save(folder)``, and
a class method ``load(folder)`` that gives it back. What it writes is its own affair: JSON, arrays,
a dictionary. Any other object becomes a pickle, where the caller allows one.

    class Tariff:
        def predict(self, rows): ...
        def save(self, folder): (folder / "table.json").write_text(json.dumps(self.table))

        @classmethod
        def load(cls, folder): return cls(json.loads((folder / "table.json").read_text()))

Loading imports the class, which runs its module. So the caller either gives the class
(``into=Tariff``) or allows it (``allow_pickle=True``).
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from lading.errors import InvalidInput
from lading.frameworks import consent, installed
from lading.frameworks import how as words
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.classes import class_name, reference, top
from lading.frameworks.door import loading, predicting, saving

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FOLDER: Final = "model"
PICKLE_FILE: Final = "model.pkl"
_MAIN: Final = "__main__"


class PythonModel(Protocol):
    """What an object offers that saves itself; it need not inherit from this."""

    def predict(self, data: Any) -> Any:
        """The answer for some input."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything into an empty folder."""
        ...

    @classmethod
    def load(cls, folder: Path) -> PythonModel:
        """The object that was written there."""
        ...


class Python:
    """Objects with a ``predict`` that no framework takes."""

    name: Final = "python"
    framework: Final = "python"
    distributions: Final[tuple[str, ...]] = ()

    def takes(self, model: object) -> bool:
        """Whether it has a ``predict``, and is an object rather than its class."""
        return not isinstance(model, type) and callable(getattr(model, "predict", None))

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model/``, written by the object itself, or ``model.pkl``."""
        saves_itself = callable(getattr(model, "save", None)) and callable(
            getattr(type(model), "load", None)
        )
        notes = _save_itself(model, folder) if saves_itself else _pickle(model, folder, options)
        module = type(model).__module__
        own_roots = () if module in (_MAIN, "builtins") else (top(module),)
        pickler = () if saves_itself else ("cloudpickle",)
        kind = "python" if saves_itself else "pickle"
        return Saved(
            how={"format": kind, "class": reference(model)},
            format=kind,
            class_name=class_name(model),
            framework_version=platform.python_version(),
            roots=own_roots + tuple(name for name in pickler if installed.is_installed(name)),
            notes=tuple(notes),
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The object.

        Raises:
            PolicyRefused: its code would run, and the caller neither gave it nor allowed that.
        """
        default = "pickle" if (folder / PICKLE_FILE).exists() else "python"
        if words.choice(how, "format", default, ("python", "pickle")) == "pickle":
            return _unpickle(folder / PICKLE_FILE, options)
        kind = _class(words.text(how, "class", ""), options)
        with loading(str(getattr(kind, "__name__", kind))):
            model: object = kind.load(folder / MODEL_FOLDER)
        return model

    def predict(self, model: Any, data: object) -> object:
        """What its own ``predict`` answers."""
        with predicting(self.framework):
            return model.predict(data)


def _save_itself(model: Any, folder: Path) -> list[str]:
    own = folder / MODEL_FOLDER
    own.mkdir()
    with saving(type(model).__name__):
        model.save(own)
    name = reference(model)
    if name.startswith(f"{_MAIN}:"):
        return [f"loading asks for the class: {name} is not in a module that others could import"]
    return [f"loading asks for into=, the class, or allow_pickle=True, which imports {name}"]


def _pickle(model: object, folder: Path, options: SaveOptions) -> list[str]:
    consent.require(
        options.allow_pickle,
        f"{class_name(model)} can be saved as a pickle only",
        because="it has no save(folder) with a class method load(folder)",
        hint="give it these two (see lading.frameworks.python), or allow_pickle=True",
    )
    # cloudpickle takes along what a notebook defined; pickle only its name.
    found = installed.is_installed("cloudpickle")
    pickler: Any = installed.require("cloudpickle") if found else pickle
    with (
        saving(pickler.__name__),
        (folder / PICKLE_FILE).open("wb") as file,
    ):
        pickler.dump(model, file)
    return ["saved as a pickle, which runs code when loaded"]


def _unpickle(path: Path, options: LoadOptions) -> object:
    consent.require(
        options.allow_pickle,
        "this model is a pickle, and loading it runs whatever code is in it",
        because="the object could not save itself",
    )
    with loading("pickle"), path.open("rb") as file:
        model: object = pickle.load(file)  # noqa: S301 (the caller allowed it)
    return model


def _class(name: str, options: LoadOptions) -> Any:
    """The class that loads itself: the caller's, or the one that the document names."""
    if options.into is not None:
        return _checked(options.into, "into=")
    consent.require(
        options.allow_pickle,
        f"loading this model imports {name or 'a class'}, which runs its module",
        because="the caller did not give the class",
        hint="into= the class, or allow_pickle=True",
    )
    module, _, path = name.partition(":")
    if not (module and path) or module == _MAIN:
        raise InvalidInput(f"nothing says where the class {path or '?'} is", hint="into= the class")
    with loading(module):
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    return _checked(found, name)


def _checked(kind: object, name: str) -> Any:
    if not callable(getattr(kind, "load", None)):
        raise InvalidInput(f"{name} has no class method load(folder)")
    return kind
