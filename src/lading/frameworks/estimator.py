"""An estimator as a file: skops where it can, joblib where the caller allows it.

skops writes no code, only names of types, and builds those that are trusted. Which these are is
decided in ``skops_schema``, on the file itself, before anything that it names is imported: what the
document says about it is for people.

The numbers in a file are not looked at. scikit-learn follows the indices of its trees unchecked, so
a forged forest may crash the process that asks it, as a forged file of any C++ library may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import ZipFile

from lading.errors import InvalidInput, PolicyRefused
from lading.frameworks import consent, installed, skops_schema
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.classes import class_name, top
from lading.frameworks.door import loading, saving
from lading.frameworks.files import Wanted, find
from lading.frameworks.skops_file import settle
from lading.frameworks.skops_schema import Judgement

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
    with loading("skops"):
        judged = _judged(folder / SKOPS_FILE)
    notes = []
    if judged.strange:
        notes.append(
            f"loading asks for trusted={judged.strange!r}: types that are not known to be harmless"
        )
    if judged.refused is not None:
        notes.append(f"loading asks for allow_pickle=True: {judged.refused}")
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
        judged = None if options.allow_pickle else _judged(path, options.trusted)
    if judged is not None:
        _check_judgement(judged)
    with loading("skops"):
        types = skops.get_untrusted_types(file=path)
    if judged is not None:
        _check_types(types, judged)
    with loading("skops"):
        model: object = skops.load(path, trusted=types)
    return model


def _judged(path: Path, trusted: Sequence[str] = ()) -> Judgement:
    return skops_schema.judge(skops_schema.schema_of(path), trusted)


def _check_judgement(judged: Judgement) -> None:
    if judged.strange:
        raise _distrusted(judged.strange)
    if judged.refused is not None:
        raise PolicyRefused(
            "this model is built in a way that may run code",
            cause=judged.refused,
            hint="allow_pickle=True, if you trust whoever made this model",
        )


def _check_types(types: Iterable[str], judged: Judgement) -> None:
    """Refuse what skops meets in a file and its schema did not show us."""
    if missed := [name for name in types if name not in judged.met]:
        raise _distrusted(missed)


def _distrusted(strange: Sequence[str]) -> PolicyRefused:
    shown = ", ".join(strange[:5]) + (", …" if len(strange) > 5 else "")
    return PolicyRefused(
        "this model holds types that nobody said to trust",
        cause=shown[:500],
        hint=f"trusted={tuple(name[:100] for name in strange[:5])!r}, once you have looked at them",
    )


def _check_size(path: Path) -> None:
    with ZipFile(path) as archive:
        promised = sum(entry.file_size for entry in archive.infolist())
    if promised > path.stat().st_size * _INFLATION + _SLACK:
        raise InvalidInput(
            f"{path.name} would unpack to {promised} bytes", cause="it is packed suspiciously tight"
        )


def trusts(name: str) -> bool:
    """Whether a type may be in a file unasked, in a part of its kind; imports nothing."""
    return name in skops_schema.LISTED


def roots(written: Mapping[str, Json], *own: str) -> tuple[str, ...]:
    """The top modules that loading needs: the adapter's own, and those of the types."""
    types = written.get("types")
    found = [top(str(name)) for name in types] if isinstance(types, list) else []
    needed = [*own, str(written["format"]), *(name for name in found if name != "collections")]
    return tuple(dict.fromkeys(needed))
