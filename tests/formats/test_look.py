"""What is told of a file is what its own library says of it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from formats.models import (
    ROWS,
    field,
    forest,
    keras_archive,
    library,
    torch_archive,
    zipped,
)

from lading.formats import gguf, onnx
from lading.formats.look import Look, look
from lading.formats.window import BytesWindow, FileWindow


def see(path: Path) -> Look:
    with FileWindow(path) as window:
        found = look(path.name, window)
    assert found is not None
    return found


def see_bytes(name: str, data: bytes) -> Look:
    found = look(name, BytesWindow(data))
    assert found is not None
    return found


FORMATS = {
    "adapter_config.json": "peft-adapter",
    "config.json": "huggingface-config",
    "exported.pt2": "torch-export",
    "external.onnx": "onnx",
    "forest.joblib": "joblib",
    "lightgbm.txt": "lightgbm",
    "model.cbm": "catboost",
    "model.gguf": "gguf",
    "model.h5": "hdf5",
    "model.keras": "keras",
    "model.onnx": "onnx",
    "model.safetensors": "safetensors",
    "model.skops": "skops",
    "objects.joblib": "joblib",
    "oldest.pkl": "pickle",
    "packed.pkl.bz2": "joblib",
    "packed.pkl.gz": "joblib",
    "packed.pkl.lzma": "joblib",
    "packed.pkl.xz": "joblib",
    "packed.pkl.z": "joblib",
    "plain.pkl": "pickle",
    "rows.npy": "numpy",
    "rows.npz": "numpy",
    "saved_model.pb": "tensorflow",
    "script.pt": "torchscript",
    "state.pt": "pytorch",
    "tokenizer.json": "huggingface-tokenizer",
    "tokenizer_config.json": "huggingface-tokenizer-config",
    "xgboost.json": "xgboost-json",
    "xgboost.ubj": "xgboost-ubj",
}


def test_every_real_file_is_known_and_leaves_no_note(models: dict[str, Path]) -> None:
    found = {}
    for name in FORMATS:
        facts = see(models[name]).facts
        found[name] = facts.format
        assert not facts.notes or facts.format == "hdf5", facts

    assert found == FORMATS


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_real_file_cut_short_anywhere_is_survived(models: dict[str, Path], name: str) -> None:
    raw = models[name].read_bytes()

    for end in {*range(0, min(len(raw), 400), 7), *range(0, len(raw), max(1, len(raw) // 60))}:
        found = look(name, BytesWindow(raw[:end]))

        assert found is None or found.facts.path == name


def test_what_begins_like_a_format_counts_more_than_its_name(models: dict[str, Path]) -> None:
    found = see_bytes("model.onnx", models["model.gguf"].read_bytes())

    assert found.facts.format == "gguf"


@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf", "x.keras", "x.npy", "x.skops"])
def test_a_file_that_is_not_what_its_name_promises_leaves_a_note(name: str) -> None:
    assert "does not begin" in see_bytes(name, b"nothing of the kind").facts.notes[0]
    assert "empty" in see_bytes(name, b"").facts.notes[0]
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    assert "Git LFS" in see_bytes(name, pointer).facts.notes[0]


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.bin", "model", "a.zip", "a.csv"])
def test_a_file_of_no_known_format_is_nothing(name: str) -> None:
    for data in (b"", b"a,b\n1,2\n", b'{"a": 1}', b"[1]", zipped({"a.txt": b"a"})):
        assert look(name, BytesWindow(data)) is None


def test_gguf_tells_what_its_writer_was_told(models: dict[str, Path]) -> None:
    reader = library("gguf").GGUFReader(models["model.gguf"])

    facts = see(models["model.gguf"]).facts

    assert facts.architecture == "llama"
    assert (facts.quantization, facts.context_length) == ("Q4_K_M", 4096)
    assert facts.tensors == len(reader.tensors)
    assert facts.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)
    assert facts.dtypes == {"float32": 32, "q4_k": 512}
    assert facts.details["tokenizer"] == "gpt2"
    assert facts.details["vocab_size"] == 2000
    assert facts.details["chat_template"] is True


def test_gguf_types_are_called_as_the_library_calls_them() -> None:
    constants = library("gguf.constants")
    plain = {"f16": "float16", "f32": "float32", "f64": "float64", "bf16": "bfloat16"}
    plain |= {f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)}

    types = {each.value: each.name.lower() for each in constants.GGMLQuantizationType}
    files = {each.value: each.name.removeprefix("MOSTLY_") for each in constants.LlamaFileType}

    assert {n: plain.get(name, name) for n, name in types.items()} == gguf.TENSOR_TYPES
    no_quantization = ("ALL_F32", "F16", "BF16", "GUESSED")
    assert {n: name for n, name in files.items() if name not in no_quantization} == gguf.FILE_TYPES


def test_onnx_tells_what_the_library_says(models: dict[str, Path]) -> None:
    real = library("onnx").load(models["model.onnx"])

    found = see(models["model.onnx"])

    assert found.facts.opset == next(o.version for o in real.opset_import if not o.domain)
    assert found.facts.producer == f"{real.producer_name} {real.producer_version}"
    assert found.facts.details["ir_version"] == real.ir_version
    assert found.facts.parameters == 6
    assert found.signature is not None
    # The weight is among the graph's inputs, too.
    assert [(t.name, t.dtype, t.shape) for t in found.signature.inputs] == [  # type: ignore[union-attr]  # tensors all
        ("x", "float32", (-1, 3))
    ]
    assert [t.name for t in found.signature.outputs] == ["y"]


def test_onnx_names_the_files_that_hold_its_weights(models: dict[str, Path]) -> None:
    facts = see(models["external.onnx"]).facts

    assert facts.details["external_data"] == ["external.onnx.data"]
    assert facts.parameters == 6


def test_onnx_types_are_called_as_the_library_calls_them() -> None:
    names = {number: name.lower() for name, number in library("onnx").TensorProto.DataType.items()}
    plain = {"float": "float32", "double": "float64"}
    del names[0]

    assert {number: plain.get(name, name) for number, name in names.items()} == onnx.DATA_TYPES


def test_an_onnx_output_that_is_no_tensor_is_left_out_of_the_signature() -> None:
    helper, kinds = library("onnx").helper, library("onnx").TensorProto
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(kinds.FLOAT, [1]))
    graph = helper.make_graph([], "g", [], [helper.make_value_info("probabilities", sequence)])

    found = see_bytes("m.onnx", helper.make_model(graph).SerializeToString())

    assert found.signature is not None
    assert found.signature.outputs == ()
    assert "probabilities" in found.facts.notes[0]


def test_a_saved_model_tells_its_version_signature_and_variables(models: dict[str, Path]) -> None:
    found = see(models["saved_model.pb"])

    assert (found.framework, found.framework_version) == ("tensorflow", "2.21.0")
    assert found.facts.details == {"tags": ["serve"], "signatures": ["serving_default"]}
    assert found.facts.parameters == 15
    assert found.signature is not None
    assert found.signature.as_json() == {
        "inputs": [{"kind": "tensor", "name": "x", "dtype": "float32", "shape": [-1, 4]}],
        "outputs": [{"kind": "tensor", "name": "output_0", "dtype": "float32", "shape": [-1, 3]}],
    }


def test_keras_tells_its_version_and_whether_it_holds_code(models: dict[str, Path]) -> None:
    plain = see(models["model.keras"])
    coded = see_bytes("m.keras", keras_archive("Lambda"))

    assert (plain.framework, plain.framework_version) == ("keras", "3.15.1")
    assert plain.facts.architecture == "Sequential"
    assert plain.facts.details["lambda_layers"] is False
    assert coded.facts.details["lambda_layers"] is True


def sklearn_version() -> str:
    return str(library("sklearn").__version__)


@pytest.mark.parametrize(
    "name",
    [name for name in FORMATS if name.startswith(("plain", "oldest", "packed"))],
)
def test_a_pickle_tells_its_class_and_the_version_that_wrote_it(
    models: dict[str, Path], name: str
) -> None:
    found = see(models[name])

    assert (found.framework, found.framework_version) == ("scikit-learn", sklearn_version())
    assert found.facts.architecture == "Pipeline"
    assert found.facts.details["steps"] == ["StandardScaler", "LogisticRegression"]
    assert "sklearn" in found.modules


def test_arrays_in_the_middle_of_joblibs_files_do_not_lead_astray(
    models: dict[str, Path],
) -> None:
    trees = see(models["forest.joblib"])
    objects = see(models["objects.joblib"])

    assert trees.facts.architecture == "RandomForestClassifier"
    assert trees.framework_version == objects.framework_version == sklearn_version()
    assert objects.framework == "scikit-learn"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle_is_followed(protocol: int) -> None:
    found = see_bytes("model.pkl", pickle.dumps(forest(), protocol))

    assert found.facts.architecture == "RandomForestClassifier"
    assert found.framework_version == sklearn_version()
    assert not found.facts.notes


@pytest.mark.parametrize("library_name", ["xgboost", "lightgbm", "catboost"])
def test_a_pickled_booster_is_known_by_its_module(library_name: str) -> None:
    classes = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoost"}
    model = getattr(library(library_name), classes[library_name])()

    found = see_bytes("model.pkl", pickle.dumps(model))

    assert found.framework == library_name
    assert library_name in found.modules


def test_looking_at_a_pickle_runs_nothing(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return Path.touch, (tmp_path / "was-here",)

    raw = pickle.dumps(Evil())

    found = see_bytes("model.pkl", raw)

    assert not (tmp_path / "was-here").exists()
    assert "pathlib" in found.modules
    pickle.loads(raw)
    assert (tmp_path / "was-here").exists()


def test_what_python_cannot_decompress_is_said() -> None:
    found = see_bytes("model.joblib", b"\x04\x22\x4d\x18" + bytes(40))

    assert "lz4" in found.facts.notes[0]


def test_skops_tells_its_classes(models: dict[str, Path]) -> None:
    found = see(models["model.skops"])
    types = library("skops.io").get_untrusted_types(file=models["model.skops"])

    assert found.facts.architecture == "Pipeline"
    assert (found.framework, found.framework_version) == ("scikit-learn", sklearn_version())
    assert found.facts.producer == f"skops {library('skops').__version__}"
    assert set(types) <= set(found.facts.details["classes"])  # type: ignore[arg-type]  # a list


def test_a_state_dict_counts_each_place_in_a_storage_once(models: dict[str, Path]) -> None:
    facts = see(models["state.pt"]).facts

    assert facts.tensors == 3
    assert facts.dtypes == {"float32": 10, "int64": 1}
    assert facts.details["byteorder"] == "little"
    assert see(models["state.pt"]).framework == "pytorch"


def test_torchscript_and_exports_are_told_apart(models: dict[str, Path]) -> None:
    assert see(models["script.pt"]).facts.parameters == 11
    assert see(models["exported.pt2"]).facts.dtypes == {"float32": 6}
    assert see_bytes("pytorch_model.bin", torch_archive()).facts.format == "pytorch"


@pytest.mark.parametrize("name", ["xgboost.json", "xgboost.ubj"])
def test_xgboost_tells_what_the_booster_says(models: dict[str, Path], name: str) -> None:
    booster = library("xgboost").Booster(model_file=models[name])

    found = see(models[name])

    details = found.facts.details
    assert found.framework_version == library("xgboost").__version__
    assert details["feature_names"] == booster.feature_names
    assert details["num_feature"] == booster.num_features()
    assert details["num_trees"] == booster.num_boosted_rounds()
    assert details["objective"] == "binary:logistic"


def test_a_large_xgboost_model_is_read_at_both_ends(models: dict[str, Path]) -> None:
    value = json.loads(models["xgboost.json"].read_bytes())
    trees = value["learner"]["gradient_booster"]["model"]["trees"]
    value["learner"]["gradient_booster"]["model"]["trees"] = trees * 1500
    raw = json.dumps(value, separators=(",", ":")).encode()
    small = see(models["xgboost.json"]).facts

    large = see_bytes("xgboost.json", raw).facts

    assert len(raw) > 2 * 1024 * 1024
    assert large.details == small.details
    assert large.framework_version == small.framework_version
    assert "large" in large.notes[0]


def test_lightgbm_tells_what_the_booster_says(models: dict[str, Path]) -> None:
    booster = library("lightgbm").Booster(model_file=models["lightgbm.txt"])

    details = see(models["lightgbm.txt"]).facts.details

    assert details["feature_names"] == booster.feature_name()
    assert details["num_feature"] == booster.num_feature()
    assert details["num_trees"] == booster.num_trees()
    assert details["objective"] == "binary"


def test_catboost_tells_what_the_model_says(models: dict[str, Path]) -> None:
    model = library("catboost").CatBoost()
    model.load_model(str(models["model.cbm"]))
    notes = model.get_metadata()

    found = see(models["model.cbm"])

    assert found.framework_version == library("catboost").__version__
    assert found.facts.details["guid"] == notes["model_guid"]
    assert found.facts.details["objective"] == json.loads(notes["params"])["loss_function"]["type"]


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", "u1", "?", "c16", "U3", "O", "f4,i4"])
def test_an_array_tells_its_type_and_shape(tmp_path: Path, dtype: str) -> None:
    array = np.zeros((2, 0, 3) if dtype == "U3" else (2, 3), dtype=dtype)
    np.save(tmp_path / "a.npy", array)

    facts = see(tmp_path / "a.npy").facts

    assert facts.details["shape"] == list(array.shape)
    if array.dtype.kind in "fiub":
        assert facts.dtypes == {array.dtype.name: array.size}


def test_an_archive_of_arrays_tells_each(models: dict[str, Path]) -> None:
    facts = see(models["rows.npz"]).facts

    assert facts.details["arrays"] == {
        "rows": {"dtype": "float64", "shape": list(ROWS.shape)},
        "classes": {"dtype": "int64", "shape": [len(ROWS)]},
    }


def test_a_configuration_tells_of_code_that_comes_with_it(models: dict[str, Path]) -> None:
    found = see(models["config.json"])

    assert (found.framework, found.framework_version) == ("transformers", "4.50.0")
    assert found.facts.architecture == "LlamaForCausalLM"
    assert (found.facts.quantization, found.facts.context_length) == ("awq", 4096)
    assert found.facts.details["custom_code"] == ["modeling_x.XModel"]


def test_the_inner_configuration_of_a_model_for_pictures_counts() -> None:
    config = {
        "architectures": ["X"],
        "text_config": {"max_position_embeddings": 99, "vocab_size": 7, "dtype": "float16"},
    }

    facts = see_bytes("config.json", json.dumps(config).encode()).facts

    assert facts.context_length == 99
    assert facts.details["vocab_size"] == 7
    assert facts.details["torch_dtype"] == "float16"


def test_texts_of_a_header_can_always_be_written_again() -> None:
    config = {"architectures": ["\ud800" * 2000], "model_type": "\x00"}

    found = see_bytes("config.json", json.dumps(config).encode())

    assert found.facts.architecture is not None
    assert len(found.facts.architecture) == 512
    json.dumps(found.facts.as_json(), ensure_ascii=False).encode()


def test_a_message_within_its_bounds_is_read_and_one_beyond_is_noted() -> None:
    fine = field(1, 9) + field(2, "somebody")

    assert see_bytes("m.onnx", fine).facts.producer == "somebody"
    assert see_bytes("m.onnx", fine + b"\x12\xff\x01abc").facts.notes


def test_a_pickle_that_breaks_off_still_tells_what_it_began_with(models: dict[str, Path]) -> None:
    raw = models["plain.pkl"].read_bytes()

    found = see_bytes("model.pkl", raw[:-20])

    assert found.facts.architecture == "Pipeline"
    assert "ends" in found.facts.notes[0]


def test_a_long_schema_of_skops_is_read_as_it_streams_by(tmp_path: Path) -> None:
    library("skops.io").dump(forest(60), tmp_path / "forest.skops")

    found = see(tmp_path / "forest.skops")

    assert found.facts.architecture == "RandomForestClassifier"
    assert found.framework_version == sklearn_version()
    assert "sklearn.tree._classes.DecisionTreeClassifier" in found.facts.details["classes"]  # type: ignore[operator]  # a list
    assert not found.facts.notes
