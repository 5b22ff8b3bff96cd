"""ONNX: one file, or weights beside it, and never a file from elsewhere."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks.bait import pickled
from frameworks.fresh import loaded
from onnx import TensorProto, helper, numpy_helper

from lading.errors import InvalidInput, PolicyRefused, Unsupported
from lading.frameworks import onnx as adapter_module
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.onnx import DATA_FILE, MODEL_FILE, Onnx

ADAPTER = Onnx()
X = [[1.0, 2.0], [3.0, 4.0]]


def graph(*more: Any, outputs: int = 1) -> Any:
    weights = numpy_helper.from_array(np.array([10, 20], np.float32), "w")
    shape = [None, 2]
    return helper.make_model(
        helper.make_graph(
            [
                *(helper.make_node("Add", ["x", "w"], [f"y{number}"]) for number in range(outputs)),
                *more,
            ],
            "sum",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info(f"y{number}", TensorProto.FLOAT, shape)
                for number in range(outputs)
            ],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def external(tensor: Any, place: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place


def test_a_graph_answers_in_a_fresh_process(tmp_path: Path) -> None:
    saved = ADAPTER.save(graph(), tmp_path, SaveOptions())

    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FILE]
    answer = loaded("onnx", tmp_path, saved, X)
    assert answer == {"class": "InferenceSession", "answer": [[11.0, 22.0], [13.0, 24.0]]}


def test_bytes_and_paths_are_taken_as_well(tmp_path: Path) -> None:
    path = tmp_path / "given.onnx"
    path.write_bytes(graph().SerializeToString())
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()

    ADAPTER.save(path.read_bytes(), first, SaveOptions())
    ADAPTER.save(path, second, SaveOptions())

    assert ADAPTER.takes(path)
    assert ADAPTER.takes(str(path))
    assert (first / MODEL_FILE).read_bytes() == (second / MODEL_FILE).read_bytes()


def test_large_weights_lie_beside_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "INLINE", 1)
    model = graph()
    values = np.arange(2000, dtype=np.float32)
    model.graph.initializer.append(numpy_helper.from_array(values, "more"))

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert {path.name for path in tmp_path.iterdir()} == {MODEL_FILE, DATA_FILE}
    assert np.array_equal(numpy_helper.to_array(model.graph.initializer[1]), values)
    session = ADAPTER.load(tmp_path, saved.how, LoadOptions())
    assert np.array_equal(ADAPTER.predict(session, X), [[11, 22], [13, 24]])


def test_several_outputs_are_answered_by_name(tmp_path: Path) -> None:
    saved = ADAPTER.save(graph(outputs=2), tmp_path, SaveOptions())

    answer: Any = ADAPTER.predict(ADAPTER.load(tmp_path, saved.how, LoadOptions()), {"x": X})

    assert sorted(answer) == ["y0", "y1"]


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "a/../../secret", "link", ""])
def test_a_graph_cannot_read_files_outside_its_folder(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(8))
    (folder / "link").symlink_to(tmp_path / "secret")
    model = graph()
    external(model.graph.initializer[0], place)
    (folder / MODEL_FILE).write_bytes(model.SerializeToString())

    with pytest.raises((PolicyRefused, Unsupported)):
        ADAPTER.load(folder, {}, LoadOptions(allow_pickle=True))


def test_a_graph_within_a_node_cannot_either(tmp_path: Path) -> None:
    inner = graph()
    external(inner.graph.initializer[0], "../secret")
    model = graph(helper.make_node("If", ["c"], ["z"], then_branch=inner.graph))
    (tmp_path / MODEL_FILE).write_bytes(model.SerializeToString())

    with pytest.raises(PolicyRefused, match="outside the model's folder"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_what_a_function_s_attribute_defaults_to_cannot_either(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones(2, np.float32), "w")
    external(weights, "../secret")
    function = helper.make_function("own", "f", [], ["y"], [], [helper.make_opsetid("", 17)])
    function.attribute_proto.append(helper.make_attribute("value", weights))
    model = graph()
    model.functions.append(function)
    (tmp_path / MODEL_FILE).write_bytes(model.SerializeToString())

    with pytest.raises(PolicyRefused, match="outside the model's folder"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_a_place_said_twice_counts_as_the_runtime_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "near").write_bytes(bytes(8))
    model = graph()
    external(model.graph.initializer[0], "near")
    # In one entry, a second key and value behind the first: a reader takes the last ones.
    honest = b"\x6a\x10\x0a\x08location\x12\x04near"
    twice = b"\x0a\x01x\x12\x04near\x0a\x08location\x12\x0b/etc/passwd"
    tensor = model.graph.initializer[0].SerializeToString()
    assert tensor.count(honest) == 1
    lying = tensor.replace(honest, b"\x6a" + bytes([len(twice)]) + twice)
    model.graph.ClearField("initializer")
    # A message that comes twice is one message: the tensor is in the second one.
    second = b"\x2a" + bytes([len(lying)]) + lying
    raw = model.SerializeToString() + b"\x3a" + bytes([len(second)]) + second
    (folder / MODEL_FILE).write_bytes(raw)

    with pytest.raises(PolicyRefused, match="outside the model's folder"):
        ADAPTER.load(folder, {}, LoadOptions())


def test_a_graph_of_many_numbers_is_looked_through_at_once(tmp_path: Path) -> None:
    many = helper.make_attribute("nodes_values", [0.5] * 3_000_000)
    ids = helper.make_attribute("nodes_ids", list(range(2_000_000)))
    outside = helper.make_attribute("value", numpy_helper.from_array(np.ones(2, np.float32), "w"))
    external(outside.t, "../secret")
    node = helper.make_node("Own", ["x"], ["z"], domain="own")
    node.attribute.extend([many, ids, outside])
    (tmp_path / MODEL_FILE).write_bytes(graph(node).SerializeToString())

    start = time.process_time()
    with pytest.raises(PolicyRefused, match="outside the model's folder"):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("raw", [b"\x3a\x7fshort", b"\x0b", b"\x3a\x02\x0b\x0c"])
def test_what_cannot_be_read_to_its_end_is_not_loaded(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / MODEL_FILE).write_bytes(graph().SerializeToString() + raw)

    with pytest.raises(Unsupported, match="no ONNX file that can be read"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_a_place_that_is_no_text_is_not_loaded(tmp_path: Path) -> None:
    model = graph()
    external(model.graph.initializer[0], "near")
    raw = model.SerializeToString().replace(b"near", b"n\xffar")
    (tmp_path / MODEL_FILE).write_bytes(raw)

    with pytest.raises(Unsupported, match="no text"):
        ADAPTER.load(tmp_path, {}, LoadOptions())


def test_weights_beside_the_graph_are_loaded(tmp_path: Path) -> None:
    model = graph()
    values = bytes(model.graph.initializer[0].raw_data)
    external(model.graph.initializer[0], "near")
    (tmp_path / "near").write_bytes(values)
    (tmp_path / MODEL_FILE).write_bytes(model.SerializeToString())

    answer: Any = ADAPTER.predict(ADAPTER.load(tmp_path, {}, LoadOptions()), {"x": X})

    np.testing.assert_allclose(answer, [[11, 22], [13, 24]])


def test_the_package_onnx_is_only_for_saving(tmp_path: Path) -> None:
    saved = ADAPTER.save(graph(), tmp_path, SaveOptions())
    without = "import sys; sys.modules.update(dict.fromkeys(['onnx', 'ml_dtypes', 'google']))\n"
    code = (
        f"{without}import numpy as np\nfrom pathlib import Path\n"
        "from lading.frameworks.registry import adapter\n"
        "from lading.frameworks.adapter import LoadOptions\n"
        f"it = adapter('onnx', '1.0')\nmodel = it.load(Path({str(tmp_path)!r}), {saved.how!r},"
        " LoadOptions())\nprint(it.predict(model, {'x': np.float32([[1, 2]])}).tolist())"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "[[11.0, 22.0]]\n", done.stderr
    assert saved.roots == ("onnxruntime", "numpy")


def test_weights_that_are_elsewhere_cannot_be_saved(tmp_path: Path) -> None:
    model = graph()
    external(model.graph.initializer[0], "weights.bin")

    with pytest.raises(InvalidInput, match="in other files"):
        ADAPTER.save(model, tmp_path, SaveOptions())

    assert list(tmp_path.iterdir()) == []


def test_a_pickle_under_the_name_of_a_graph_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / MODEL_FILE).write_bytes(pickled(marker))

    with pytest.raises(Unsupported):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()


@pytest.mark.parametrize(
    ("device", "error"), [("tpu", InvalidInput), ("cuda:x", InvalidInput), ("rocm", Unsupported)]
)
def test_a_device_that_is_not_there_is_said_so(
    tmp_path: Path, device: str, error: type[Exception]
) -> None:
    ADAPTER.save(graph(), tmp_path, SaveOptions())

    with pytest.raises(error, match=device.partition(":")[0]):
        ADAPTER.load(tmp_path, {}, LoadOptions(device=device))


def test_an_input_of_another_shape_is_said_so(tmp_path: Path) -> None:
    ADAPTER.save(graph(), tmp_path, SaveOptions())
    session = ADAPTER.load(tmp_path, {}, LoadOptions())

    with pytest.raises(InvalidInput, match="does not answer"):
        ADAPTER.predict(session, [[1.0, 2.0, 3.0]])
