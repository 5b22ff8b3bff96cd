"""Headers that lie, nest, repeat or explode: a note in little time and little memory, no error."""

from __future__ import annotations

import gzip
import json
import lzma
import pickle
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from formats.models import field, keras_archive, safetensors_bytes, varint, zipped
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lading.formats.look import Look, look
from lading.formats.window import BytesWindow, FileWindow

MEMORY = 64 * 1024 * 1024
SPARSE = 200 * 1024 * 1024
# Of this process, which does other things at the same time for nobody. Counting memory makes
# everything four times slower; no file takes more than two seconds without.
SECONDS = 20


@contextmanager
def bounded() -> Iterator[None]:
    """Demand that what is done here takes little memory and time."""
    started = time.process_time()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY, f"{peak:,} bytes at the peak"
    assert time.process_time() - started < SECONDS


def see(name: str, data: bytes) -> Look:
    with bounded():
        found = look(name, BytesWindow(data))
    assert found is not None
    return found


def see_sparse(tmp_path: Path, name: str, head: bytes, tail: bytes = b"") -> Look | None:
    """Look at a file of 200 MB that has only a beginning and an end."""
    path = tmp_path / name
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(SPARSE)
        stream.seek(SPARSE - len(tail))
        stream.write(tail)
    with bounded(), FileWindow(path) as window:
        return look(name, window)


def gguf(pairs: int, tensors: int, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest


def gguf_key(key: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


END_OF_DIRECTORY = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, SPARSE - 22, 0, 0)

SPARSE_FILES: dict[str, tuple[str, bytes, bytes]] = {
    "safetensors with 100 MB of header": ("a.safetensors", struct.pack("<Q", 10**8) + b'{"a', b""),
    "safetensors with 16 MiB of header": ("a.safetensors", struct.pack("<Q", 2**24) + b'{"a', b""),
    "gguf of empty texts": (
        "a.gguf",
        gguf(1, 0, gguf_key("a", 9, struct.pack("<IQ", 8, 2**60))),
        b"",
    ),
    "gguf of many empty texts": (
        "a.gguf",
        gguf(1, 5, gguf_key("a", 9, struct.pack("<IQ", 8, 600_000))),
        b"",
    ),
    "gguf of many numbers": (
        "a.gguf",
        gguf(1, 5, gguf_key("a", 9, struct.pack("<IQ", 10, 2**62))),
        b"",
    ),
    "gguf of many keys": ("a.gguf", gguf(2**40, 0), b""),
    "gguf of many tensors": ("a.gguf", gguf(0, 40_000), b""),
    "onnx of zeros": ("a.onnx", b"\x08\x07", b""),
    "onnx of one field": ("a.onnx", b"\x3a" + varint(SPARSE - 6), b""),
    "saved model of zeros": ("saved_model.pb", b"\x08\x01", b""),
    "catboost of zeros": ("a.cbm", b"CBM1" + bytes(4), b""),
    "lightgbm of zeros": ("a.txt", b"tree\nversion=v4\n", b""),
    "xgboost of zeros": ("a.json", b'{"learner":', b"}"),
    "ubj of zeros": ("a.ubj", b"{L\0\0\0\0\0\0\0\x07learner[$U#L" + bytes(7) + b"\x7f", b""),
    "pickle of a long text": ("a.pkl", b"\x80\x04\x8d" + struct.pack("<Q", SPARSE - 20), b"."),
    "pickle of long bytes": ("a.pkl", b"\x80\x04\x8e" + struct.pack("<Q", SPARSE - 20), b"."),
    "pickle of a long line": ("a.pkl", b"\x80\x02c", b""),
    "numpy with a long header": ("a.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 10**8), b""),
    "hdf5 of zeros": ("a.h5", b"\x89HDF\r\n\x1a\n", b""),
    "zip without a directory": ("a.keras", b"PK\x03\x04", b""),
    "zip whose directory is the whole file": ("a.keras", b"PK\x03\x04", END_OF_DIRECTORY),
    "configuration of spaces": ("config.json", b'{"model_type": ""' + b" " * 10_000, b"}"),
    "tokenizer of zeros": ("tokenizer.json", b'{"model": {"type": "BPE"', b"}"),
    "gzip of zeros": ("a.pkl.gz", b"\x1f\x8b\x08" + bytes(7), b""),
}


WHOLE = {"gguf of many empty texts", "gguf of many tensors"}


@pytest.mark.parametrize("what", SPARSE_FILES)
def test_a_large_file_takes_little_memory_and_leaves_a_note(tmp_path: Path, what: str) -> None:
    found = see_sparse(tmp_path, *SPARSE_FILES[what])

    assert found is not None
    # Zeros are texts, tensors and fields without content, so some of these are whole.
    assert found.facts.notes or what in WHOLE


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.pkl", "a.joblib", "config.json"])
def test_an_empty_file_leaves_a_note(name: str) -> None:
    assert see(name, b"").facts.notes


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "adapter_config.json"])
def test_a_configuration_that_is_no_object_leaves_a_note(name: str) -> None:
    found = see(name, b"[" * 100_000)

    assert found.facts.notes == ("It is not JSON that can be read.",)


