"""An estimator as a file: skops where it can, joblib where the caller allows it.

skops writes no code, only names of types, and builds those that are trusted. Which these are is
decided here, by name, on the file itself: what the document says about it is for people.

The numbers in a file are not looked at. scikit-learn follows the indices of its trees unchecked, so
a forged forest may crash the process that asks it, as a forged file of any C++ library may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import ZipFile

from lading.errors import InvalidInput, PolicyRefused
from lading.frameworks import consent, installed
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.classes import class_name, top
from lading.frameworks.door import RAISED, loading, saving
from lading.frameworks.files import Wanted, find
from lading.frameworks.skops_file import settle

if TYPE_CHECKING:
    from lading.spec.part import Json

SKOPS_FILE: Final = "model.skops"
JOBLIB_FILE: Final = "model.joblib"
KINDS: Final = {
    "skops": Wanted((SKOPS_FILE,), ("skops",), (".skops",)),
    # joblib reads other pickles, too; MLflow calls its own model.pkl.
    "joblib": Wanted(
        (JOBLIB_FILE, "model.pkl"), ("joblib", "pickle"), (".joblib", ".pkl", ".pickle")
    ),
}

# skops may call whatever it trusts with arguments from the file, so that a trusted package would
# be as good as a pickle: numpy.memmap writes files, pandas.read_pickle runs code. Hence names.
_TRUSTED: Final = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "xgboost.core.Booster",
    }
)
# Packages whose estimators are taken: their constructors only keep what they are given.
_ESTIMATORS: Final = ("lightgbm", "sklearn", "xgboost")
# Classes of scikit-learn are kernels, trees, losses and the like, but for those that touch files.
_FENCED: Final = ("sklearn.datasets", "sklearn.externals", "sklearn.utils._testing")
# A zip archive may promise a thousand times its size.
_INFLATION: Final = 20
_SLACK: Final = 64 * 1024 * 1024


def save(model: object, folder: Path, options: SaveOptions) -> tuple[dict[str, Json], list[str]]:
    """Write the estimator; what is needed to load it, and notes for the person.

    Raises:
        PolicyRefused: only a pickle would do, and nobody allowed one.
    """
    try:
        types = _dump(model, folder / SKOPS_FILE)
    except InvalidInput as error:
        (folder / SKOPS_FILE).unlink(missing_ok=True)
        return _pickle(model, folder, options, f"skops cannot write it ({error.cause})")
    strange = [name for name in types if not trusts(name)]
    notes = []
    if strange:
        notes.append(
            f"loading asks for trusted={tuple(strange)!r}: types that are not of the framework"
        )
    return {"format": "skops", "types": list(types)}, notes


def _dump(model: object, path: Path) -> tuple[str, ...]:
    """Write with skops; the types in it that skops does not trust by itself."""
    skops = installed.require("skops.io")
    with saving("skops"):
        skops.dump(model, path)
        settle(path)
        types = tuple(skops.get_untrusted_types(file=path))
        # skops writes some objects that it cannot make again, and nobody wants to learn that later.
        skops.load(path, trusted=types)
    return types


def _pickle(
    model: object, folder: Path, options: SaveOptions, because: str
) -> tuple[dict[str, Json], list[str]]:
    consent.require(
        options.allow_pickle,
        f"{class_name(model)} can be saved as a pickle only",
        because=because,
        hint="allow_pickle=True; whoever loads it has to allow it, too",
    )
    joblib = installed.require("joblib")
    with saving("joblib"):
        joblib.dump(model, folder / JOBLIB_FILE)
    return {"format": "joblib"}, [f"saved as a pickle, which runs code when loaded: {because}"]


def load(folder: Path, written: Mapping[str, Json], options: LoadOptions) -> object:
    """The estimator.

    Raises:
        PolicyRefused: it is a pickle, or holds types that nobody trusts.
    """
    return read(*find(folder, written, options.files, KINDS), options)


def read(kind: str, path: Path, options: LoadOptions) -> object:
    """The estimator of a file, which is one of the ``KINDS``.

    Raises:
        PolicyRefused: it is a pickle, or holds types that nobody trusts.
    """
    return _build(path, options) if kind == "skops" else _unpickle(path, options)


def _unpickle(path: Path, options: LoadOptions) -> object:
    consent.require(
        options.allow_pickle,
        "this model is a pickle, and loading it runs whatever code is in it",
        because=f"{path.name} was written by joblib, pickle or the like",
    )
    joblib = installed.require("joblib")
    with loading("joblib"):
        model: object = joblib.load(path)
    return model


def _build(path: Path, options: LoadOptions) -> object:
    skops = installed.require("skops.io")
    with loading("skops"):
        _check_size(path)
        types = skops.get_untrusted_types(file=path)
    if not options.allow_pickle:
        _check_types(types, options.trusted)
    with loading("skops"):
        model: object = skops.load(path, trusted=types)
    return model


def _check_types(types: Iterable[str], trusted: Iterable[str]) -> None:
    known = set(trusted)
    strange = [name for name in types if name not in known and not trusts(name)]
    if strange:
        shown = ", ".join(strange[:5]) + (", …" if len(strange) > 5 else "")
        raise PolicyRefused(
            "this model holds types that nobody said to trust",
            cause=shown[:500],
            hint=f"trusted={tuple(strange[:5])!r}, once you have looked at them",
        )


def _check_size(path: Path) -> None:
    with ZipFile(path) as archive:
        promised = sum(entry.file_size for entry in archive.infolist())
    if promised > path.stat().st_size * _INFLATION + _SLACK:
        raise InvalidInput(
            f"{path.name} would unpack to {promised} bytes", cause="it is packed suspiciously tight"
        )


def trusts(name: str) -> bool:
    """Whether a type is built without asking: of a framework, a class, and harmless when called.

    Imports the module of the framework that the name says, and none of another package.
    """
    if name in _TRUSTED:
        return True
    module, _, attribute = name.rpartition(".")
    if top(module) not in _ESTIMATORS or any(_within(module, fence) for fence in _FENCED):
        return False
    kind = _attribute(module, attribute)
    # What a module merely imported from elsewhere (its os, its pandas) is not the framework's.
    if not isinstance(kind, type) or top(kind.__module__) != top(module):
        return False
    return top(module) == "sklearn" or _is_estimator(kind)


def _attribute(module: str, name: str) -> object:
    from importlib import import_module

    try:
        return getattr(import_module(module), name, None)
    except RAISED:  # a name that is none, or a module that needs what is not here
        return None


def _is_estimator(kind: type) -> bool:
    return any(
        base.__module__ == "sklearn.base" and base.__name__ == "BaseEstimator"
        for base in kind.__mro__
    )


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def roots(written: Mapping[str, Json], *own: str) -> tuple[str, ...]:
    """The top modules that loading needs: the adapter's own, and those of the types."""
    types = written.get("types")
    found = [top(str(name)) for name in types] if isinstance(types, list) else []
    needed = [*own, str(written["format"]), *(name for name in found if name != "collections")]
    return tuple(dict.fromkeys(needed))
