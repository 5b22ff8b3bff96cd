"""Two versions are compared where they lie, and little of them is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operations.sealed import publish, small
from packing.trees import make
from parts.double import Double
from parts.registry import DockerRegistry
from safetensors.numpy import save_file

from lading.errors import NotFound
from lading.operations.comparing import differences
from lading.operations.diff import DiffResult, diff
from lading.operations.push import push
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.document import Document
from lading.spec.manifest import Manifest
from lading.stores.layout import LayoutStore

MIB = 1024 * 1024
Pair = Callable[[dict[str, Any], dict[str, Any]], DiffResult]


@pytest.fixture
def pair(tmp_path: Path, settings: Settings) -> Pair:
    """The difference of two versions of one folder whose documents say different things."""

    def compared(before: dict[str, Any], after: dict[str, Any]) -> DiffResult:
        folder = small(tmp_path / "m")
        publish(folder, "ml/fraud:1.0.0", settings, **before)
        publish(folder, "ml/fraud:1.1.0", settings, **after)
        return diff("ml/fraud:1.0.0", "ml/fraud:1.1.0", settings=settings)

    return compared


def statuses(changes: Any) -> dict[str, str]:
    return {getattr(change, "name", None) or change.path: change.status for change in changes}


# What documents say


def test_a_metric_is_better_or_worse_where_it_is_known_what_is_good(pair: Pair) -> None:
    result = pair(
        {
            "metrics": [
                {"name": "auc", "value": 0.5, "split": "test", "higher_is_better": True},
                {"name": "loss", "value": 2.0, "higher_is_better": False},
                {"name": "latency", "value": 3.0},
                {"name": "recall", "value": 0.7},
                {"name": "gone", "value": 1.0},
            ]
        },
        {
            "metrics": [
                {"name": "auc", "value": 0.75, "split": "test"},
                {"name": "loss", "value": 2.5, "higher_is_better": False},
                {"name": "latency", "value": 4.0},
                {"name": "recall", "value": 0.7},
                {"name": "new", "value": 1.0},
            ]
        },
    )

    assert statuses(result.metrics) == {
        "auc@test": "better",
        "loss": "worse",
        "latency": "changed",
        "recall": "same",
        "gone": "removed",
        "new": "added",
    }
    (auc,) = (change for change in result.metrics if change.name == "auc@test")
    assert (auc.before, auc.after, auc.delta) == (0.5, 0.75, 0.25)


def test_metrics_of_other_data_are_other_metrics_and_the_last_step_counts(pair: Pair) -> None:
    result = pair(
        {
            "metrics": [
                {"name": "auc", "value": 0.1, "step": 1},
                {"name": "auc", "value": 0.5, "step": 2},
                {"name": "auc", "value": 0.3, "dataset": "holdout"},
                {"name": "auc", "value": 0.2, "group": "women"},
            ]
        },
        {"metrics": [{"name": "auc", "value": 0.5}]},
    )

    assert statuses(result.metrics) == {
        "auc": "same",
        "auc on holdout": "removed",
        "auc of women": "removed",
    }


def test_parameters_are_compared_as_json_values(pair: Pair) -> None:
    result = pair(
        {"params": {"lr": 0.1, "depth": 1, "flag": 1, "nested": {"a": [1.0]}, "old": "x"}},
        {"params": {"lr": 0.2, "depth": 1.0, "flag": True, "nested": {"a": [1]}, "new": None}},
    )

    assert statuses(result.params) == {
        "lr": "changed",
        "depth": "same",
        "flag": "changed",
        "nested": "same",
        "old": "removed",
        "new": "same",
    }


def test_packages_are_compared_by_the_names_that_indexes_give_them(pair: Pair) -> None:
    before = ["Scikit_Learn==1.4.0", "numpy==2.1.0", "old==1", "tool @ https://example.com/t.whl"]
    after = ["scikit-learn==1.5.0", "numpy==2.1.0", "new==1", "extra[all]==2; os_name == 'nt'"]

    result = pair(
        {"environment": {"requirements": before, "python": {"version": "3.11.7"}}},
        {
            "environment": {
                "requirements": after,
                "direct": ["scikit-learn"],
                "python": {"version": "3.12.1"},
            }
        },
    )

    found = {change.name: (change.before, change.after) for change in result.packages}
    assert found == {
        "scikit-learn": ("1.4.0", "1.5.0"),
        "numpy": ("2.1.0", "2.1.0"),
        "old": ("1", None),
        "new": (None, "1"),
        "tool": ("@ https://example.com/t.whl", None),
        "extra": (None, "2; os_name == 'nt'"),
    }
    assert [change.name for change in result.packages if change.direct] == ["scikit-learn"]
    assert statuses(result.environment) == {"python": "changed"}


def test_lineage_and_facts_and_words_are_compared(pair: Pair) -> None:
    digest = "sha256:" + "a" * 64
    result = pair(
        {
            "licenses": ["MIT"],
            "tags": {"team": "risk"},
            "facts": {"parameters": 100, "precision": "float32", "dtypes": {"float32": 100}},
            "lineage": {
                "parents": [{"reference": "ml/base:1.0.0", "digest": digest}],
                "datasets": [{"name": "rows", "split": "train", "digest": "md5:1"}],
                "code": {"repository": "https://example.com/x", "commit": "1" * 40},
                "runs": [{"tracker": "mlflow", "id": "1"}, {"tracker": "mlflow", "id": "2"}],
            },
        },
        {
            "licenses": ["Apache-2.0"],
            "tags": {"team": "risk"},
            "facts": {"parameters": 100, "precision": "bfloat16", "dtypes": {"bfloat16": 100}},
            "lineage": {
                "parents": [{"reference": "ml/base:1.0.0", "digest": digest}],
                "datasets": [{"name": "rows", "split": "train", "digest": "md5:2"}],
                "code": {"repository": "https://example.com/x", "commit": "2" * 40},
                "runs": [{"tracker": "mlflow", "id": "1"}],
            },
        },
    )

    assert statuses(result.about) == {"licence": "changed", "tag team": "same"}
    assert statuses(result.facts) == {
        "parameters": "same",
        "precision": "changed",
        "parameters in float32": "removed",
        "parameters in bfloat16": "added",
    }
    assert statuses(result.lineage) == {
        "parent ml/base:1.0.0": "same",
        "dataset rows (train)": "changed",
        "code repository": "same",
        "code commit": "changed",
        "run mlflow": "same",
        "run mlflow 2": "removed",
    }


def test_a_schema_that_breaks_callers_says_so(pair: Pair) -> None:
    old = {"kind": "column", "name": "age", "dtype": "int64"}
    result = pair(
        {"signature": {"inputs": [old]}},
        {"signature": {"inputs": [old, {"kind": "column", "name": "town", "dtype": "string"}]}},
    )

    assert result.signature.breaking
    assert any("town" in change.where for change in result.signature.changes)


def test_versions_of_the_same_content_are_equal_whatever_they_are_called(pair: Pair) -> None:
    result = pair({"params": {"lr": 1}}, {"params": {"lr": 1}})

    assert result.a.digest != result.b.digest
    assert result.equal
    assert result.fetch.layers == 0


# Files


def test_files_and_what_is_fetched_are_told(model: Path, place: str, settings: Settings) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    (model / "config.json").write_text('{"hidden": 9}')
    (model / "README.md").unlink()
    (model / "new.txt").write_text("new")
    second = push(model, f"{place}:1.1.0", settings=settings)

    result = diff(f"{place}:1.0.0", f"{place}:1.1.0", settings=settings)

    found = statuses(result.files)
    assert {path for path in found if found[path] != "same"} == {
        "config.json",
        "README.md",
        "new.txt",
    }
    assert found["README.md"] == "removed"
    assert (found["new.txt"], found["config.json"]) == ("added", "changed")
    assert (result.fetch.layers, result.fetch.shared) == (1, 4)
    assert 0 < result.fetch.bytes < MIB
    assert result.b.digest == second.digest
    assert not result.equal


def test_two_places_are_compared(
    model: Path, registry: DockerRegistry, repository: str, settings: Settings, tmp_path: Path
) -> None:
    push(model, f"{registry.host}/{repository}:1.0.0", settings=settings)
    push(model, f"oci:{tmp_path / 'stick'}:1.0.0", settings=settings)

    result = diff(
        f"{registry.host}/{repository}:1.0.0", f"oci:{tmp_path / 'stick'}:1.0.0", settings=settings
    )

    assert result.equal


def test_a_modelpack_artifact_is_compared_with_a_version(
    tmp_path: Path, settings: Settings
) -> None:
    weights = os.urandom(5 * MIB)
    model = make(tmp_path / "m", {"weights.bin": weights, "words.txt": b"one"})
    push(model, "ml/fraud:1.0.0", settings=settings)
    store = LayoutStore(tmp_path / "pack")
    layers = []
    for name, raw in (("weights.bin", weights), ("words.txt", b"two")):
        kind = "application/vnd.cncf.model.weight.v1.raw"
        layer = Descriptor.of(raw, kind).with_annotations({mediatypes.FILEPATH: name})
        store.push(layer, BytesContent(raw))
        layers.append(layer)
    config = Descriptor.of(b"{}", mediatypes.MODELPACK_CONFIG)
    store.push(config, BytesContent(b"{}"))
    manifest = Manifest.build(config, tuple(layers), artifact_type=mediatypes.MODELPACK)
    store.push(manifest.descriptor, BytesContent(manifest.raw), "1.0.0")

    result = diff("ml/fraud:1.0.0", f"oci:{tmp_path / 'pack'}:1.0.0", settings=settings)

    # The version knows its large file by the layer, the artifact by the bytes alone.
    assert statuses(result.files) == {"weights.bin": "unknown", "words.txt": "changed"}
    assert result.fetch.layers == 2


def test_a_version_that_is_not_there_is_not_found(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(NotFound):
        diff("ml/fraud:1.0.0", "ml/fraud:9.0.0", settings=settings)


# Tensors


def save(path: Path, seed: int, **changed: numpy.ndarray) -> None:
    chance = numpy.random.default_rng(seed)
    arrays = {
        "embed": chance.integers(0, 255, 6 * MIB, dtype="uint8"),
        "head": numpy.arange(1000, dtype="float32"),
        "norm": numpy.ones(8, dtype="float32"),
    }
    save_file(arrays | changed, path)


def pushed(
    tmp_path: Path, host: str, version: str, settings: Settings, seed: int = 1, **arrays: Any
) -> None:
    folder = tmp_path / version
    folder.mkdir()
    save(folder / "model.safetensors", seed, **arrays)
    push(folder, f"{host}/tensors:{version}", settings=settings)


def test_tensors_are_compared_by_type_shape_and_bytes(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    pushed(tmp_path, double.host, "1.0.0", settings, old=numpy.ones(1))
    other = numpy.arange(1000, dtype="float32")
    other[999] = 0
    pushed(
        tmp_path, double.host, "1.1.0", settings, head=other, norm=numpy.ones(8), new=numpy.ones(2)
    )

    result = diff(f"{double.host}/tensors:1.0.0", f"{double.host}/tensors:1.1.0", settings=settings)

    assert statuses(result.tensors) == {
        "embed": "same",
        "head": "changed",
        "norm": "changed",
        "old": "removed",
        "new": "added",
    }
    (norm,) = (change for change in result.tensors if change.name == "norm")
    assert (norm.before, norm.after) == ("float32[8]", "float64[8]")
    assert result.tensor_bytes_read == 2 * (6 * MIB + 4000)


def test_two_tensors_that_differ_at_once_are_not_read_to_their_end(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    pushed(tmp_path, double.host, "1.0.0", settings, seed=1)
    pushed(tmp_path, double.host, "2.0.0", settings, seed=2)
    double.requests.clear()

    result = diff(f"{double.host}/tensors:1.0.0", f"{double.host}/tensors:2.0.0", settings=settings)

    assert statuses(result.tensors) == {"embed": "changed", "head": "same", "norm": "same"}
    assert sum(request.sent for request in double.requests) < 400_000


def test_tensors_of_a_file_that_both_have_are_not_read(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    pushed(tmp_path, double.host, "1.0.0", settings)
    pushed(tmp_path, double.host, "1.0.1", settings)

    result = diff(f"{double.host}/tensors:1.0.0", f"{double.host}/tensors:1.0.1", settings=settings)

    assert set(statuses(result.tensors).values()) == {"same"}
    assert len(result.tensors) == 3
    assert result.tensor_bytes_read == 0


def test_beyond_the_limit_tensors_are_unknown_and_it_is_said(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    pushed(tmp_path, double.host, "1.0.0", settings)
    pushed(tmp_path, double.host, "1.1.0", settings, norm=numpy.zeros(8, dtype="float32"))

    result = diff(
        f"{double.host}/tensors:1.0.0",
        f"{double.host}/tensors:1.1.0",
        read_limit=100_000,
        settings=settings,
    )

    assert statuses(result.tensors) == {"embed": "unknown", "head": "same", "norm": "changed"}
    assert any("1 of 3 tensors" in note for note in result.notes)
    assert not result.equal


def test_a_tensor_that_moved_to_another_file_is_the_same(
    tmp_path: Path, settings: Settings
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    save_file({"a": numpy.ones(9), "b": numpy.zeros(9)}, one / "model.safetensors")
    save_file({"a": numpy.ones(9)}, two / "model-1.safetensors")
    save_file({"b": numpy.zeros(9)}, two / "model-2.safetensors")
    push(one, "ml/shards:1.0.0", settings=settings)
    push(two, "ml/shards:2.0.0", settings=settings)

    result = diff("ml/shards:1.0.0", "ml/shards:2.0.0", settings=settings)

    assert statuses(result.tensors) == {"a": "same", "b": "same"}


def test_a_header_that_lies_is_a_note(tmp_path: Path, settings: Settings) -> None:
    push(make(tmp_path / "a", {"m.safetensors": b"\xff" * 99}), "ml/liar:1.0.0", settings=settings)
    push(make(tmp_path / "b", {"m.safetensors": b"\xfe" * 99}), "ml/liar:2.0.0", settings=settings)

    result = diff("ml/liar:1.0.0", "ml/liar:2.0.0", settings=settings)

    assert result.tensors == ()
    assert len([note for note in result.notes if "m.safetensors" in note]) == 2


def test_no_tensors_reads_no_layer(tmp_path: Path, double: Double, settings: Settings) -> None:
    pushed(tmp_path, double.host, "1.0.0", settings, seed=1)
    pushed(tmp_path, double.host, "2.0.0", settings, seed=2)
    double.requests.clear()

    result = diff(
        f"{double.host}/tensors:1.0.0",
        f"{double.host}/tensors:2.0.0",
        tensors=False,
        settings=settings,
    )

    assert result.tensors == ()
    assert statuses(result.files) == {"model.safetensors": "changed"}
    assert not any("range" in request.headers for request in double.requests)


# Laws

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=6,
)
_FILE = {"path": "a", "size": 1, "role": "code", "layer": "sha256:" + "0" * 64}


@given(st.dictionaries(st.text(min_size=1, max_size=3), _JSON, max_size=4))
def test_a_document_is_the_same_as_itself(params: dict[str, Any]) -> None:
    raw = json.dumps({"schema_version": 1, "params": params, "files": [_FILE]}).encode()
    document = Document.parse(raw)

    found = differences.values(document.params, Document.parse(raw).params)

    assert all(change.status == "same" for change in found)
    assert {change.name for change in found} == params.keys()


@given(
    st.dictionaries(st.sampled_from("abcd"), _JSON, max_size=4),
    st.dictionaries(st.sampled_from("abcd"), _JSON, max_size=4),
)
def test_going_back_turns_what_was_added_into_what_was_removed(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    turned = {"added": "removed", "removed": "added", "changed": "changed", "same": "same"}

    there, back = differences.values(a, b), differences.values(b, a)

    assert [turned[change.status] for change in there] == [change.status for change in back]


def test_another_name_of_the_same_version_is_equal(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", description="x", settings=settings)
    tag("ml/fraud:1.0.0", "candidate", settings=settings)

    result = diff("ml/fraud:1.0.0", "ml/fraud:candidate", settings=settings)

    assert result.equal
    assert result.a.digest == result.b.digest