def test_a_header_of_16_mib_full_of_tensors_is_counted_in_little_memory() -> None:
    tensors = {
        f"{n:0200d}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(60_000)
    }

    found = see("a.safetensors", safetensors_bytes(tensors))

    assert found.facts.tensors == 60_000


def test_a_header_that_is_not_ascii_is_read_only_while_it_is_short() -> None:
    tensors: dict[str, object] = {f"\U0001f600{n}": {} for n in range(300_000)}
    raw = json.dumps(tensors, ensure_ascii=False).encode()

    found = see("a.safetensors", safetensors_bytes(raw))

    assert "not ASCII" in found.facts.notes[0]


DEEP = 100_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.json", b'{"model_type":' + b"[" * DEEP + b"]" * DEEP + b"}"),
        ("config.json", b'{"model_type":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}"),
        ("a.json", b'{"learner":' + b"[" * DEEP),
        ("a.ubj", b"{L\0\0\0\0\0\0\0\x07learner" + b"[" * DEEP),
        ("a.safetensors", safetensors_bytes(b'{"__metadata__":' + b"[" * DEEP)),
        ("a.safetensors", safetensors_bytes(b'{"a":' + b"[" * DEEP)),
        ("a.pkl", b"\x80\x04" + b"(" * DEEP * 10),
        ("a.pkl", b"\x80\x04" + b"]" * DEEP * 10),
        ("a.keras", keras_archive()[:-40] + b"x" * 40),
    ],
)
def test_deep_nesting_leaves_a_note(name: str, data: bytes) -> None:
    assert see(name, data).facts.notes


def test_deeply_nested_values_are_cut_not_followed() -> None:
    inner: object = 1
    for _ in range(50):
        inner = {"a": [inner]}
    config = {"model_type": "x", "quantization_config": inner}

    found = see("config.json", json.dumps(config).encode())

    assert len(json.dumps(found.facts.as_json())) < 1000


FULL_OF_NOTHING = {
    "lists": b"[],",
    "objects": b"{},",
    "texts": b'"ab",',
    "numbers": b"1.5,",
    "long numbers": b"1e5,",
}


