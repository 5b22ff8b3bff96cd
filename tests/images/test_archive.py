"""A layer read as it streams by: what tarfile finds is found, and what is hostile is refused."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images.bases import Packed, packed
from parts.laws import tries

from lading.errors import IntegrityError, Unsupported
from lading.images.archive import Entry, entries
from lading.images.layers import LayerStream
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor

FORMATS = (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT)


def read_all(raw: bytes) -> list[Entry]:
    return list(entries(io.BytesIO(raw).read, lambda path: 1 << 20))


def tar_of(
    members: dict[str, bytes],
    kind: int = tarfile.PAX_FORMAT,
    then: Callable[..., None] = lambda tar: None,
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        then(tar)
    return buffer.getvalue()


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=60)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=5).map(
    "/".join
)


@given(members=st.dictionaries(PATHS, st.binary(max_size=1500), max_size=6), pax=st.booleans())
@tries(150)
def test_what_tarfile_writes_is_read(members: dict[str, bytes], pax: bool) -> None:
    raw = tar_of(members, tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)

    assert {each.path: each.content for each in read_all(raw)} == members


@given(raw=st.binary(max_size=3000), at=st.integers(0, 4000), to=st.integers(0, 255))
@tries(300)
def test_whatever_is_damaged_is_read_or_refused(raw: bytes, at: int, to: int) -> None:
    whole = bytearray(tar_of({"site-packages/a.dist-info/METADATA": raw, "b": b"2"}))
    whole[at % len(whole)] = to

    try:
        read_all(bytes(whole))
    except IntegrityError:
        return


@pytest.mark.parametrize("kind", FORMATS)
def test_links_and_folders_are_names_and_nothing_else(kind: int) -> None:
    def more(tar: tarfile.TarFile) -> None:
        for name, type_ in (("up", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = type_, "../../etc/passwd"
            tar.addfile(info)
        folder = tarfile.TarInfo("./some/folder/")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        device = tarfile.TarInfo("dev/null")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
        info = tarfile.TarInfo("../../last")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))

    found = read_all(tar_of({}, kind, more))

    assert [(each.path, each.is_folder, each.content, each.link) for each in found] == [
        ("up", False, None, "../../etc/passwd"),
        ("hard", False, None, "../../etc/passwd"),
        ("some/folder", True, None, None),
        ("dev/null", False, None, None),
        ("last", False, b"x", None),
    ]


def header(**fields: bytes) -> bytes:
    """A header with a right checksum and whatever else."""
    raw = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    places = {"size": slice(124, 136), "kind": slice(156, 157)}
    for name, value in fields.items():
        raw[places[name]] = value.ljust(places[name].stop - places[name].start, b"\0")
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def test_what_is_too_large_or_none_is_refused() -> None:
    huge = b"\x80" + (1 << 61).to_bytes(11, "big")
    for raw in (
        header(size=b"77777777777", kind=b"x"),
        header(size=huge, kind=b"L"),
        header(size=huge),
        header(size=b"\xff" * 12),
        header(size=b"-1"),
        header(size=b"100"),
        header()[:300],
        b"no archive at all" * 100,
        header(size=b"20", kind=b"x") + b"99 path=a\n".ljust(512, b"\0"),
        header(size=b"20", kind=b"x") + b"15 size=-1234\n\n\n".ljust(512, b"\0") + header(),
    ):
        with pytest.raises(IntegrityError):
            read_all(raw)


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
@given(raw=st.binary(max_size=20_000), piece=st.integers(1, 5000))
@tries(40)
def test_a_layer_is_read_as_it_was_packed(how: Packed, raw: bytes, piece: int) -> None:
    whole = packed(raw, how) * (2 if how == "gzip" else 1)
    suffix = "" if how == "plain" else f"+{how}"
    layer = Descriptor.of(whole, f"{mediatypes.IMAGE_LAYER}{suffix}")
    stream = LayerStream(io.BytesIO(whole), layer)

    found = b"".join(iter(lambda: stream.read(piece), b""))
    stream.finish()

    assert found == raw * (2 if how == "gzip" else 1)


def test_zeros_behind_the_end_are_no_layer() -> None:
    raw = os.urandom(300_000)
    whole = gzip.compress(raw) + bytes(600_000)
    stream = layer_of(whole, "gzip")

    found = b"".join(iter(lambda: stream.read(4096), b""))
    stream.finish()

    assert found == raw


def layer_of(whole: bytes, how: str) -> LayerStream:
    kind = f"{mediatypes.IMAGE_LAYER}+{how}"
    return LayerStream(io.BytesIO(whole), Descriptor.of(whole, kind), largest=1 << 20)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_is_refused(how: Packed) -> None:
    stream = layer_of(packed(bytes(1 << 24), how), how)

    with pytest.raises(IntegrityError, match="bomb"):
        stream.read(1 << 24)


def test_damaged_bytes_are_refused() -> None:
    for how, whole in (
        ("gzip", b"\x1f\x8b" + bytes(50)),
        ("gzip", gzip.compress(b"a" * 1000)[:-5]),
        ("zstd", b"no zstd at all"),
    ):
        with pytest.raises(IntegrityError):
            layer_of(whole, how).read(5000)


def test_bytes_that_are_not_those_of_the_digest_are_refused() -> None:
    layer = Descriptor.of(b"what was meant", mediatypes.IMAGE_LAYER)
    for other in (b"what was sent!", b"short", b"what was meant and more"):
        stream = LayerStream(io.BytesIO(other), layer)
        stream.read(5)

        with pytest.raises(IntegrityError, match="damaged"):
            stream.finish()


def test_python_s_own_zstd_reads_it_just_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from backports import zstd

    monkeypatch.setitem(sys.modules, "compression.zstd", zstd)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    raw = bytes(range(256)) * 4000
    stream = layer_of(zstd.compress(raw[:500_000]) + zstd.compress(raw[500_000:]), "zstd")

    found = stream.read(len(raw) + 1)
    stream.finish()

    assert found == raw
    with pytest.raises(IntegrityError, match="bomb"):
        layer_of(zstd.compress(bytes(1 << 24)), "zstd").read(1 << 24)


def test_without_any_zstd_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packed(b"raw", "zstd")
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with pytest.raises(Unsupported) as caught:
        layer_of(whole, "zstd").read(3)

    assert "lading[zstd]" in str(caught.value.hint)
