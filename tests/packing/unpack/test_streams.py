"""A layer's stream: hashed as it comes, decompressed where it must be, memory flat."""

from __future__ import annotations

import io
import random
import sys
import threading
import tracemalloc
from importlib import import_module
from types import ModuleType

import pytest
import zstandard
from packing.unpack.layers import MIB, Watched, gzipped, layer, noise

from lading.errors import IntegrityError, Unsupported
from lading.packing.unpack.streams import CheckedReader, Form, Hashing, Tee, decompressed, form_of
from lading.ports import Reader
from lading.spec.digest import Digest


def drain(reader: Reader, step: int = 1000) -> bytes:
    pieces = []
    buffer = memoryview(bytearray(step))
    while count := reader.readinto(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("media_type", "form"),
    [
        ("application/vnd.lading.model.layer.v1.tar", "tar"),
        ("application/vnd.oci.image.layer.v1.tar", "tar"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd"),
        ("application/vnd.cncf.model.weight.v1.raw", "raw"),
        ("application/vnd.cnai.model.doc.v1.raw", "raw"),
        ("application/vnd.other.v1.raw", None),
        ("application/vnd.oci.image.config.v1+json", None),
        ("application/octet-stream", None),
    ],
)
def test_a_media_type_tells_how_a_layer_is_read(media_type: str, form: Form | None) -> None:
    assert form_of(media_type) == form


def test_hashing_beside_gives_the_same_digest_as_hashing_here() -> None:
    pieces = [memoryview(noise(size, size)) for size in (1, 5000, 0, 300_000, 77)]
    beside = iter([False, True, True, False, True])

    with Hashing(Digest.of(b"").hasher(), lambda: next(beside)) as hashing:
        for piece in pieces:
            hashing.update(piece)
        found = hashing.hexdigest()

    assert found == Digest.of(b"".join(pieces)).hex


def test_a_hashing_thread_ends_with_its_layer() -> None:
    before = threading.active_count()

    with pytest.raises(RuntimeError), Hashing(Digest.of(b"").hasher(), lambda: True) as hashing:
        hashing.update(memoryview(noise(MIB)))
        raise RuntimeError

    assert threading.active_count() == before


def test_bytes_that_nobody_read_are_checked_all_the_same() -> None:
    raw = noise(200_000)
    content = Watched(raw)
    descriptor = layer(raw)

    with content.open() as reader, Hashing(descriptor.digest.hasher(), lambda: True) as hashing:
        checked = CheckedReader(reader, descriptor, hashing)
        checked.readinto(memoryview(bytearray(100)))
        checked.finish()

    assert content.read == len(raw)


@pytest.mark.parametrize("raw", [b"1234", b"123456", b"1234?"])
def test_other_bytes_than_the_descriptors_are_refused(raw: bytes) -> None:
    descriptor = layer(b"12345")

    with Hashing(descriptor.digest.hasher(), lambda: False) as hashing:
        checked = CheckedReader(io.BytesIO(raw), descriptor, hashing)
        with pytest.raises(IntegrityError, match="is damaged"):
            drain(checked)
            checked.finish()


def test_a_tee_tells_the_digest_of_what_went_by() -> None:
    tee = Tee(io.BytesIO(b"12345"))

    assert drain(tee, 2) == b"12345"
    assert tee.digest == Digest.of(b"12345")


def compressed(raw: bytes, form: Form) -> bytes:
    return gzipped(raw) if form == "gzip" else bytes(zstandard.compress(raw))


@pytest.fixture(params=["gzip", "zstandard", "zstd of Python"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Form:
    """Each way to decompress that there is."""
    if request.param == "gzip":
        return "gzip"
    if request.param == "zstd of Python":
        if sys.version_info < (3, 14):
            # The same module under the name it has for older Pythons.
            monkeypatch.setitem(sys.modules, "compression", ModuleType("compression"))
            backport = import_module("backports.zstd")
            monkeypatch.setitem(sys.modules, "compression.zstd", backport)
    else:
        monkeypatch.setitem(sys.modules, "compression.zstd", None)
    return "zstd"


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 * MIB])
@pytest.mark.parametrize("step", [7, 70_000])
def test_what_was_compressed_is_read_again(form: Form, size: int, step: int) -> None:
    raw = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
    step = max(step, size // 200)

    with Watched(compressed(raw, form), step=step).open() as reader:
        assert drain(decompressed(reader, form), step) == raw


def test_compressed_streams_behind_one_another_are_one(form: Form) -> None:
    raw = compressed(b"one", form) + compressed(b"", form) + compressed(b"two", form)

    assert drain(decompressed(io.BytesIO(raw), form)) == b"onetwo"


def test_a_damaged_compressed_stream_is_refused(form: Form) -> None:
    raw = bytearray(compressed(noise(50_000), form))
    raw[len(raw) // 2 : len(raw) // 2 + 40] = bytes(40)

    with pytest.raises(IntegrityError, match="damaged"):
        drain(decompressed(io.BytesIO(raw), form))


def test_what_was_never_compressed_is_refused(form: Form) -> None:
    with pytest.raises(IntegrityError):
        drain(decompressed(io.BytesIO(b"this is a plain text"), form))


def test_a_stream_that_swells_enormously_takes_no_more_memory(form: Form) -> None:
    swollen = 300 * MIB
    pieces = iter([bytes(MIB)] * 300)
    if form == "gzip":
        import zlib

        packer = zlib.compressobj(1, wbits=31)
        raw = b"".join(packer.compress(piece) for piece in pieces) + packer.flush()
    else:
        writer = zstandard.ZstdCompressor().compressobj()
        raw = b"".join(writer.compress(piece) for piece in pieces) + writer.flush()
    tracemalloc.start()

    reader = decompressed(io.BytesIO(raw), form)
    buffer = memoryview(bytearray(512 * 1024))
    total = 0
    while count := reader.readinto(buffer):
        total += count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert total == swollen
    assert peak < 8 * MIB


def test_zstd_without_a_module_for_it_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(Unsupported) as caught:
        decompressed(io.BytesIO(b""), "zstd")

    assert caught.value.hint == "pip install 'lading[zstd]'"
