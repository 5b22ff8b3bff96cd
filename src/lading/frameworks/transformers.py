"""Hugging Face transformers: models, with their tokenizers and processors, and pipelines.

Always from the folder alone: no network, no code that came with the model, and weights in
safetensors unless the caller allows pickles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput, PolicyRefused
from lading.frameworks import how as words
from lading.frameworks import installed, params
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_arrays
from lading.frameworks.classes import class_name, comes_from, inherits
from lading.frameworks.door import loading, predicting, saving

if TYPE_CHECKING:
    from lading.spec.part import Json

CONFIG_FILE: Final = "config.json"
_CONFIG_LIMIT: Final = 16 * 1024 * 1024
_MODEL: Final = "transformers.modeling_utils.PreTrainedModel"
_PIPELINE: Final = "transformers.pipelines.base.Pipeline"
_KINDS: Final = ("model", "parts", "pipeline")
# What a pipeline is made of beside its model, by the names of its arguments.
_PARTS: Final = ("tokenizer", "processor", "image_processor", "feature_extractor")
# What an object that prepares inputs inherits from, and the argument it is given as.
_PREPARERS: Final = (
    ("tokenizer", "PreTrainedTokenizerBase"),
    ("processor", "ProcessorMixin"),
    ("image_processor", "ImageProcessingMixin"),
    ("feature_extractor", "FeatureExtractionMixin"),
)


class Transformers:
    """A model, a model with what prepares its inputs (a tuple of them), or a pipeline."""

    name: Final = "transformers"
    framework: Final = "transformers"
    distributions: Final = ("transformers", "torch", "safetensors")

    def takes(self, model: object) -> bool:
        """Whether it is a model or a pipeline, or a tuple that begins with a model."""
        if isinstance(model, (tuple, list)):
            return bool(model) and inherits(model[0], _MODEL)
        return inherits(model, _MODEL, _PIPELINE)

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """What ``save_pretrained`` writes, with the weights in safetensors."""
        kind, weights, preparers = _taken_apart(model)
        with saving(self.framework):
            for part in (weights, *preparers.values()):
                part.save_pretrained(str(folder))
            config = weights.config.to_dict()
        how: dict[str, Json] = {"format": "transformers", "kind": kind}
        how["model"] = type(weights).__name__
        how.update({name: type(part).__name__ for name, part in preparers.items()})
        if kind == "pipeline":
            how["task"] = str(model.task)
        foreign = not comes_from_transformers(weights)
        return Saved(
            how=how,
            format="safetensors",
            class_name=class_name(weights),
            framework_version=installed.version_of("transformers"),
            roots=self.distributions,
            notes=(f"loading asks for into={class_name(weights)}",) if foreign else (),
            params=params.plain(config)[0],
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The model, the tuple or the pipeline, as it was."""
        _check_config(folder / CONFIG_FILE)
        kind = words.choice(how, "kind", "model", _KINDS)
        transformers = installed.require("transformers")
        with loading(self.framework, *_own_errors()):
            model = _load_model(transformers, folder, how, options)
            preparers = {
                name: _class(transformers, words.text(how, name, "")).from_pretrained(
                    str(folder), **_LOCAL
                )
                for name in _PARTS
                if name in how
            }
            if kind == "pipeline":
                task = words.text(how, "task", "")
                loaded: object = transformers.pipeline(
                    task, model=model, device=options.device, trust_remote_code=False, **preparers
                )
                return loaded
        return (model, *preparers.values()) if kind == "parts" else model

    def predict(self, model: Any, data: Any) -> object:
        """What a pipeline answers; of a model, its logits or hidden states."""
        torch = installed.require("torch")
        with predicting(self.framework), torch.inference_mode():
            if inherits(model, _PIPELINE):
                return as_arrays(model(data))
            if isinstance(model, tuple):
                model, prepare, *_ = model
                data = prepare(_plain(data), return_tensors="pt", padding=True)
            answer = model(**{name: torch.as_tensor(value) for name, value in data.items()})
            first = getattr(answer, "logits", None)
            return as_arrays(first if first is not None else answer[0])


_LOCAL: Final[dict[str, Any]] = {"local_files_only": True, "trust_remote_code": False}


def comes_from_transformers(model: object) -> bool:
    """Whether the very class is defined in transformers, not only one it inherits from."""
    module = type(model).__module__
    return module.startswith("transformers.") and not module.startswith("transformers_modules")


def _taken_apart(model: Any) -> tuple[str, Any, dict[str, Any]]:
    """What kind of thing it is, its model, and its other parts by name."""
    if inherits(model, _PIPELINE):
        parts = {name: getattr(model, name, None) for name in _PARTS}
        return "pipeline", model.model, {name: part for name, part in parts.items() if part}
    if isinstance(model, (tuple, list)):
        return "parts", model[0], _named(model[1:])
    return "model", model, {}


def _named(preparers: Iterable[object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in preparers:
        bases = {kind.__name__ for kind in type(part).__mro__}
        name = next((name for name, base in _PREPARERS if base in bases), None)
        if name is None or not comes_from(part, "transformers") or name in found:
            raise InvalidInput(
                f"a model is not saved together with a {class_name(part)}",
                hint="(model, tokenizer), (model, processor) or a pipeline",
            )
        found[name] = part
    return found


def _load_model(
    transformers: Any, folder: Path, how: Mapping[str, Json], options: LoadOptions
) -> Any:
    kind = options.into
    if kind is None:
        kind = _class(transformers, words.text(how, "model", _architecture(folder)))
    model = _checked(kind).from_pretrained(
        str(folder), use_safetensors=None if options.allow_pickle else True, **_LOCAL
    )
    return model if options.device is None else model.to(options.device)


def _class(transformers: Any, name: str) -> Any:
    """A class of transformers itself, by its bare name."""
    kind = getattr(transformers, name, None) if name.isidentifier() else None
    if not isinstance(kind, type) or not kind.__module__.startswith("transformers."):
        raise InvalidInput(
            f"the installed transformers has no class {name[:100]!r}",
            hint="into= the model's class, if it is your own",
        )
    return _checked(kind)


def _checked(kind: object) -> Any:
    if not callable(getattr(kind, "from_pretrained", None)):
        raise InvalidInput(f"{kind!r} is no class that loads itself with from_pretrained")
    return kind


def _architecture(folder: Path) -> str:
    """The class that the folder's own configuration names."""
    names = _config(folder / CONFIG_FILE).get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return first if isinstance(first, str) else "AutoModel"


def _check_config(path: Path) -> None:
    """Refuse a configuration that would have code fetched: attention kernels by repository."""
    for name, value in _config(path).items():
        if "attn_implementation" in name and "/" in json.dumps(value):
            raise PolicyRefused(
                "this model asks for code from the network",
                cause=f"{name} in {path.name}: {json.dumps(value)[:200]}",
                hint="remove that field; the attention of transformers itself does as well",
            )


def _config(path: Path) -> dict[str, Any]:
    with loading("transformers"):
        if path.stat().st_size > _CONFIG_LIMIT:
            raise InvalidInput(f"{path.name} is larger than 16 MiB")
        found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise InvalidInput(f"{path.name} is not a JSON object")
    return found


def _plain(data: Any) -> Any:
    """Texts as the list that tokenizers take."""
    return data.tolist() if hasattr(data, "tolist") else data


def _own_errors() -> tuple[type[Exception], ...]:
    return (installed.require("safetensors").SafetensorError,)