@pytest.mark.parametrize("what", FULL_OF_NOTHING)
def test_json_full_of_small_values_takes_little_memory(what: str) -> None:
    many = FULL_OF_NOTHING[what] * ((2 << 20) // len(FULL_OF_NOTHING[what]) - 20)
    raw = b'{"model_type": "x", "a": [' + many + b"1]}"
    archive = zipped({"metadata.json": b"{}", "config.json": raw})

    assert see("config.json", raw).facts.notes == ()
    assert see("a.keras", archive).facts.notes == ()


def test_json_full_of_keys_takes_little_memory() -> None:
    raw = json.dumps({"model_type": "x", **{f"k{n}": {} for n in range(140_000)}}).encode()

    assert see("config.json", raw).facts.notes == ()


def test_facts_stay_small_whatever_a_file_says() -> None:
    wide = {f"{n}" * 90: [{f"{m}" * 90: "x" * 500 for m in range(60)}] * 10 for n in range(2)}
    raw = json.dumps({"model_type": "x", "quantization_config": wide}).encode()

    text = json.dumps(see("config.json", raw).facts.as_json())

    assert 10_000 < len(text) < 100_000


def nested_message(depth: int) -> bytes:
    """A type in a type in a type."""
    message = b""
    for _ in range(depth):
        message = field(1, message)
    return message


def test_nested_messages_are_entered_only_as_far_as_the_format_nests() -> None:
    found = see("a.onnx", field(7, field(11, field(1, "x") + field(2, nested_message(2000)))))

    assert found.facts.format == "onnx"


MANY = 60_000

PICKLES: dict[str, Callable[[], bytes]] = {
    "a list that holds itself": lambda: b"\x80\x04]\x94h\x00a.",
    "a dictionary that holds itself": lambda: b"\x80\x04}\x94\x8c\x01ah\x00s.",
    "an object that holds itself": lambda: b"\x80\x04cm\nC\n)\x81\x94}\x8c\x01ah\x00sb.",
    "tuples in each other": lambda: b"\x80\x04)" + b"\x85" * DEEP + b".",
    "many containers kept": lambda: b"\x80\x04" + b"}\x94" * MANY + b".",
    "many full dictionaries kept": lambda: b"\x80\x04" + b"}\x94K\x01\x8c\x01as0" * MANY + b".",
    "many texts kept": lambda: (
        b"\x80\x04" + b"".join(b"\x8c\xff" + b"%0255d" % n + b"\x940" for n in range(MANY)) + b"."
    ),
    "many numbers kept": lambda: b"\x80\x04" + b"J\x00\x00\x00\x7f\x94" * MANY + b".",
    "doubling lists": lambda: b"\x80\x04]" + b"(222e" * MANY + b".",
    "doubling tuples": lambda: b"\x80\x04)" + b"2\x86" * MANY + b".",
    "many globals": lambda: b"\x80\x04" + b"".join(b"cm%d\nC\n0" % n for n in range(MANY)) + b"N.",
    "a wide tuple": lambda: b"\x80\x04(" + b"N" * 90_000 + b"t.",
    "an array of too many elements": lambda: joblib_array(
        b"(J\xff\xff\xff\x7f\x8a\x08" + b"\x7f" * 8
    ),
    "an array of a length below 0": lambda: joblib_array(b"(J\xff\xff\xff\xff"),
    "arrays of objects in each other": lambda: joblib_array(b"(K\x01", b"O8") * 200,
    "steps without end": lambda: b"\x80\x04" + b"N0" * 1_000_000 + b".",
    "lines without end": lambda: b"\x80\x02" + b"I1\n0" * 300_000 + b"N.",
    "long lines": lambda: b"\x80\x02" + (b"V" + b"a" * 900_000 + b"\n0") * 20 + b"N.",
    "values from nowhere": lambda: b"\x80\x04R.",
    "a mark from nowhere": lambda: b"\x80\x04t.",
    "a length of 2**63": lambda: b"\x80\x04\x96" + b"\xff" * 8 + b".",
    "a number of 2**31 bytes": lambda: b"\x80\x04\x8b\xff\xff\xff\x7f.",
}


def joblib_array(shape: bytes, dtype: bytes = b"f8") -> bytes:
    """The pickle of an object that stands for an array, which does not follow."""
    return (
        b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00shape"
        + shape
        + b"tX\x05\x00\x00\x00dtypecnumpy\ndtype\n(X\x02\x00\x00\x00"
        + dtype
        + b"tRub"
    )


@pytest.mark.parametrize("what", PICKLES)
def test_a_hostile_pickle_takes_little_memory_and_time(what: str) -> None:
    assert see("a.pkl", PICKLES[what]()).facts.format in ("pickle", "joblib")


def bomb(compress: Callable[[bytes], bytes]) -> bytes:
    """A pickle of 200 MB of zeros, compressed."""
    return compress(b"\x80\x04\x8e" + struct.pack("<Q", 200 << 20) + bytes(200 << 20) + b".")


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: bomb(lambda raw: gzip.compress(raw, 1)),
    "zlib": lambda: bomb(lambda raw: zlib.compress(raw, 1)),
    "xz with a large dictionary": lambda: lzma.compress(
        b"\x80\x04N.", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 27}]
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_compressed_bomb_is_left_when_it_has_grown_too_far(what: str) -> None:
    assert see("a.pkl", BOMBS[what]()).facts.notes


