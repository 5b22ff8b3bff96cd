"""One layer on its way to disk, and what a crash leaves of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from packing.trees import found
from packing.unpack.layers import MIB, noise, tar

from lading.packing.unpack.frame import Contents, File
from lading.packing.unpack.staging import LARGE, Stage, publish
from lading.spec.archive import NO_SINK, ArchiveParser
from lading.spec.digest import Digest

SEALED = 946_684_800


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[int]:
    fileno = os.open(tmp_path, os.O_RDONLY)
    yield fileno
    os.close(fileno)


def pour(stage: Stage, raw: bytes) -> None:
    """Unpack the bytes into a stage, without an end."""
    writer = stage.writer(None)
    parser = ArchiveParser(writer)
    try:
        parser.feed(memoryview(raw))
    finally:
        writer.close()


def test_a_stage_is_whole_when_it_is_finished(tmp_path: Path, parent: int) -> None:
    raw = tar([("d", None), ("d/a", b"1"), ("b", noise(900))])

    with Stage(parent, "s", fsync=True) as stage:
        stage.begin()
        pour(stage, raw)
        assert stage.is_begun and not stage.is_whole
        stage.finish()
        assert stage.is_whole and not stage.is_begun
        contents = stage.contents()

    assert contents == Contents((File("d/a", 1), File("b", 900)), ("d",))
    assert found(tmp_path / "s/tree")[0] == {"d/a": b"1", "b": noise(900)}


def test_beginning_again_leaves_nothing_of_before(tmp_path: Path, parent: int) -> None:
    with Stage(parent, "s") as stage:
        for name in ("first", "second"):
            stage.begin()
            pour(stage, tar([(name, b"1")]))

    assert list(found(tmp_path / "s/tree")[0]) == ["second"]


def test_a_discarded_stage_is_gone(tmp_path: Path, parent: int) -> None:
    with Stage(parent, "s") as stage:
        stage.begin()
        stage.discard()

    assert os.listdir(tmp_path) == []


def test_sealed_files_are_read_only_and_bear_their_time(tmp_path: Path, parent: int) -> None:
    with Stage(parent, "s", sealed_at=SEALED) as stage:
        stage.begin()
        pour(stage, tar([("small", b"1"), ("large", noise(LARGE))]))

    for name in ("small", "large"):
        status = (tmp_path / "s/tree" / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o444
        assert status.st_mtime == SEALED


@pytest.mark.parametrize("length", [LARGE // 2, LARGE + 512, LARGE + 600])
def test_the_parser_and_the_hasher_know_again_what_they_knew(parent: int, length: int) -> None:
    raw = tar([("small", b"1"), ("large", noise(LARGE)), ("z", b"2")])
    known = 1024 + length
    with Stage(parent, "s") as stage:
        stage.begin()
        pour(stage, raw[:known])

    parser, hasher = ArchiveParser(NO_SINK, len(raw)), Digest.of(b"").hasher()
    with Stage(parent, "s") as stage:
        writer = stage.resume(parser, hasher)
        assert writer is not None
        offset = parser.offset
        hasher.update(raw[offset:])
        parser.sink = writer
        parser.feed(memoryview(raw)[offset:])
        parser.finish()
        writer.close()
        stage.finish()
        contents = stage.contents()

    assert min(length, LARGE) - 4096 < offset <= known
    assert hasher.hexdigest() == Digest.of(raw).hex
    assert [file.path for file in contents.files] == ["small", "large", "z"]


def test_a_stage_with_skipped_files_cannot_be_gone_on_with(parent: int) -> None:
    raw = tar([("skipped", b"1"), ("large", noise(5 * MIB))])
    with Stage(parent, "s") as stage:
        stage.begin()
        writer = stage.writer(lambda path: path == "large")
        ArchiveParser(writer).feed(memoryview(raw)[: 2 * MIB])
        writer.close()

    with Stage(parent, "s") as stage:
        assert stage.resume(ArchiveParser(NO_SINK), Digest.of(b"").hasher()) is None


def test_a_link_in_the_place_of_a_begun_file_is_not_followed(tmp_path: Path, parent: int) -> None:
    (tmp_path / "outside").write_bytes(noise(2 * MIB))
    with Stage(parent, "s") as stage:
        stage.begin()
        pour(stage, tar([("large", noise(5 * MIB))])[: 2 * MIB])
    (tmp_path / "s/tree/large").unlink()
    (tmp_path / "s/tree/large").symlink_to(tmp_path / "outside")

    with Stage(parent, "s") as stage:
        assert stage.resume(ArchiveParser(NO_SINK), Digest.of(b"").hasher()) is None

    assert (tmp_path / "outside").stat().st_size == 2 * MIB


def test_a_published_stage_is_a_tree_with_its_frame(tmp_path: Path, parent: int) -> None:
    (tmp_path / "layers").mkdir()
    target = os.open(tmp_path / "layers", os.O_RDONLY)
    with Stage(parent, "s") as stage:
        stage.begin()
        pour(stage, tar([("a", b"1")]))
        stage.finish()

    publish(parent, "s", target, "key")
    os.close(target)

    assert sorted(os.listdir(tmp_path)) == ["layers"]
    assert sorted(os.listdir(tmp_path / "layers")) == ["key", "key.frame"]
    assert (tmp_path / "layers/key/a").read_bytes() == b"1"
