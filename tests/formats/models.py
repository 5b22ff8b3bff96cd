"""Small real model files, each written by the library whose format it is.

Frameworks that are not in the tests' environment have their files made by hand, byte for byte as
they lay them out: PyTorch's archives, SavedModel's protocol buffers, Keras's archives.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def library(name: str) -> Any:
    """A library without types of its own."""
    return import_module(name)


ROWS = np.random.default_rng(7).random((60, 3))
CLASSES = (ROWS[:, 0] > 0.5).astype(int)


def write_models(folder: Path) -> dict[str, Path]:
    """One file of every format, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for write in (
        _write_arrays,
        _write_pickles,
        _write_boosters,
        _write_onnx,
        _write_gguf,
        _write_by_hand,
        _write_texts,
    ):
        write(folder)
    return {path.name: path for path in sorted(folder.iterdir())}


def classifier() -> Any:
    """A small scikit-learn pipeline that was fitted."""
    made = library("sklearn.pipeline").make_pipeline(
        library("sklearn.preprocessing").StandardScaler(),
        library("sklearn.linear_model").LogisticRegression(),
    )
    return made.fit(ROWS, CLASSES)


def forest(trees: int = 5) -> Any:
    """A small forest, whose nodes are arrays of records."""
    ensemble = library("sklearn.ensemble")
    return ensemble.RandomForestClassifier(n_estimators=trees, max_depth=3).fit(ROWS, CLASSES)


def _write_arrays(folder: Path) -> None:
    weights = {
        "layer.weight": np.zeros((4, 3), dtype=np.float32),
        "layer.bias": np.zeros(4, dtype=np.float16),
        "ids": np.arange(5, dtype=np.int64),
    }
    save = library("safetensors.numpy").save_file
    save(weights, folder / "model.safetensors", metadata={"format": "pt", "who": "a test"})
    np.save(folder / "rows.npy", ROWS)
    np.savez(folder / "rows.npz", rows=ROWS, classes=CLASSES)


def _write_pickles(folder: Path) -> None:
    joblib = library("joblib")
    model = classifier()
    (folder / "plain.pkl").write_bytes(pickle.dumps(model))
    (folder / "oldest.pkl").write_bytes(pickle.dumps(model, protocol=0))
    joblib.dump(forest(), folder / "forest.joblib")
    names = np.array(["a", "b", None], dtype=object)
    joblib.dump({"names": names, "model": model}, folder / "objects.joblib")
    for ending in ("gz", "bz2", "xz", "z"):
        joblib.dump(model, folder / f"packed.pkl.{ending}", compress=3)
    joblib.dump(model, folder / "packed.pkl.lzma", compress=("lzma", 3))
    library("skops.io").dump(model, folder / "model.skops")


def _write_boosters(folder: Path) -> None:
    xgboost = library("xgboost")
    names = ["age", "height", "weight"]
    data = xgboost.DMatrix(ROWS, CLASSES, feature_names=names)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 3)
    booster.save_model(folder / "xgboost.json")
    booster.save_model(folder / "xgboost.ubj")
    lightgbm = library("lightgbm")
    rows = lightgbm.Dataset(ROWS, CLASSES, feature_name=names)
    settings = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}
    lightgbm.train(settings, rows, 3).save_model(folder / "lightgbm.txt")
    catboost = library("catboost")
    model = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False)
    model.fit(ROWS, CLASSES).save_model(str(folder / "model.cbm"))


def _write_onnx(folder: Path) -> None:
    onnx = library("onnx")
    make, kinds = onnx.helper, onnx.TensorProto
    weight = onnx.numpy_helper.from_array(np.ones((3, 2), dtype=np.float32), "weight")
    graph = make.make_graph(
        [make.make_node("MatMul", ["x", "weight"], ["y"])],
        "a graph",
        [
            make.make_tensor_value_info("x", kinds.FLOAT, ["batch", 3]),
            make.make_tensor_value_info("weight", kinds.FLOAT, [3, 2]),
        ],
        [make.make_tensor_value_info("y", kinds.FLOAT, ["batch", 2])],
        [weight],
    )
    opsets = [make.make_opsetid("", 18), make.make_opsetid("ai.onnx.ml", 3)]
    model = make.make_model(
        graph, opset_imports=opsets, producer_name="a test", producer_version="1", ir_version=9
    )
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    onnx.save(
        model,
        folder / "external.onnx",
        save_as_external_data=True,
        location="external.onnx.data",
        size_threshold=0,
    )


def _write_gguf(folder: Path) -> None:
    gguf = library("gguf")
    writer = gguf.GGUFWriter(folder / "model.gguf", "llama")
    writer.add_name("A test")
    writer.add_context_length(4096)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"token {number}" for number in range(2000)])
    writer.add_token_scores([0.5] * 2000)
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("output.weight", np.zeros((4, 8), dtype=np.float32))
    quantized = np.zeros((2, 144), dtype=np.uint8)
    writer.add_tensor("blk.0.weight", quantized, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_by_hand(folder: Path) -> None:
    (folder / "state.pt").write_bytes(torch_archive())
    (folder / "script.pt").write_bytes(torch_archive(script=True))
    (folder / "exported.pt2").write_bytes(torch_export())
    (folder / "saved_model.pb").write_bytes(saved_model())
    (folder / "model.keras").write_bytes(keras_archive())
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64) + b"keras_version\x00\x00")


def _write_texts(folder: Path) -> None:
    texts: dict[str, object] = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "torch_dtype": "bfloat16",
            "vocab_size": 32000,
            "max_position_embeddings": 4096,
            "transformers_version": "4.50.0",
            "auto_map": {"AutoModel": "modeling_x.XModel"},
            "quantization_config": {"quant_method": "awq", "bits": 4},
        },
        "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "model_max_length": 4096},
        "tokenizer.json": {"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}},
        "adapter_config.json": {
            "peft_type": "LORA",
            "base_model_name_or_path": "acme/base",
            "r": 8,
            "lora_alpha": 16,
            "target_modules": ["q_proj"],
        },
    }
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "README.md").write_text(CARD)