def deflated(name: str, size: int) -> bytes:
    return zipped({name: bytes(size)}, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.skops", deflated("schema.json", 100 << 20)),
        ("a.keras", zipped({"metadata.json": b"{}", "config.json": bytes(50 << 20)}, 8)),
        ("a.pt", zipped({"x/data.pkl": b"\x80\x02B" + struct.pack("<I", 2**31)}, 8)),
        ("a.pt", zipped({"x/data.pkl": b"\x80\x02N."}, zipfile.ZIP_BZIP2)),
        ("a.pt2", zipped({"x/models/model.json": b"{}", "x/model_weights_config.json": b"["})),
        ("a.npz", zipped({f"{n}.npy": b"\x93NUMPY" for n in range(2000)})),
        ("a.npz", zipped({f"{n:0200d}.npy": b"" for n in range(20_000)})),
    ],
)
def test_a_zip_bomb_leaves_a_note(name: str, data: bytes) -> None:
    assert see(name, data).facts.notes


def test_quadratic_patterns_are_not_there() -> None:
    shapes = [
        ("a.skops", zipped({"schema.json": b'"__class__": "' * 200_000})),
        ("a.skops", zipped({"schema.json": b'"__class__": "a", ' * 200_000})),
        ("a.skops", zipped({"schema.json": b'"_sklearn_version": {"' * 200_000})),
        ("a.safetensors", safetensors_bytes(b'{"' + b"\\" * 2_000_000)),
        ("a.safetensors", safetensors_bytes(b"{" + b" " * 2_000_000 + b'"')),
        ("a.json", b'{"learner":' + b'"objective" : {' * 300_000),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + b"keras_version\x00" * 100_000),
        ("a.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"'descr': " * 10_000),
    ]
    for name, data in shapes:
        see(name, data)


def readable(found: Look | None) -> None:
    """What was found can be kept: it is a whole, small part of a document."""
    if found is not None:
        text = json.dumps(found.facts.as_json(), ensure_ascii=False, allow_nan=False)
        assert len(text.encode()) < 256 * 1024
        type(found.facts).model_validate_json(text.encode())


NAMES = st.sampled_from(
    [
        *("a.safetensors", "a.gguf", "a.onnx", "saved_model.pb", "a.keras", "a.pkl", "a.joblib"),
        *("a.pkl.gz", "a.pt", "a.pt2", "a.skops", "a.npz", "a.npy", "a.json", "a.ubj", "a.txt"),
        *("a.cbm", "a.h5", "config.json", "tokenizer.json", "adapter_config.json", "model"),
    ]
)
MAGICS = st.sampled_from(
    [
        *(b"", b"GGUF\x03\0\0\0", b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\x89HDF\r\n\x1a\n", b"CBM1"),
        *(b"\x80\x02", b"\x80\x04\x95", b"tree\nversion=", b"{L\0\0\0\0\0\0\0\x07learner"),
        *(b"\x1f\x8b\x08", b"\x78\x9c", b"BZh9", b"\xfd7zXZ\0", b'{"learner":', b"\x08\x07"),
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
    ]
)


@given(NAMES, MAGICS, st.binary(max_size=400))
@example("a.onnx", b"", pickle.dumps(1))
def test_any_bytes_give_facts_or_nothing(name: str, magic: bytes, rest: bytes) -> None:
    readable(look(name, BytesWindow(magic + rest)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_real_files_with_some_bytes_changed_give_facts_or_nothing(
    models: dict[str, Path], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(models)))
    raw = bytearray(models[name].read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(raw), 4096) - 1) | st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
        if not raw:
            break

    readable(look(name, BytesWindow(bytes(raw))))
