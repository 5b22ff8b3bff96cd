"""ONNX: one file, or weights beside it, and never a file from elsewhere."""

from __future__ import annotations

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
