"""Whether loading a model runs code that came with it, told from what is written of it.

Nothing is opened here: whoever deploys a version has its document, and not its files. What only
loading finds out (a layer of Keras' that holds code) is not told, and refused where it is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.frameworks import estimator, lightgbm, torch
from lading.frameworks.files import Wanted, kind_of

if TYPE_CHECKING:
    from lading.spec.part import Json

# Whose models always ask for consent.
_ALWAYS: Final = {
    "tensorflow": "a SavedModel is a program",
    "python": "it is a pickle, or a class that the document names is imported",
}
# Whose models may, by the kind of their file.
_KINDS: Final[dict[str, Mapping[str, Wanted]]] = {
    "sklearn": estimator.KINDS,
    "lightgbm": lightgbm.KINDS,
    "torch": torch.KINDS,
}
_PROGRAMS: Final = {
    "joblib": "joblib and pickle run what is in a file",
    "pytorch": "torch.save writes pickles",
    "torchscript": "TorchScript is a program",
    "pt2": "torch.export writes parts as pickles",
}
# Where the document names no adapter, the framework's own loads it.
_FRAMEWORKS: Final = {
    "scikit-learn": "sklearn",
    "lightgbm": "lightgbm",
    "pytorch": "torch",
    "tensorflow": "tensorflow",
    "python": "python",
}


def runs_code(
    loader: str | None,
    framework: str,
    how: Mapping[str, Json],
    formats: Mapping[str, str],
    paths: Collection[str],
) -> str | None:
    """Why loading asks for consent; None where it does not, or where nobody can tell.

    ``how``, ``formats`` and ``paths`` are what the document says, as adapters are given it.
    """
    name = loader or _FRAMEWORKS.get(framework)
    if name in _ALWAYS:
        return _ALWAYS[name]
    if name not in _KINDS:
        return None
    try:
        kind, path = kind_of(paths, how, formats, _KINDS[name])
    except InvalidInput:
        return None  # it cannot be loaded at all, and who loads it says why
    if kind in _PROGRAMS:
        return f"{path}: {_PROGRAMS[kind]}"
    return _distrusted(how) if kind == "skops" else None


def _distrusted(how: Mapping[str, Json]) -> str | None:
    """Types in a file of skops' that nobody has said to be harmless."""
    types = how.get("types")
    named = [str(each) for each in types] if isinstance(types, list) else []
    strange = [each[:100] for each in named if not estimator.trusts(each)]
    if not strange:
        return None
    return f"it holds types that nobody said to trust: {', '.join(strange[:3])}"