CARD = """---
license: apache-2.0
language: [en, de]
pipeline_tag: text-classification
library_name: transformers
base_model: acme/base
base_model_relation: finetune
datasets:
  - glue
tags: [fine, "region:us"]
model-index:
  - name: a model
    results:
      - task: {type: text-classification}
        dataset: {name: GLUE, type: glue, split: validation}
        metrics:
          - {type: accuracy, value: 0.91}
          - {type: f1, value: "0.9"}
---
# A model

![a picture](picture.png)

It tells good from bad,
in two languages.
"""


# PyTorch's layout. The classes are named as torch's are, so that pickle writes what torch does.


class _Storage:
    def __init__(self, kind: str, key: str, length: int) -> None:
        self.kind, self.key, self.length = kind, key, length


class _Tensor:
    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...]) -> None:
        self.storage, self.offset, self.shape = storage, offset, shape

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(int(np.prod(self.shape[at + 1 :])) for at in range(len(self.shape)))
        arguments: tuple[Any, ...] = (
            self.storage,
            self.offset,
            self.shape,
            strides,
            False,
            OrderedDict(),
        )
        return _torch("_utils", "_rebuild_tensor_v2"), arguments


def _torch(module: str, name: str) -> Any:
    """Something that pickle takes for a member of torch."""
    parent = f"torch.{module}" if module else "torch"
    made = type(name, (), {"__module__": parent, "__qualname__": name})
    for path in ("torch", parent):
        # Only while this is written; whoever imports torch gets the real one.
        sys.modules.setdefault(path, types.ModuleType(path))
    setattr(sys.modules[parent], name, made)
    return made


class _TorchPickler(pickle.Pickler):
    def persistent_id(self, thing: object) -> object:
        if isinstance(thing, _Storage):
            return "storage", _torch("", thing.kind), thing.key, "cpu", thing.length
        return None


def torch_state() -> bytes:
    """The pickle of a state dict: two tensors in one storage, one of another type."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("torch")}
    for name in before:
        del sys.modules[name]
    shared = _Storage("FloatStorage", "0", 10)
    state = OrderedDict(
        weight=_Tensor(shared, 0, (2, 3)),
        tied=_Tensor(shared, 0, (2, 3)),
        bias=_Tensor(shared, 6, (4,)),
        steps=_Tensor(_Storage("LongStorage", "1", 1), 0, ()),
    )
    stream = io.BytesIO()
    try:
        _TorchPickler(stream, protocol=2).dump(state)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
            del sys.modules[name]
        sys.modules.update(before)
    return stream.getvalue()


def torch_archive(*, script: bool = False) -> bytes:
    """What ``torch.save`` writes for a state dict."""
    members = {
        "data.pkl": torch_state(),
        "byteorder": b"little",
        "data/0": bytes(40),
        "data/1": bytes(8),
        "version": b"3\n",
    }
    if script:
        members["code/__torch__.py"] = b"class M(Module):\n  pass\n"
    return zipped({f"archive/{name}": data for name, data in members.items()})


def torch_export() -> bytes:
    """What ``torch.export.save`` writes."""
    meta = {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 3}], "layout": 7}
    config = {"config": {"l.weight": {"path_name": "weight_0", "tensor_meta": meta}}}
    members = {
        "data/weights/weight_0": bytes(24),
        "data/weights/model_weights_config.json": json.dumps(config).encode(),
        "models/model.json": b"{}",
        "archive_format": b"pt2",
        "archive_version": b"0",
        "byteorder": b"little",
    }
    return zipped({f"exported/{name}": data for name, data in members.items()})


def keras_archive(*layers: str) -> bytes:
    """What ``model.save`` writes, as far as it is looked at."""
    described = [
        {"module": "keras.layers", "class_name": name, "config": {"name": name.lower()}}
        for name in ("Dense", *layers)
    ]
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": described},
        "registered_name": None,
    }
    metadata = {"keras_version": "3.15.1", "date_saved": "2026-01-02@03:04:05"}
    return zipped(
        {
            "metadata.json": json.dumps(metadata).encode(),
            "config.json": json.dumps(config).encode(),
            "model.weights.h5": b"\x89HDF\r\n\x1a\n",
        }
    )


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


# Protocol buffers, written.


def varint(number: int) -> bytes:
    """A number as protocol buffers write it."""
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | str | bytes) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def saved_model() -> bytes:
    """A SavedModel with one signature and two variables."""

    def shape(*lengths: int) -> bytes:
        return b"".join(field(2, field(1, length)) for length in lengths)

    def tensor(name: str, *lengths: int) -> bytes:
        return field(1, name) + field(2, 1) + field(3, shape(*lengths))

    def variable(name: str, *lengths: int) -> bytes:
        saved = field(1, 1) + field(2, shape(*lengths)) + field(3, 1) + field(6, name)
        return field(1, field(7, saved))

    signature = field(1, field(1, "x") + field(2, tensor("serve_x:0", -1, 4)))
    signature += field(2, field(1, "output_0") + field(2, tensor("Call:0", -1, 3)))
    info = field(4, "serve") + field(5, "2.21.0")
    objects = variable("kernel", 4, 3) + variable("bias", 3) + variable("bias", 3)
    graph = field(1, info) + field(2, bytes(200_000))
    graph += field(5, field(1, "serving_default") + field(2, signature)) + field(7, objects)
    return field(1, 1) + field(2, graph)


def safetensors_bytes(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with that header, right or wrong."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data
