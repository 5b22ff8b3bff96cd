"""What lies in archives and packed streams, however deep and however dishonestly listed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import random
import struct
import tempfile
import tracemalloc
import zipfile
import zlib
from functools import cache
from pathlib import Path

import pytest

from hazards.crafted import EVIL, scanned, tarred, verdict, zipped
from lading.hazards.scan import scan_file

HONEST = pickle.dumps({"a": 1})
MIB = 1024 * 1024

# A checkpoint of torch as torch lays it out: instructions, and numbers beside them.
TENSOR = (
    b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07"
    b"\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00"
    b"cpuq\x06K\x04tq\x07QK\x00K\x04\x85q\x08K\x01\x85q\t\x89ccollections\nOrderedDict\nq\n)Rq\x0b"
    b"tq\x0cRq\rs."
)
TORCH = {
    "archive/data.pkl": TENSOR,
    "archive/byteorder": b"little",
    "archive/data/0": struct.pack("<4f", 1, 2, 3, 4),
    "archive/version": b"3\n",
}
SCRIPT = {
    "net/data.pkl": b"\x80\x02c__torch__\nNet\nq\x00)\x81}X\x08\x00\x00\x00trainingq\x01\x88sb.",
    "net/code/__torch__.py": b"class Net(Module):\n  pass\n",
    "net/constants.pkl": b"\x80\x02).",
    "net/version": b"3\n",
}


def test_a_checkpoint_of_torch_is_clean(tmp_path: Path) -> None:
    assert scanned(tmp_path, zipped(TORCH), "model.pt") == ()


def test_torchscript_is_clean_and_its_classes_are_unknown_elsewhere(tmp_path: Path) -> None:
    assert scanned(tmp_path, zipped(SCRIPT), "model.pt") == ()
    assert verdict(tmp_path, SCRIPT["net/data.pkl"]) == "suspicious"


def test_an_old_checkpoint_of_torch_is_clean(tmp_path: Path) -> None:
    parts = [119547037146038801333356, 1001, {"little_endian": True}]
    head = b"".join(pickle.dumps(part, 2) for part in parts)

    content = head + TENSOR + pickle.dumps(["0"], 2) + struct.pack("<Q4f", 4, 1, 2, 3, 4)

    assert scanned(tmp_path, content, "model.pt") == ()


@pytest.mark.parametrize("name", ["archive/data.pkl", "archive/data/0", "notes.txt", "x"])
@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_pickle_in_an_archive_is_found_whatever_it_is_called(
    tmp_path: Path, name: str, method: int
) -> None:
    content = zipped({**TORCH, name: EVIL}, method)

    findings = scanned(tmp_path, content, "model.bin")

    assert f"model.bin!{name}" in {finding.path for finding in findings}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_pickle_in_a_packed_stream_is_found(tmp_path: Path, pack: object) -> None:
    assert callable(pack)

    assert verdict(tmp_path, pack(EVIL), "weights") == "dangerous"
    assert verdict(tmp_path, pack(HONEST), "weights.pkl") == "clean"


@pytest.mark.parametrize("head", [b"\x78\x9c", b"\x78\x01", b"\x5d\x00\x00"])
@pytest.mark.parametrize("seed", range(20))
def test_numbers_that_begin_like_something_packed_are_clean(
    tmp_path: Path, head: bytes, seed: int
) -> None:
    raw = head + random.Random(seed).randbytes(5000)

    assert scanned(tmp_path, zipped(TORCH | {"archive/data/0": raw}), "model.pt") == ()


@pytest.mark.parametrize("pack", [zlib.compress, lambda raw: lzma.compress(raw, lzma.FORMAT_ALONE)])
def test_a_pickle_in_a_damaged_stream_is_found(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    packed = pack(EVIL + random.Random(1).randbytes(5000))

    assert verdict(tmp_path, packed[:3000], "weights") == "dangerous"


def test_a_pickle_in_a_second_packed_stream_is_found(tmp_path: Path) -> None:
    assert verdict(tmp_path, gzip.compress(HONEST) + gzip.compress(EVIL)) == "dangerous"


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:xz"])
def test_a_pickle_in_a_tar_archive_is_found(tmp_path: Path, mode: str) -> None:
    content = tarred({"storages": HONEST, "deep/er/pickle": EVIL}, mode)

    (finding,) = scanned(tmp_path, content, "model.pt")

    assert finding.path == "model.pt!deep/er/pickle"


def test_archives_in_archives_are_looked_into(tmp_path: Path) -> None:
    content = zipped({"a.tar.gz": tarred({"b.zip": zipped({"c.pkl": EVIL})}, "w:gz")}, 8)

    findings = scanned(tmp_path, content, "model.zip")

    # Python's zipfile opens the archive of tar, too, for the sake of the one that ends it.
    assert "model.zip!a.tar.gz!b.zip!c.pkl" in {finding.path for finding in findings}
    assert {finding.severity for finding in findings} == {"dangerous"}


def test_archives_nested_too_deeply_are_suspicious(tmp_path: Path) -> None:
    content = EVIL
    for _ in range(8):
        content = zipped({"inner.zip": content})

    assert verdict(tmp_path, content) == "suspicious"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_streams_packed_many_times_are_suspicious(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    content = EVIL
    for _ in range(10):
        content = pack(content)

    assert verdict(tmp_path, content) == "suspicious"


def test_an_archive_behind_a_pickle_and_a_pickle_before_an_archive_are_found(
    tmp_path: Path,
) -> None:
    assert verdict(tmp_path, EVIL + zipped(TORCH), "model.pt") == "dangerous"
    assert verdict(tmp_path, HONEST + zipped({"a": EVIL}), "model.pt") == "dangerous"


def test_a_wrong_checksum_hides_nothing(tmp_path: Path) -> None:
    content = zipped(TORCH | {"archive/data.pkl": EVIL})

    damaged = content.replace(struct.pack("<L", zlib.crc32(EVIL)), b"\0\0\0\0")

    assert damaged != content
    assert verdict(tmp_path, damaged, "model.pt") == "dangerous"


def test_the_flag_of_encryption_hides_nothing(tmp_path: Path) -> None:
    content = bytearray(zipped({"data.pkl": EVIL}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    findings = scanned(tmp_path, bytes(content), "model.pt")

    assert {"an encrypted entry", "posix.system"} <= {finding.what for finding in findings}


def test_headers_that_disagree_are_suspicious(tmp_path: Path) -> None:
    content = bytearray(zipped({"data.pkl": HONEST}))
    content[30:38] = b"else.pkl"

    findings = scanned(tmp_path, bytes(content), "model.pt")

    assert [finding.what for finding in findings] == ["a header that disagrees"]


def test_an_entry_that_is_there_twice_is_suspicious_and_both_are_read(tmp_path: Path) -> None:
    content = zipped({"data.pkl": EVIL, "dato.pkl": HONEST}).replace(b"dato", b"data")

    findings = scanned(tmp_path, content, "model.pt")

    assert {"an entry twice", "posix.system"} <= {finding.what for finding in findings}


@pytest.mark.parametrize(
    "content",
    [
        b"7z\xbc\xaf\x27\x1c" + bytes(100),
        b"Rar!\x1a\x07\x00" + bytes(100),
        b"\x28\xb5\x2f\xfd" + bytes(100),
        b"\x04\x22\x4d\x18" + bytes(100),
        gzip.compress(EVIL)[:-12],
        zipped(TORCH)[:-30],
    ],
    # Named here: bytes that hold the time would give each process of a run other names.
    ids=["7z", "rar", "zstd", "lz4", "cut gzip", "cut zip"],
)
def test_what_cannot_be_looked_into_is_suspicious(tmp_path: Path, content: bytes) -> None:
    assert verdict(tmp_path, content, "model.bin") != "clean"


def peak(path: Path) -> tuple[int, str]:
    """How much memory a scan takes at most, and what it says."""
    _import_all()
    tracemalloc.start()
    try:
        findings = scan_file(path, "model")
        return tracemalloc.get_traced_memory()[1], " ".join(str(item.why) for item in findings)
    finally:
        tracemalloc.stop()


@cache
def _import_all() -> None:
    """Modules that a scan imports on its way are none of the memory of a file."""
    files = {"x.pkl": EVIL, "x.tar": tarred({"x": EVIL}), "x.zip": zipped({"x": EVIL})}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.write_bytes(content)
            scan_file(path, "model")


def test_a_gigabyte_of_zeros_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(1024 * MIB)

    memory, why = peak(path)

    assert (memory < 1 * MIB, why) == (True, "")


def test_a_gigabyte_inside_a_pickle_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    with path.open("wb") as file:
        file.write(b"\x80\x05\x8e" + struct.pack("<Q", 1024 * MIB))
        file.seek(1024 * MIB, 1)
        file.write(EVIL)

    memory, why = peak(path)

    assert memory < 4 * MIB
    assert "picklescan" in why


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = b"\x80\x05\x8e" + struct.pack("<Q", size)
    parts = [packer.compress(head), *(packer.compress(bytes(MIB)) for _ in range(size // MIB))]
    return b"".join([*parts, packer.compress(EVIL), packer.flush()])


def test_a_bomb_is_suspicious_and_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(bomb(256 * MIB))

    memory, why = peak(path)

    assert memory < 16 * MIB
    assert "times its size" in why


def test_a_header_of_tar_that_claims_a_gigabyte_takes_little_memory(tmp_path: Path) -> None:
    content = bytearray(tarred({"x": b"y"}))
    content[124:136] = b"%011o\x00" % (1024 * MIB)
    content[156:157] = b"L"  # a long name follows
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\x00 " % sum(content[:512])
    path = tmp_path / "model.tar"
    with path.open("wb") as file:
        file.write(content[:512])
        file.truncate(1100 * MIB)

    memory, why = peak(path)

    assert memory < 4 * MIB
    assert "larger than can be followed" in why


@pytest.mark.parametrize("piece", [b"(", b"N\x94", b"}\x94"])
def test_a_pickle_that_piles_up_takes_bounded_memory(tmp_path: Path, piece: bytes) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04" + piece * 600_000)

    memory, why = peak(path)

    assert memory < 100 * MIB
    assert "cannot be read to its end" in why


def test_an_archive_of_very_many_entries_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):
            archive.writestr(f"{number}", b"")

    memory, why = peak(path)

    assert memory < 64 * MIB
    assert "larger than can be followed" in why
