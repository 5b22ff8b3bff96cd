"""Sentence Transformers: a folder of modules, each of them the library's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput
from lading.frameworks import consent, installed
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_arrays
from lading.frameworks.classes import class_name
from lading.frameworks.door import loading, predicting, saving

if TYPE_CHECKING:
    from lading.spec.part import Json

MODULES_FILE: Final = "modules.json"
_CLASSES: Final = {
    "SentenceTransformer": "encode",
    "SparseEncoder": "encode",
    "CrossEncoder": "predict",
}
_PICKLES: Final = (".bin", ".pkl", ".pickle", ".pt", ".pth")
_LIMIT: Final = 1024 * 1024


class SentenceTransformers:
    """``SentenceTransformer``, ``SparseEncoder`` and ``CrossEncoder``."""

    name: Final = "sentence_transformers"
    framework: Final = "sentence-transformers"
    distributions: Final = ("sentence_transformers", "transformers", "torch", "safetensors")

    def takes(self, model: object) -> bool:
        """Whether it is one of the library's models."""
        return _kind(model) is not None

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """What ``save_pretrained`` writes, with the weights in safetensors."""
        with saving(self.framework):
            model.save_pretrained(str(folder), safe_serialization=True)
        return Saved(
            how={"format": "sentence-transformers", "class": _kind(model)},
            format="safetensors",
            class_name=class_name(model),
            framework_version=installed.version_of("sentence_transformers"),
            roots=self.distributions,
            params=_known(model),
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The model, from the folder alone.

        Raises:
            PolicyRefused: it names modules that are not the library's, or holds pickles.
        """
        if not options.allow_pickle:
            _check_modules(folder / MODULES_FILE)
            _check_pickles(folder)
        kind = how.get("class", "SentenceTransformer")
        if kind not in _CLASSES:
            raise InvalidInput(f"sentence-transformers has no class {str(kind)[:100]!r}")
        library = installed.require("sentence_transformers")
        weights = {} if options.allow_pickle else {"use_safetensors": True}
        own = (installed.require("safetensors").SafetensorError,)
        with loading(self.framework, *own):
            model: object = getattr(library, str(kind))(
                str(folder),
                device=options.device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs=weights,
            )
        return model

    def predict(self, model: Any, data: Any) -> object:
        """The embeddings of texts, or the scores of pairs."""
        given = data.tolist() if hasattr(data, "tolist") else data
        with predicting(self.framework):
            method = getattr(model, _CLASSES[_kind(model) or "SentenceTransformer"])
            return as_arrays(method(given, show_progress_bar=False))


def _kind(model: object) -> str | None:
    """Which of the library's classes it is: its own modules have moved between releases."""
    return next(
        (
            kind.__name__
            for kind in type(model).__mro__
            if kind.__name__ in _CLASSES
            and kind.__module__.partition(".")[0] == "sentence_transformers"
        ),
        None,
    )


def _known(model: Any) -> dict[str, Json]:
    length = getattr(model, "max_seq_length", None)
    return {"max_seq_length": length} if type(length) is int else {}


def _check_modules(path: Path) -> None:
    """Refuse modules that are not the library's: they would be imported to be made."""
    if not path.exists():  # a CrossEncoder has none
        return
    with loading("sentence-transformers"):
        if path.stat().st_size > _LIMIT:
            raise InvalidInput(f"{path.name} is larger than 1 MiB")
        modules = json.loads(path.read_bytes())
        types = [module["type"] for module in modules]
    strange = [
        name
        for name in types
        if not isinstance(name, str) or not name.startswith("sentence_transformers.")
    ]
    consent.require(
        not strange,
        "this model is made of modules that are not of sentence-transformers",
        because=", ".join(map(str, strange[:5]))[:300],
    )


def _check_pickles(folder: Path) -> None:
    found = [path.name for path in folder.rglob("*") if path.suffix.lower() in _PICKLES]
    consent.require(
        not found,
        "this model holds files that may be pickles",
        because=", ".join(sorted(found)[:5])[:300],
    )
