"""What a file is for and which format it has, as far as its name tells. Nothing is opened."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

Role = Literal["weights", "config", "code", "doc", "dataset"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

# From this size on a file has a layer of its own, and is taken for weights if nothing tells.
LARGE: Final = 4 * 1024 * 1024

# Names that say more than their endings do: ModelPack's documentation, vocabularies that end like
# weights, TensorFlow's checkpoints and the split weights of ONNX.
_NAMES: Final[tuple[tuple[re.Pattern[str], Role], ...]] = (
    (
        re.compile(
            r"(readme|licen[cs]e|notice|copying|authors|changelog|citation|use_policy|model_?card)"
            r"([._-].*)?"
        ),
        "doc",
    ),
    (re.compile(r".*(tokenizer|spiece|sentencepiece|bpe).*\.model(\.v\d+)?"), "config"),
    (re.compile(r"(dockerfile|makefile)(\..*)?"), "code"),
    (re.compile(r".*\.data-\d+-of-\d+"), "weights"),
    (re.compile(r".*\.onnx[._]data(_\d+)?"), "weights"),
)

# Ending and format; "" where an ending has many.
_WEIGHTS: Final = {
    "bin": "",
    "bst": "xgboost",
    "cbm": "catboost",
    "ckpt": "",
    "engine": "tensorrt",
    "ftz": "fasttext",
    "ggml": "ggml",
    "gguf": "gguf",
    "h5": "hdf5",
    "hdf5": "hdf5",
    "index": "",
    "joblib": "joblib",
    "keras": "keras",
    "lgb": "lightgbm",
    "llamafile": "llamafile",
    "mlmodel": "coreml",
    "mnn": "mnn",
    "model": "",
    "msgpack": "msgpack",
    "nemo": "nemo",
    "npy": "numpy",
    "npz": "numpy",
    "onnx": "onnx",
    "ort": "onnxruntime",
    "pb": "tensorflow",
    "pdiparams": "paddle",
    "pdmodel": "paddle",
    "pdparams": "paddle",
    "pickle": "pickle",
    "pkl": "pickle",
    "plan": "tensorrt",
    "pt": "pytorch",
    "pt2": "pytorch",
    "pte": "executorch",
    "pth": "pytorch",
    "ptl": "pytorch",
    "safetensors": "safetensors",
    "skops": "skops",
    "tflite": "tflite",
    "trt": "tensorrt",
    "ubj": "xgboost",
    "weights": "",
    "xgb": "xgboost",
}
_DATASET: Final = {
    "arrow": "arrow",
    "avro": "avro",
    "csv": "csv",
    "feather": "arrow",
    "flac": "flac",
    "jsonl": "jsonl",
    "lance": "lance",
    "mp3": "mp3",
    "mp4": "mp4",
    "ndjson": "jsonl",
    "orc": "orc",
    "parquet": "parquet",
    "tfrecord": "tfrecord",
    "tsv": "csv",
    "wav": "wav",
}
_FORMATS: Final = _WEIGHTS | _DATASET

_CONFIG: Final = (
    "cfg conf config env ini j2 jinja jinja2 json json5 lock merges properties spm tiktoken toml "
    "txt vocab xml yaml yml"
)
_CODE: Final = (
    "bash c cc cpp cu cuh go h hpp ipynb java jl js kt lua mjs patch proto ps1 py pyi pyx r rs "
    "scala sh sql swift ts zsh"
)
_DOC: Final = "adoc bib gif htm html jpeg jpg markdown md pdf png rst svg tex webp"

_ENDINGS: Final[dict[str, Role]] = {
    **dict.fromkeys(_WEIGHTS, "weights"),
    **dict.fromkeys(_DATASET, "dataset"),
    **dict.fromkeys(_CONFIG.split(), "config"),
    **dict.fromkeys(_CODE.split(), "code"),
    **dict.fromkeys(_DOC.split(), "doc"),
}


def role_of(path: str, size: int) -> Role:
    """What a file is for; by its size where its name does not tell."""
    name = path.rpartition("/")[2].lower()
    for pattern, role in _NAMES:
        if pattern.fullmatch(name):
            return role
    return _ENDINGS.get(_ending(name)) or ("weights" if size >= LARGE else "config")


def format_of(path: str) -> str | None:
    """The name of a format of weights or data, where the file's name tells."""
    name = path.rpartition("/")[2].lower()
    if ".onnx" in name and role_of(name, 0) == "weights":
        return "onnx"
    if name.startswith("pytorch_model") and _ending(name) == "bin":
        return "pytorch"
    return _FORMATS.get(_ending(name)) or None


def _ending(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""
