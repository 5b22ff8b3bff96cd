"""The JSON files of a Hugging Face folder: what the model is, its tokenizer, its adapter.

Which file is which follows from its name alone. The model card is read in
:mod:`lading.formats.modelcard`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lading.formats.bounds import JSON_LIMIT, MANY, count, decoded, part, read_object, text
from lading.formats.draft import Draft

if TYPE_CHECKING:
    from lading.ports import Window

# A tokenizer of a million bytes is parsed; of a larger one only the kind is worth the time.
_TOKENIZER: Final = 1024 * 1024
_HEAD: Final = 64 * 1024
_KIND: Final = re.compile(r'"model"\s*:\s*\{\s*"type"\s*:\s*"(\w{1,40})"')
_LENGTHS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
    "n_ctx",
)


def look_at_config(window: Window, draft: Draft) -> None:
    """Fill in what ``config.json`` says.

    Raises:
        Broken: it cannot be read.
    """
    config = _read(window)
    draft.framework = "transformers"
    draft.framework_version = text(config.get("transformers_version"))
    draft.architecture = _first_text(config.get("architectures")) or text(config.get("model_type"))
    inner = part(config, "text_config") or {}
    draft.context_length = _first_count(config, inner)
    draft.quantization = text(part(config, "quantization_config", "quant_method"))
    draft.tell(
        model_type=config.get("model_type"),
        torch_dtype=_dtype(config) or _dtype(inner),
        vocab_size=count(config.get("vocab_size")) or count(part(inner, "vocab_size")),
        hidden_size=count(config.get("hidden_size")) or count(part(inner, "hidden_size")),
        num_hidden_layers=count(config.get("num_hidden_layers"))
        or count(part(inner, "num_hidden_layers")),
        quantization_config=config.get("quantization_config"),
        custom_code=_custom_code(config),
    )


def look_at_diffusers(window: Window, draft: Draft) -> None:
    """Fill in what ``model_index.json``, or a part's ``config.json``, of a diffuser says.

    Raises:
        Broken: it cannot be read.
    """
    config = _read(window)
    draft.framework = "diffusers"
    draft.framework_version = text(config.get("_diffusers_version"))
    draft.architecture = text(config.get("_class_name"))


def look_at_sentence_transformers(window: Window, draft: Draft) -> None:
    """Fill in what ``config_sentence_transformers.json`` says.

    Raises:
        Broken: it cannot be read.
    """
    config = _read(window)
    draft.framework = "sentence-transformers"
    draft.framework_version = text(part(config, "__version__", "sentence_transformers"))
    draft.tell(versions=config.get("__version__"), similarity=config.get("similarity_fn_name"))


def look_at_tokenizer_config(window: Window, draft: Draft) -> None:
    """Fill in what ``tokenizer_config.json`` says.

    Raises:
        Broken: it cannot be read.
    """
    config = _read(window)
    draft.tell(
        tokenizer_class=config.get("tokenizer_class"),
        model_max_length=count(config.get("model_max_length")),
        chat_template=bool(config.get("chat_template")) or None,
        custom_code=_custom_code(config),
    )


def look_at_tokenizer(window: Window, draft: Draft) -> None:
    """Fill in what ``tokenizer.json`` says, if that is cheap.

    Raises:
        Broken: it cannot be read.
    """
    if window.size > _TOKENIZER:
        match = _KIND.search(decoded(window.read_at(0, _HEAD), _HEAD))
        draft.tell(tokenizer=match[1] if match else None)
        draft.note("It is large: the vocabulary was not counted.")
        return
    config = _read(window)
    vocabulary = part(config, "model", "vocab")
    size = len(vocabulary) if isinstance(vocabulary, (dict, list)) else None
    draft.tell(tokenizer=part(config, "model", "type"), vocab_size=size)


def look_at_adapter(window: Window, draft: Draft) -> None:
    """Fill in what ``adapter_config.json`` says; the base model stands in the details.

    Raises:
        Broken: it cannot be read.
    """
    config = _read(window)
    draft.framework = "peft"
    draft.framework_version = text(config.get("peft_version"))
    draft.tell(
        peft_type=config.get("peft_type"),
        base_model=config.get("base_model_name_or_path"),
        revision=config.get("revision"),
        task_type=config.get("task_type"),
        rank=count(config.get("r")),
        alpha=config.get("lora_alpha"),
        target_modules=config.get("target_modules"),
        custom_code=_custom_code(config),
    )


def _read(window: Window) -> dict[str, Any]:
    return read_object(window.read_at(0, JSON_LIMIT + 1))


def _dtype(config: object) -> str | None:
    return text(part(config, "dtype")) or text(part(config, "torch_dtype"))


def _first_text(value: object) -> str | None:
    return text(value[0]) if isinstance(value, list) and value else None


def _first_count(*configs: object) -> int | None:
    found = (count(part(config, name)) for config in configs for name in _LENGTHS)
    return next((length for length in found if length), None)


def _custom_code(config: dict[str, Any]) -> list[str]:
    """What would be run of the folder's own code, if somebody trusted it."""
    named = config.get("auto_map")
    if not isinstance(named, dict):
        return []
    places: list[object] = []
    for value in named.values():
        places += value if isinstance(value, list) else [value]
    return sorted({place for place in map(text, places) if place})[:MANY]
