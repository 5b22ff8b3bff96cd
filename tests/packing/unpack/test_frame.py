"""Frames: what a layer's stream holds besides its files, readable as far as it was written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packing.unpack.layers import noise

from lading.errors import IntegrityError
from lading.packing.unpack import frame
from lading.packing.unpack.frame import (
    Contents,
    File,
    Folder,
    FrameLog,
    FrameReader,
    Record,
    Run,
    Uncompressed,
)

_PATHS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\."), min_size=1
).filter(lambda name: len(name.encode()) < 256)
_RECORDS = st.one_of(
    st.binary(min_size=1, max_size=600).map(Run),
    st.builds(File, _PATHS, st.integers(0, 2**63 - 1), st.booleans()),
    st.builds(Folder, _PATHS),
    st.just(Uncompressed("sha256:" + "0" * 64)),
)


@pytest.fixture
def fileno(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path / "frame", os.O_RDWR | os.O_CREAT)
    yield number
    os.close(number)


def write(fileno: int, records: list[Record], *, flush_every: int = 0) -> None:
    os.ftruncate(fileno, 0)
    os.lseek(fileno, 0, os.SEEK_SET)
    log = FrameLog(fileno)
    for number, record in enumerate(records):
        if isinstance(record, Run):
            log.run(record.raw)
        elif isinstance(record, File):
            log.file(record.path, record.size, skipped=record.skipped)
        elif isinstance(record, Folder):
            log.folder(record.path)
        else:
            log.uncompressed(record.digest)
        if flush_every and number % flush_every == 0:
            log.flush()
    log.flush()


def joined(records: list[Record]) -> list[Record]:
    """Runs that follow one another are one."""
    out: list[Record] = []
    for record in records:
        if isinstance(record, Run) and out and isinstance(last := out[-1], Run):
            out[-1] = Run(last.raw + record.raw)
        else:
            out.append(record)
    return out


@given(st.lists(_RECORDS, max_size=20), st.integers(0, 3))
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], flush_every: int
) -> None:
    fileno = os.open(tmp_path_factory.mktemp("frame") / "frame", os.O_RDWR | os.O_CREAT)
    try:
        write(fileno, records, flush_every=flush_every)
        reader = FrameReader(fileno)

        assert joined(list(reader.records())) == joined(records)
        assert reader.end == os.fstat(fileno).st_size
    finally:
        os.close(fileno)


@given(st.data())
def test_a_frame_that_is_cut_off_is_read_up_to_its_last_whole_chunk(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    fileno = os.open(tmp_path_factory.mktemp("frame") / "frame", os.O_RDWR | os.O_CREAT)
    try:
        records: list[Record] = [File(str(number), number) for number in range(9)]
        write(fileno, records, flush_every=3)
        os.ftruncate(fileno, data.draw(st.integers(0, os.fstat(fileno).st_size)))
        reader = FrameReader(fileno)

        found = list(reader.records(torn=True))

        assert found == records[: len(found)]
        os.ftruncate(fileno, reader.end)
        if reader.end:
            assert list(FrameReader(fileno).records()) == found
    finally:
        os.close(fileno)


@given(position=st.integers(0, 10_000), change=st.integers(1, 255))
@example(position=324, change=1)
def test_a_damaged_frame_never_tells_anything_else(
    tmp_path_factory: pytest.TempPathFactory, position: int, change: int
) -> None:
    """One byte of it is another. Of zeros there is more than one compressed form, so that even
    this may read as before."""
    fileno = os.open(tmp_path_factory.mktemp("frame") / "frame", os.O_RDWR | os.O_CREAT)
    try:
        records: list[Record] = [Run(noise(300)), File("a", 7), Folder("b"), Run(b"\0" * 900)]
        write(fileno, records)
        position %= os.fstat(fileno).st_size
        byte = os.pread(fileno, 1, position)[0]
        os.pwrite(fileno, bytes([byte ^ change]), position)

        try:
            found = list(FrameReader(fileno).records())
        except IntegrityError:
            assert list(FrameReader(fileno).records(torn=True)) == []
        else:
            assert found == records
    finally:
        os.close(fileno)


@pytest.mark.parametrize("position", [0, 15, 19, 24, 100])
def test_a_damaged_frame_is_refused(fileno: int, position: int) -> None:
    write(fileno, [Run(noise(300)), File("a", 7)])
    byte = os.pread(fileno, 1, position)[0]
    os.pwrite(fileno, bytes([byte ^ 1]), position)

    with pytest.raises(IntegrityError):
        list(FrameReader(fileno).records())


def test_long_runs_are_written_in_chunks_of_a_bounded_size(fileno: int) -> None:
    piece = noise(500_000)
    log = FrameLog(fileno)
    for _ in range(9):
        log.run(piece)
    log.flush()

    runs = [record for record in FrameReader(fileno).records() if isinstance(record, Run)]

    assert b"".join(run.raw for run in runs) == piece * 9
    assert max(len(run.raw) for run in runs) <= frame._CHUNK_LIMIT


def test_zeros_take_no_room(fileno: int) -> None:
    write(fileno, [Run(bytes(900_000))])

    assert os.fstat(fileno).st_size < 10_000


def test_contents_are_the_files_and_folders(fileno: int) -> None:
    digest = "sha256:" + "0" * 64
    write(fileno, [Run(b"x"), Folder("a"), File("a/b", 3), Uncompressed(digest)])

    contents = Contents.of(FrameReader(fileno).records())

    assert contents == Contents((File("a/b", 3),), ("a",), digest)


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_a_name_that_leads_elsewhere_is_refused_in_a_frame_too(fileno: int, path: str) -> None:
    for record in (File(path, 0), Folder(path)):
        write(fileno, [record])

        with pytest.raises(IntegrityError):
            list(FrameReader(fileno).records())
