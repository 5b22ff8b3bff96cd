"""A version is opened, and what is asked for is read; nothing else is."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import ml_dtypes
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import make, trees
from parts.dialect import Dialect
from parts.double import Double
from parts.laws import tries
from parts.registry import DockerRegistry
from safetensors.numpy import save_file

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.operations.inspect import inspect
from lading.operations.open import Opened
from lading.operations.open import open as open_version
from lading.operations.pull import pull
from lading.operations.push import push
from lading.packing.plan import Plan, plan
from lading.packing.version import seal
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.identity import Identity
from lading.spec.manifest import Manifest
from lading.stores.layout import LayoutStore
from lading.transfer import copy

MIB = 1024 * 1024


def tensors_of(seed: int, *, large: int = 5 * MIB) -> dict[str, numpy.ndarray]:
    chance = numpy.random.default_rng(seed)
    return {
        "layer.0.weight": chance.random((256, 64)).astype("float32"),
        "layer.0.bias": numpy.arange(256, dtype="int64"),
        "big": chance.integers(0, 255, large, dtype="uint8"),
    }


def test_every_file_reads_as_it_was_pushed(model: Path, place: str, settings: Settings) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    with open_version(f"{place}:1.0.0", settings=settings) as opened:
        found = {entry.path: opened.read(entry.path) for entry in opened.files}

    assert found == {
        path.relative_to(model).as_posix(): path.read_bytes()
        for path in model.rglob("*")
        if path.is_file()
    }


def test_an_open_version_says_what_it_is(model: Path, place: str, settings: Settings) -> None:
    pushed = push(model, f"{place}:1.0.0", description="A model", settings=settings)

    with open_version(f"{place}:1.0.0", settings=settings) as opened:
        assert opened.digest == pushed.digest
        assert opened.reference == f"{place}:1.0.0"
        assert opened.document.description == "A model"
        assert {entry.path for entry in opened.files} >= {"config.json", "nul.bin"}


def test_a_file_is_sought_in_like_any_other(model: Path, place: str, settings: Settings) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    raw = (model / "weights.safetensors").read_bytes()

    with (
        open_version(f"{place}:1.0.0", settings=settings) as opened,
        opened.open("weights.safetensors") as file,
    ):
        assert file.read(10) == raw[:10]
        assert file.seek(-5, io.SEEK_END) == len(raw) - 5
        assert file.read() == raw[-5:]
        assert file.read() == b""
        file.seek(3 * MIB + 17)
        assert file.read(2 * MIB) == raw[3 * MIB + 17 :][: 2 * MIB]
        assert file.tell() == len(raw)


def test_tensors_are_read_one_by_one(tmp_path: Path, place: str, settings: Settings) -> None:
    arrays = tensors_of(1)
    save_file(arrays, tmp_path / "model.safetensors")
    push(tmp_path / "model.safetensors", f"{place}:1.0.0", settings=settings)

    with open_version(f"{place}:1.0.0", settings=settings) as opened:
        assert opened.tensors.keys() == arrays.keys()
        for name, array in arrays.items():
            tensor = opened.tensors[name]
            assert (tensor.shape, tensor.dtype) == (array.shape, str(array.dtype))
            assert tensor.nbytes == array.nbytes
            assert tensor.bytes() == array.tobytes()
            assert tensor.digest() == f"sha256:{hashlib.sha256(array.tobytes()).hexdigest()}"
            numpy.testing.assert_array_equal(tensor.numpy(), array)


def test_one_tensor_of_a_large_file_costs_kilobytes_and_the_tensor(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    arrays = tensors_of(2, large=200 * MIB)
    save_file(arrays, tmp_path / "model.safetensors")
    push(tmp_path / "model.safetensors", f"{double.host}/large:1.0.0", settings=settings)
    double.requests.clear()

    with open_version(f"{double.host}/large:1.0.0", settings=settings) as opened:
        raw = opened.tensors["layer.0.weight"].bytes()
        # The server has counted what it sent when it answers the next request.
        asked = len(double.requests)
        opened.tensors["layer.0.bias"].bytes()

    assert raw == arrays["layer.0.weight"].tobytes()
    sent = sum(request.sent for request in double.requests[:asked])
    assert len(raw) < sent < len(raw) + 128 * 1024
    assert asked < 10


def test_a_real_registry_is_asked_for_parts_only(
    tmp_path: Path, registry: DockerRegistry, repository: str, settings: Settings
) -> None:
    save_file(tensors_of(3), tmp_path / "model.safetensors")
    push(tmp_path / "model.safetensors", f"{registry.host}/{repository}:1.0.0", settings=settings)
    registry.forget_requests()

    with open_version(f"{registry.host}/{repository}:1.0.0", settings=settings) as opened:
        layer = opened.files[0].layer
        opened.tensors["layer.0.bias"].numpy()

    asked = [access for access in registry.requests() if access.path.endswith(layer)]
    assert [access.status for access in asked] == [206, 206, 206]


def test_a_name_that_two_files_have_is_told_with_its_file(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"w": numpy.zeros(3), "only": numpy.ones(1)}, folder / "a.safetensors")
    save_file({"w": numpy.ones(3)}, folder / "b.safetensors")
    push(folder, "ml/two:1.0.0", settings=settings)

    with open_version("ml/two:1.0.0", settings=settings) as opened:
        assert sorted(opened.tensors) == ["a.safetensors:w", "b.safetensors:w", "only"]
        assert opened.tensors["b.safetensors:w"].numpy().tolist() == [1.0, 1.0, 1.0]


def test_a_bfloat16_tensor_becomes_an_array_where_ml_dtypes_is(
    tmp_path: Path, settings: Settings
) -> None:
    array = numpy.arange(6).astype(ml_dtypes.bfloat16).reshape(2, 3)
    save_file({"w": array}, tmp_path / "m.safetensors")
    push(tmp_path / "m.safetensors", "ml/brain:1.0.0", settings=settings)

    with open_version("ml/brain:1.0.0", settings=settings) as opened:
        tensor = opened.tensors["w"]

        assert tensor.dtype == "bfloat16"
        assert tensor.numpy().astype("float32").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_type_that_numpy_lacks_is_said_and_its_bytes_are_there(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    raw = len(header).to_bytes(8, "little") + header + b"abcd"
    (tmp_path / "m.safetensors").write_bytes(raw)
    push(tmp_path / "m.safetensors", "ml/brain:1.0.0", settings=settings)
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)

    with open_version("ml/brain:1.0.0", settings=settings) as opened:
        assert opened.tensors["w"].bytes() == b"abcd"
        with pytest.raises(Unsupported, match="bfloat16"):
            opened.tensors["w"].numpy()


def test_a_header_that_lies_is_refused(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 100)
    push(tmp_path / "m.safetensors", "ml/liar:1.0.0", settings=settings)

    with (
        open_version("ml/liar:1.0.0", settings=settings) as opened,
        pytest.raises(InvalidInput, match="header"),
    ):
        _ = opened.tensors


# What is not there, and what is not right


def test_a_file_that_is_not_there_is_not_found_and_a_near_one_is_named(
    model: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with (
        open_version("ml/fraud:1.0.0", settings=settings) as opened,
        pytest.raises(NotFound) as refused,
    ):
        opened.read("confg.json")

    assert refused.value.hint == "did you mean config.json?"


def test_a_file_above_the_limit_is_not_read_whole(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with (
        open_version("ml/fraud:1.0.0", settings=settings) as opened,
        pytest.raises(InvalidInput, match="too large"),
    ):
        opened.read("weights.safetensors", limit=MIB)


def test_a_version_that_is_closed_reads_nothing_more(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    with open_version("ml/fraud:1.0.0", settings=settings) as opened:
        window = opened.window("weights.safetensors")

    with pytest.raises(InvalidInput, match="closed"):
        window.read_at(0, 1)
    with pytest.raises(InvalidInput, match="closed"):
        opened.read("config.json")


@pytest.mark.parametrize("path", ["config.json", "weights.safetensors"])
def test_a_file_that_was_damaged_in_the_registry_is_refused_when_read_whole(
    model: Path, double: Double, settings: Settings, path: str
) -> None:
    push(model, f"{double.host}/fraud:1.0.0", settings=settings)

    with open_version(f"{double.host}/fraud:1.0.0", settings=settings) as opened:
        layer = opened.entry(path).layer
        held = double.repository("fraud").blobs
        damaged = bytearray(held[layer])
        at = damaged.find((model / path).read_bytes()[:16])
        damaged[at] ^= 1
        held[layer] = bytes(damaged)

        with pytest.raises(IntegrityError):
            opened.read(path)


def test_a_size_in_the_document_that_the_layer_denies_is_refused(
    tmp_path: Path, settings: Settings
) -> None:
    model = make(tmp_path / "model", {"weights.bin": b"twelve bytes"})
    packed = seal(plan(model, memory=None), Identity(), created="")
    document = packed.document.replace(b'"size":12', b'"size":11')
    store = LayoutStore(tmp_path / "layout")
    config = pushed_blob(store, document, mediatypes.MODEL_CONFIG)
    for layer in packed.layers:
        store.push(layer, packed.content(layer))
    manifest = Manifest.build(config, packed.layers, artifact_type=mediatypes.MODEL)
    store.push(manifest.descriptor, BytesContent(manifest.raw), "1.0.0")

    with (
        open_version(f"oci:{tmp_path / 'layout'}:1.0.0", settings=settings) as opened,
        pytest.raises(IntegrityError, match="not what the document says"),
    ):
        opened.open("weights.bin")


# The cache


def test_a_version_that_was_pulled_is_read_from_the_cache_when_the_registry_is_gone(
    model: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    pushed = push(model, f"{own_registry.host}/fraud:1.0.0", settings=settings)
    pull(f"{own_registry.host}/fraud@{pushed.digest}", settings=settings)
    own_registry.stop()

    with open_version(f"{own_registry.host}/fraud@{pushed.digest}", settings=settings) as opened:
        assert opened.read("config.json") == (model / "config.json").read_bytes()
        with opened.open("weights.safetensors") as file:
            file.seek(MIB)
            assert file.read(5) == (model / "weights.safetensors").read_bytes()[MIB:][:5]


def test_offline_a_version_that_was_opened_once_gives_its_small_files_again(
    model: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    push(model, f"{own_registry.host}/fraud:1.0.0", settings=settings)
    with open_version(f"{own_registry.host}/fraud:1.0.0", settings=settings) as opened:
        opened.read("config.json")
    own_registry.stop()

    name = f"{own_registry.host}/fraud:1.0.0"
    with open_version(name, offline=True, settings=settings) as opened:
        assert opened.read("config.json") == (model / "config.json").read_bytes()
        with pytest.raises(NotFound):
            opened.window("weights.safetensors").read_at(0, 1)


def test_small_files_that_lie_together_cost_one_request(
    model: Path, double: Double, settings: Settings
) -> None:
    push(model, f"{double.host}/fraud:1.0.0", settings=settings)
    with open_version(f"{double.host}/fraud:1.0.0", settings=settings) as opened:
        layer = opened.entry("config.json").layer
        double.requests.clear()
        for _ in range(3):
            opened.read("config.json")

    assert [request.path.rpartition("/")[2] for request in double.requests] == [layer]


# Registries and artifacts of other kinds


def test_without_ranges_a_part_near_the_beginning_is_read_and_the_rest_is_not(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    arrays = tensors_of(4, large=60 * MIB)
    save_file(arrays, tmp_path / "model.safetensors")
    push(tmp_path / "model.safetensors", f"{double.host}/plain:1.0.0", settings=settings)
    double.dialect = Dialect(ranges=False)

    with open_version(f"{double.host}/plain:1.0.0", settings=settings) as opened:
        assert opened.tensors["layer.0.bias"].bytes() == arrays["layer.0.bias"].tobytes()


def test_without_ranges_a_part_far_from_the_beginning_is_refused_with_a_hint(
    tmp_path: Path, double: Double, settings: Settings
) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(70 * MIB))
    push(tmp_path / "weights.bin", f"{double.host}/plain:1.0.0", settings=settings)
    double.dialect = Dialect(ranges=False)

    with (
        open_version(f"{double.host}/plain:1.0.0", settings=settings) as opened,
        pytest.raises(Unsupported) as refused,
    ):
        opened.window("weights.bin").read_at(69 * MIB, 10)

    assert "lading pull" in str(refused.value.hint)


def pushed_blob(store: LayoutStore, raw: bytes, media_type: str, **notes: str) -> Descriptor:
    descriptor = Descriptor.of(raw, media_type)
    store.push(descriptor, BytesContent(raw))
    return descriptor.with_annotations(notes)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return buffer.getvalue()


def modelpack(folder: Path, *layers: Descriptor) -> None:
    store = LayoutStore(folder)
    config = pushed_blob(
        store,
        json.dumps(
            {
                "descriptor": {"name": "other", "version": "3.1.0", "licenses": ["MIT"]},
                "config": {"architecture": "llama", "precision": "bf16"},
                "modelfs": {"type": "layers", "diffIds": []},
            }
        ).encode(),
        mediatypes.MODELPACK_CONFIG,
    )
    manifest = Manifest.build(config, layers, artifact_type=mediatypes.MODELPACK)
    store.push(manifest.descriptor, BytesContent(manifest.raw), "3.1.0")


def test_a_modelpack_artifact_opens_with_raw_packed_and_compressed_layers(
    tmp_path: Path, settings: Settings
) -> None:
    store = LayoutStore(tmp_path / "layout")
    kind = "application/vnd.cncf.model.weight.v1"
    weights, words = os.urandom(5 * MIB), b"one\ntwo\n" * 1000
    packed = archive({"sub/words.txt": words, "sub/more.txt": b"more"})
    modelpack(
        tmp_path / "layout",
        pushed_blob(store, weights, f"{kind}.raw", **{mediatypes.FILEPATH: "weights.bin"}),
        pushed_blob(store, packed, f"{kind}.tar", **{mediatypes.FILEPATH: "sub"}),
        pushed_blob(store, gzip.compress(archive({"z.txt": words})), f"{kind}.tar+gzip"),
    )

    with open_version(f"oci:{tmp_path / 'layout'}:3.1.0", settings=settings) as opened:
        assert (opened.document.name, opened.document.version) == ("other", "3.1.0")
        assert opened.document.facts is not None
        assert opened.document.facts.architecture == "llama"
        assert {entry.path: entry.size for entry in opened.files} == {
            "weights.bin": len(weights),
            "sub/words.txt": len(words),
            "sub/more.txt": 4,
            "z.txt": len(words),
        }
        assert opened.read("weights.bin") == weights
        assert opened.read("sub/words.txt") == opened.read("z.txt") == words
        assert opened.window("weights.bin").read_at(MIB, 9) == weights[MIB:][:9]


def test_the_modelpack_view_of_a_version_opens_by_its_own_digest(
    model: Path, tmp_path: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    views = {
        view.role: view.digest for view in inspect("ml/fraud:1.0.0", settings=settings).manifests
    }

    with open_version(f"ml/fraud@{views['modelpack']}", settings=settings) as opened:
        assert opened.artifact.kind == "modelpack"
        assert opened.document.version == "1.0.0"
        assert {entry.path: opened.read(entry.path) for entry in opened.files} == {
            path.relative_to(model).as_posix(): path.read_bytes()
            for path in model.rglob("*")
            if path.is_file()
        }


def test_a_large_compressed_layer_is_read_after_it_was_pulled(
    tmp_path: Path, settings: Settings
) -> None:
    store = LayoutStore(tmp_path / "layout")
    noise = os.urandom(70 * MIB)
    packed = gzip.compress(archive({"noise.bin": noise}), 0)
    modelpack(
        tmp_path / "layout",
        pushed_blob(store, packed, "application/vnd.cncf.model.weight.v1.tar+gzip"),
    )
    place = f"oci:{tmp_path / 'layout'}:3.1.0"

    with (
        open_version(place, settings=settings) as opened,
        pytest.raises(Unsupported) as refused,
    ):
        _ = opened.files

    assert "lading pull" in str(refused.value.hint)
    pull(place, settings=settings)
    with open_version(place, settings=settings) as opened:
        assert opened.window("noise.bin").read_at(60 * MIB, 9) == noise[60 * MIB :][:9]


def test_an_archive_that_hides_things_is_refused_as_a_pull_would(
    tmp_path: Path, settings: Settings
) -> None:
    store = LayoutStore(tmp_path / "layout")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("weights.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    modelpack(
        tmp_path / "layout",
        pushed_blob(store, buffer.getvalue(), "application/vnd.cncf.model.weight.v1.tar"),
    )

    with (
        open_version(f"oci:{tmp_path / 'layout'}:3.1.0", settings=settings) as opened,
        pytest.raises(IntegrityError, match="symbolic link"),
    ):
        _ = opened.files


# Laws


@tries(15)
@given(trees(), st.data())
def test_whatever_was_packed_is_read_the_same_whole_and_in_parts(
    tree: tuple[dict[str, bytes], tuple[str, ...]], data: st.DataObject
) -> None:
    files = {f"in/{path}": raw for path, raw in tree[0].items()} | {"x.py": b"1"}
    with TemporaryDirectory() as name:
        planned = plan(make(Path(name) / "model", files, tree[1]), memory=None)
        # What a folder's rules leave out is no part of a version.
        files = {member.path: files[member.path] for member in planned.tree.members}
        _read_whole_and_in_parts(_packed(Path(name), planned), files, data)


def _read_whole_and_in_parts(version: Opened, files: dict[str, bytes], data: st.DataObject) -> None:
    with version as opened:
        assert {entry.path: opened.read(entry.path) for entry in opened.files} == files
        path = data.draw(st.sampled_from(sorted(files)))
        offset = data.draw(st.integers(0, len(files[path]) + 2))
        length = data.draw(st.integers(0, len(files[path]) + 2))

        part = opened.window(path).read_at(offset, length)

        assert part == files[path][offset : offset + length]
        with opened.open(path) as file:
            file.seek(offset)
            assert file.read(length) == files[path][offset : offset + length]


def _packed(folder: Path, planned: Plan) -> Opened:
    store = LayoutStore(folder / "layout")
    packed = seal(planned, Identity(), created="")
    copy(packed, store, packed.root, name="1.0.0")
    settings = Settings(home=folder / "home", cache=folder / "cache")
    return open_version(f"oci:{folder / 'layout'}:1.0.0", settings=settings)


def test_a_file_far_back_in_a_large_bundle_is_found(
    tmp_path: Path, double: Double, settings: Settings, tree: Callable[[Path], object]
) -> None:
    files = {f"{number:03}.json": os.urandom(200_000) for number in range(30)}
    push(make(tmp_path / "m", files), f"{double.host}/bundle:1.0.0", settings=settings)
    double.requests.clear()

    with open_version(f"{double.host}/bundle:1.0.0", settings=settings) as opened:
        assert opened.read("029.json") == files["029.json"]

    assert sum(request.sent for request in double.requests) < 1_000_000


def test_many_threads_read_one_version(tmp_path: Path, double: Double, settings: Settings) -> None:
    arrays = {f"t{number}": numpy.full((300, 300), number, "float32") for number in range(40)}
    save_file(arrays, tmp_path / "model.safetensors")
    push(tmp_path / "model.safetensors", f"{double.host}/threads:1.0.0", settings=settings)

    with (
        open_version(f"{double.host}/threads:1.0.0", settings=settings) as opened,
        ThreadPoolExecutor(8) as pool,
    ):
        found = dict(pool.map(lambda name: (name, opened.tensors[name].bytes()), arrays))

    assert found == {name: array.tobytes() for name, array in arrays.items()}


def test_a_layer_that_the_version_does_not_have_is_refused(
    tmp_path: Path, settings: Settings
) -> None:
    model = make(tmp_path / "model", {"weights.bin": b"twelve bytes"})
    packed = seal(plan(model, memory=None), Identity(), created="")
    layer = json.loads(packed.document)["files"][0]["layer"].encode()
    store = LayoutStore(tmp_path / "layout")
    config = pushed_blob(
        store, packed.document.replace(layer, b"sha256:" + b"0" * 64), mediatypes.MODEL_CONFIG
    )
    for each in packed.layers:
        store.push(each, packed.content(each))
    manifest = Manifest.build(config, packed.layers, artifact_type=mediatypes.MODEL)
    store.push(manifest.descriptor, BytesContent(manifest.raw), "1.0.0")

    with (
        open_version(f"oci:{tmp_path / 'layout'}:1.0.0", settings=settings) as opened,
        pytest.raises(IntegrityError, match="does not have"),
    ):
        opened.read("weights.bin")
