"""Layers become files in a folder, all of them or none; nothing gets out of it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import found, make, trees
from packing.unpack.layers import (
    FORMATS,
    GZIP,
    MIB,
    RAW,
    Broken,
    Claiming,
    Watched,
    ended,
    gzipped,
    in_child,
    layer,
    member,
    noise,
    open_folder,
    tar,
)
from parts import require
from parts.child import as_nobody
from parts.laws import tries

from lading.errors import Conflict, IntegrityError, LadingError, LocalFailure, Unsupported
from lading.packing.unpack.folder import FolderTarget
from lading.packing.unpack.frame import FrameLog
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest
from lading.spec.mediatypes import CNAI_FILEPATH, IMAGE_LAYER, MODEL_CONFIG, TITLE

__all__ = ["open_folder"]

PULL = ".lading-pull"


def unpack(directory: Path, *raws: bytes, force: bool = False) -> tuple[str, ...]:
    """Unpack some archives of Lading's own kind."""
    with FolderTarget(directory, force=force) as target:
        for raw in raws:
            target.push(layer(raw), BytesContent(raw))
        return target.commit()


def leftovers(directory: Path) -> list[str]:
    return sorted(os.listdir(directory / PULL)) if (directory / PULL).exists() else []


# What is unpacked


@given(trees(), st.sampled_from(sorted(FORMATS)))
def test_any_archive_becomes_the_tree_it_was_made_of(
    tmp_path_factory: pytest.TempPathFactory,
    tree: tuple[dict[str, bytes], tuple[str, ...]],
    form: str,
) -> None:
    files, folders = tree
    directory = tmp_path_factory.mktemp("any") / "out"
    try:
        raw = tar([*((f, None) for f in folders), *sorted(files.items())], form=form)
    except ValueError:
        return  # a name is too long for ustar

    with FolderTarget(directory, strip="") as target:
        target.push(layer(raw), BytesContent(raw))
        placed = target.commit()

    present, present_folders = found(directory)
    assert present == files
    assert placed == tuple(sorted(files))
    assert present_folders >= set(folders)


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "ustar", "pax", "v7"])
def test_what_gnu_tar_writes_is_unpacked_equal(tmp_path: Path, form: str) -> None:
    require("tar")
    long_name = "l" * 60 + "/" + ("n" * 120 if form in ("gnu", "oldgnu", "pax") else "n" * 30)
    files = {
        "a/empty": b"",
        "a/block": noise(512),
        "weights.bin": noise(3 * MIB + 17),
        long_name: b"deep",
        "grüße/模型.txt": b"unicode",
    }
    source = make(tmp_path / "source", files, ("nothing/here",))
    archive = tmp_path / "layer.tar"
    command = ["tar", "-C", str(source), f"--format={form}", "-cf", str(archive), "."]
    subprocess.run(command, check=True)

    unpack(tmp_path / "out", archive.read_bytes())

    assert found(tmp_path / "out") == found(source)


def test_the_prefix_and_the_document_are_left_out(tmp_path: Path) -> None:
    raw = tar([("models", None), ("models/lading.json", b"{}"), ("models/a", b"1"), ("b", b"2")])

    placed = unpack(tmp_path, raw)

    assert placed == ("a", "b")
    assert found(tmp_path) == ({"a": b"1", "b": b"2"}, set())


def test_only_wanted_files_are_placed(tmp_path: Path) -> None:
    raw = tar([("models/sub", None), ("models/sub/a.txt", b"1"), ("models/sub/b.bin", b"2")])
    asked = []

    def wanted(path: str) -> bool:
        asked.append(path)
        return path.endswith(".txt")

    with FolderTarget(tmp_path, wanted=wanted) as target:
        target.push(layer(raw), BytesContent(raw))
        placed = target.commit()

    assert placed == ("sub/a.txt",)
    assert found(tmp_path)[0] == {"sub/a.txt": b"1"}
    assert set(asked) == {"sub/a.txt", "sub/b.bin"}


def test_manifests_and_configs_are_accepted_and_ignored(tmp_path: Path) -> None:
    config = Descriptor.of(b"{}", MODEL_CONFIG)
    manifest = Manifest.build(config, ())
    index = Index.build((manifest.descriptor,))

    with FolderTarget(tmp_path / "out") as target:
        assert target.exists(config)
        target.push(config, BytesContent(b"{}"))
        target.push(manifest.descriptor, BytesContent(manifest.raw))
        target.push(index.descriptor, BytesContent(index.raw), "latest")
        assert target.commit() == ()

    assert os.listdir(tmp_path / "out") == []


def test_a_layer_of_an_unknown_type_is_unsupported(tmp_path: Path) -> None:
    descriptor = Descriptor.of(b"?", "application/vnd.unknown.layer.v1.squashfs")

    with FolderTarget(tmp_path) as target:
        assert not target.exists(descriptor)
        with pytest.raises(Unsupported, match="squashfs"):
            target.push(descriptor, BytesContent(b"?"))


def test_modes_follow_the_umask_and_not_the_archive(tmp_path: Path) -> None:
    raw = tar([(member("models/d", mode=0o000), None), (member("models/d/f", mode=0o4777), b"1")])
    before = os.umask(0o027)

    try:
        unpack(tmp_path / "out", raw)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "out/d").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "out/d/f").stat().st_mode) == 0o640


@pytest.mark.parametrize("pipelined", [None, True, False])
@pytest.mark.parametrize("step", [1 << 30, 70_001])
def test_a_large_layer_arrives_whole_however_it_is_hashed(
    tmp_path: Path, pipelined: bool | None, step: int
) -> None:
    content = noise(9 * MIB + 5)
    raw = tar([("models/w", content)])

    with FolderTarget(tmp_path, pipelined=pipelined) as target:
        target.push(layer(raw), Watched(raw, step=step))
        target.commit()

    assert (tmp_path / "w").read_bytes() == content


def test_many_layers_arrive_at_once(tmp_path: Path) -> None:
    contents = {f"f{n}": noise(MIB + n, n) for n in range(12)}
    raws = [tar([(f"models/{name}", content)]) for name, content in contents.items()]

    with FolderTarget(tmp_path) as target, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda raw: target.push(layer(raw), BytesContent(raw)), raws))
        target.commit()

    assert found(tmp_path)[0] == contents


def test_a_digest_by_sha512_is_checked_by_it(tmp_path: Path) -> None:
    import hashlib

    raw = tar([("models/a", b"1")])
    right = Descriptor(IMAGE_LAYER, Digest("sha512:" + hashlib.sha512(raw).hexdigest()), len(raw))
    wrong = Descriptor(IMAGE_LAYER, Digest("sha512:" + "0" * 128), len(raw))

    with FolderTarget(tmp_path) as target:
        with pytest.raises(IntegrityError):
            target.push(wrong, BytesContent(raw))
        target.push(right, BytesContent(raw))
        assert target.commit() == ("a",)


# Other forms of layers


def test_a_raw_layer_is_its_file(tmp_path: Path) -> None:
    raw = noise(5 * MIB)

    with FolderTarget(tmp_path) as target:
        target.push(layer(raw, RAW, "models/sub/model.gguf"), BytesContent(raw))
        assert target.commit() == ("sub/model.gguf",)

    assert (tmp_path / "sub/model.gguf").read_bytes() == raw


@pytest.mark.parametrize("key", [CNAI_FILEPATH, TITLE])
@pytest.mark.parametrize("kind", ["cncf", "cnai"])
def test_a_raw_layer_may_be_named_in_older_ways(tmp_path: Path, key: str, kind: str) -> None:
    media_type = f"application/vnd.{kind}.model.doc.v1.raw"
    descriptor = Descriptor.of(b"", media_type).with_annotations({key: "README.md"})

    with FolderTarget(tmp_path) as target:
        target.push(descriptor, BytesContent(b""))
        assert target.commit() == ("README.md",)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a\\b", "a\nb", "\ud800", "a//b"])
def test_a_raw_layer_with_a_hostile_name_is_refused(tmp_path: Path, name: str) -> None:
    descriptor = layer(b"x", RAW, name)

    with FolderTarget(tmp_path / "out") as target:
        with pytest.raises(IntegrityError):
            target.exists(descriptor)
        with pytest.raises(IntegrityError):
            target.push(descriptor, BytesContent(b"x"))


def test_a_raw_layer_without_a_name_is_refused(tmp_path: Path) -> None:
    with FolderTarget(tmp_path) as target, pytest.raises(IntegrityError, match="no file name"):
        target.push(layer(b"x", RAW), BytesContent(b"x"))


def test_equal_raw_files_are_moved_once_and_placed_under_every_name(tmp_path: Path) -> None:
    names = ["a/__init__.py", "b/__init__.py", "c/__init__.py"]
    layers = tuple(layer(b"", RAW, name) for name in names)
    manifest = Manifest.build(Descriptor.of(b"{}", MODEL_CONFIG), layers)

    with FolderTarget(tmp_path, strip="") as target:
        target.push(layers[0], BytesContent(b""))
        target.push(manifest.descriptor, BytesContent(manifest.raw))
        placed = target.commit()

    assert placed == tuple(names)
    assert len({(tmp_path / name).stat().st_ino for name in names}) == 3


@pytest.mark.parametrize("media_type", [GZIP, "application/x.tar.gzip"])
def test_a_gzipped_layer_is_unpacked(tmp_path: Path, media_type: str) -> None:
    content = noise(3 * MIB)
    raw = gzipped(tar([("models/w", content)]))

    with FolderTarget(tmp_path) as target:
        target.push(layer(raw, media_type), Watched(raw, step=10_001))
        target.commit()

    assert (tmp_path / "w").read_bytes() == content


def test_what_other_tools_hang_behind_a_gzip_stream_is_read(tmp_path: Path) -> None:
    archive = tar([("models/w", noise(200_000))])
    raw = gzipped(archive[:70_000]) + gzipped(archive[70_000:]) + gzipped(b"") + bytes(700)

    with FolderTarget(tmp_path) as target:
        target.push(layer(raw, GZIP), BytesContent(raw))
        target.commit()

    assert (tmp_path / "w").read_bytes() == noise(200_000)


@pytest.mark.parametrize("cut", [5, 300, -1, -8, -9])
def test_a_gzipped_layer_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    raw = gzipped(tar([("models/w", noise(200_000))]))[:cut]

    with FolderTarget(tmp_path) as target, pytest.raises(IntegrityError):
        target.push(layer(raw, GZIP), BytesContent(raw))


@pytest.mark.parametrize("raw", [b"no gzip at all", gzipped(b"x") + b"rest", gzipped(b"no tar")])
def test_a_gzipped_layer_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    with FolderTarget(tmp_path) as target:
        with pytest.raises(IntegrityError):
            target.push(layer(raw, GZIP), BytesContent(raw))
        assert leftovers(tmp_path) == ["lock"]


# What is refused


@pytest.mark.parametrize("change", ["flipped", "shorter", "longer", "lying"])
def test_bytes_that_are_not_the_descriptors_are_refused(tmp_path: Path, change: str) -> None:
    raw = tar([("models/w", noise(10_000))])
    damaged = bytearray(raw)
    damaged[5000] ^= 1
    content = {
        "flipped": BytesContent(bytes(damaged)),
        "shorter": Claiming(raw[:9000], len(raw)),
        "longer": Claiming(raw + b"\0" * 512, len(raw)),
        "lying": BytesContent(raw + b"\0"),
    }[change]

    with FolderTarget(tmp_path) as target:
        with pytest.raises(IntegrityError):
            target.push(layer(raw), content)
        assert not target.exists(layer(raw))
        assert leftovers(tmp_path) == ["lock"]
        assert target.commit() == ()

    assert os.listdir(tmp_path) == []


def test_a_hostile_archive_leaves_nothing(tmp_path: Path) -> None:
    raw = tar([("models/a", b"1"), ("../evil", b"2")])

    with pytest.raises(IntegrityError, match="evil"):
        unpack(tmp_path / "x/y/out", raw)

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", [".lading-pull/lock", "models/.lading-pull/a", ".LADING-pull/a"])
def test_a_member_where_unfinished_pulls_are_kept_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(IntegrityError, match="unfinished pulls"):
        unpack(tmp_path, tar([(name, b"1")]))


_HOSTILE_NAMES = st.sampled_from(
    ["a", "a/b", "../up", "/abs", "a/../../up", "link", "link/x", "models/a", "\\", "é", "./a"]
)
_HOSTILE_KINDS = st.sampled_from([b"0", b"5", b"1", b"2", b"3", b"4", b"6", b"7", b"S", b"L", b"x"])


@tries(150)
@given(st.data())
def test_no_archive_writes_outside_or_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    area = tmp_path_factory.mktemp("area")
    outside = make(area / "outside", {"secret": b"untouched"})
    directory = area / "out"
    directory.mkdir()
    (directory / "link").symlink_to(outside)
    members = data.draw(
        st.lists(st.tuples(_HOSTILE_NAMES, _HOSTILE_KINDS, st.binary(max_size=20)), max_size=5)
    )
    raw = bytearray(
        tar(
            [
                (member(name, kind, linkname="../outside/secret"), content)
                for name, kind, content in members
            ]
        )
    )
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[position] ^= data.draw(st.integers(1, 255))

    try:
        with FolderTarget(directory, strip="", force=data.draw(st.booleans())) as target:
            target.push(layer(bytes(raw)), BytesContent(bytes(raw)))
            target.commit()
    except LadingError:
        pass

    assert found(outside) == ({"secret": b"untouched"}, set())
    assert sorted(os.listdir(area)) == ["out", "outside"]
    for place in directory.rglob("*"):
        assert place.is_dir() or place.is_file()
        assert place.name == "link" or not place.is_symlink()


def test_layers_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    for first, second in [(b"1", b"2"), (b"1", b"12")]:
        with pytest.raises(IntegrityError, match="contradict"):
            unpack(tmp_path / "out", tar([("a", first)]), tar([("models/a", second)]))

    with pytest.raises(IntegrityError, match="contradict"):
        unpack(tmp_path / "out", tar([("a", b"1")]), tar([("a/b", b"1")]))
    assert os.listdir(tmp_path / "out") == [PULL]


def test_layers_that_bring_the_same_file_twice_agree(tmp_path: Path) -> None:
    placed = unpack(tmp_path, tar([("a", b"1")]), tar([("models/a", b"1")]))

    assert placed == ("a",)
    assert found(tmp_path)[0] == {"a": b"1"}


# What is there already


def test_different_files_are_a_conflict_that_changes_nothing(tmp_path: Path) -> None:
    files = {f"f{n}": b"old" for n in range(7)} | {"same": b"new", "other": b"kept"}
    make(tmp_path, files)
    raw = tar([(f"models/f{n}", b"new") for n in range(7)] + [("same", b"new"), ("free", b"1")])

    with pytest.raises(Conflict) as caught:
        unpack(tmp_path, raw)

    assert caught.value.cause == "f0, f1, f2, f3, f4 and 2 more"
    assert caught.value.hint is not None and "--force" in caught.value.hint
    assert {k: v for k, v in found(tmp_path)[0].items() if PULL not in k} == files


def test_force_replaces_them_without_fetching_again(tmp_path: Path) -> None:
    make(tmp_path, {"a": b"old", "b": b"other size", "c": b"kept"})
    raw = tar([("a", b"new"), ("b", b"new")])
    with pytest.raises(Conflict):
        unpack(tmp_path, raw)

    with FolderTarget(tmp_path, force=True) as target:
        assert target.exists(layer(raw))
        target.commit()

    assert found(tmp_path) == ({"a": b"new", "b": b"new", "c": b"kept"}, set())


def test_an_equal_file_stays_the_one_it_is(tmp_path: Path) -> None:
    make(tmp_path, {"sub/a": noise(700_000)})
    before = (tmp_path / "sub/a").stat()

    placed = unpack(tmp_path, tar([("sub/a", noise(700_000)), ("b", b"1")]))

    assert placed == ("b", "sub/a")
    after = (tmp_path / "sub/a").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["link to a folder", "link to nothing", "file"])
def test_nothing_is_followed_in_the_place_of_a_folder(
    tmp_path: Path, kind: str, force: bool
) -> None:
    outside = make(tmp_path / "outside", {"secret": b"untouched"})
    directory = tmp_path / "out"
    directory.mkdir()
    if kind == "file":
        (directory / "sub").write_bytes(b"mine")
    else:
        (directory / "sub").symlink_to(outside if kind == "link to a folder" else "nowhere")

    with pytest.raises(Conflict, match="cannot place files"):
        unpack(directory, tar([("a", b"1"), ("sub/secret", b"evil")]), force=force)

    assert found(outside)[0] == {"secret": b"untouched"}
    assert sorted(os.listdir(directory)) == [PULL, "sub"]


def test_a_link_under_a_final_name_is_a_different_file(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {"secret": b"same"})
    directory = tmp_path / "out"
    directory.mkdir()
    (directory / "a").symlink_to(outside / "secret")
    raw = tar([("a", b"same")])

    with pytest.raises(Conflict):
        unpack(directory, raw)
    unpack(directory, raw, force=True)

    assert not (directory / "a").is_symlink()
    assert found(outside)[0] == {"secret": b"same"}


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_under_a_files_name_is_never_replaced(tmp_path: Path, force: bool) -> None:
    make(tmp_path, {"a/precious": b"1"})

    with pytest.raises(Conflict, match="cannot place"):
        unpack(tmp_path, tar([("a", b"1")]), force=force)

    assert (tmp_path / "a/precious").exists()


def test_a_file_or_link_under_an_empty_folders_name_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "d").symlink_to("/")

    with pytest.raises(Conflict):
        unpack(tmp_path, tar([("d", None)]))


def test_a_link_in_the_place_of_the_staging_is_a_conflict(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {})
    directory = tmp_path / "out"
    directory.mkdir()
    (directory / PULL).symlink_to(outside)

    with pytest.raises(Conflict, match="cannot use"):
        unpack(directory, tar([("a", b"1")]))

    assert os.listdir(outside) == []


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    real = make(tmp_path / "real", {})
    (tmp_path / "out").symlink_to(real)

    unpack(tmp_path / "out", tar([("a", b"1")]))

    assert found(real)[0] == {"a": b"1"}


def test_layers_that_were_not_asked_for_now_are_not_placed(tmp_path: Path) -> None:
    old, new = tar([("old", b"1")]), tar([("new", b"2")])
    with FolderTarget(tmp_path) as target:
        target.push(layer(old), BytesContent(old))

    placed = unpack(tmp_path, new)

    assert placed == ("new",)
    assert found(tmp_path) == ({"new": b"2"}, set())


# Going on


def test_a_whole_layer_is_not_wanted_again(tmp_path: Path) -> None:
    raw = tar([("a", b"1")])
    with FolderTarget(tmp_path) as target:
        assert not target.exists(layer(raw))
        target.push(layer(raw), BytesContent(raw))

    with FolderTarget(tmp_path) as target:
        assert target.exists(layer(raw))
        assert target.commit() == ("a",)

    assert found(tmp_path) == ({"a": b"1"}, set())


@pytest.mark.parametrize("change", ["other bytes", "gone", "a pipe", "a link", "frame"])
def test_what_lies_in_the_staging_is_not_trusted(tmp_path: Path, change: str) -> None:
    raw = tar([("a", b"good"), ("b", b"2")])
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw), BytesContent(raw))
    staged = next((tmp_path / PULL).rglob("tree/a"))
    if change == "other bytes":
        staged.write_bytes(b"evil")
    elif change == "frame":
        next((tmp_path / PULL).rglob("frame")).write_bytes(b"?")
    else:
        staged.unlink()
    if change == "a pipe":
        os.mkfifo(staged)
    elif change == "a link":
        (tmp_path / "good").write_bytes(b"good")
        staged.symlink_to(tmp_path / "good")

    with FolderTarget(tmp_path) as target:
        assert not target.exists(layer(raw))
        assert leftovers(tmp_path) == ["lock"]


@pytest.mark.parametrize("forgery", ["an extra file", "an extra folder", "a hidden file"])
def test_a_frame_that_tells_another_story_than_its_bytes_is_not_believed(
    tmp_path: Path, forgery: str
) -> None:
    raw = tar([("a", b""), ("b", b"2")])
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw), BytesContent(raw))
    stage = tmp_path / PULL / layer(raw).digest.hex
    with (stage / "frame").open("wb") as file:
        log = FrameLog(file.fileno())
        if forgery != "a hidden file":
            log.run(raw[:512])
            log.file("a", 0)
            if forgery == "an extra file":
                log.file("evil", 0)
                (stage / "tree/evil").touch()
            else:
                log.folder("evil")
            log.run(raw[512:1024])
            log.file("b", 1)
            log.run(raw[1025:])
        else:
            log.run(raw)
        log.flush()

    with FolderTarget(tmp_path) as target:
        assert not target.exists(layer(raw))


def test_a_layer_that_was_staged_in_part_is_fetched_again(tmp_path: Path) -> None:
    raw = tar([("a", b"1"), ("b", b"2")])

    with FolderTarget(tmp_path, wanted=lambda path: path == "a") as target:
        target.push(layer(raw), BytesContent(raw))
        assert target.exists(layer(raw))

    with FolderTarget(tmp_path) as target:
        assert not target.exists(layer(raw))


def test_a_compressed_layer_of_an_earlier_run_is_fetched_again(tmp_path: Path) -> None:
    raw = gzipped(tar([("a", b"1")]))
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw, GZIP), BytesContent(raw))
        assert target.exists(layer(raw, GZIP))

    with FolderTarget(tmp_path) as target:
        assert not target.exists(layer(raw, GZIP))


@pytest.mark.parametrize("kind", ["tar", "tar behind small files", "raw"])
def test_an_interrupted_large_file_goes_on_where_it_was(tmp_path: Path, kind: str) -> None:
    content = noise(7 * MIB + 11)
    before = [(f"models/{n:04}", noise(900, n)) for n in range(200)] if "behind" in kind else []
    raw = content if kind == "raw" else tar([*before, ("models/w", content), ("models/z", b"1")])
    descriptor = layer(raw, RAW, "models/w") if kind == "raw" else layer(raw)
    broken = Watched(raw, fail_at=6 * MIB)
    with FolderTarget(tmp_path) as target, pytest.raises(Broken):
        target.push(descriptor, broken)

    again = Watched(raw)
    with FolderTarget(tmp_path) as target:
        assert not target.exists(descriptor)
        target.push(descriptor, again)
        target.commit()

    assert (tmp_path / "w").read_bytes() == content
    assert len(found(tmp_path)[0]) == (1 if kind == "raw" else len(before) + 2)
    assert 5 * MIB < again.opened[0] <= 6 * MIB
    assert again.read == len(raw) - again.opened[0]


def test_what_was_written_after_the_last_large_file_is_written_again(tmp_path: Path) -> None:
    raw = tar([("w", noise(5 * MIB)), ("x", b"1"), ("y", noise(5000)), ("z/z", b"2")])
    broken = Watched(raw, fail_at=len(raw) - 8000)
    with FolderTarget(tmp_path) as target, pytest.raises(Broken):
        target.push(layer(raw), broken)

    again = Watched(raw)
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw), again)
        target.commit()

    assert again.opened[0] >= 5 * MIB
    assert {path: len(raw) for path, raw in found(tmp_path)[0].items()} == {
        "w": 5 * MIB,
        "x": 1,
        "y": 5000,
        "z/z": 1,
    }


def test_a_layer_of_many_small_files_goes_on_at_the_last_noted_one(tmp_path: Path) -> None:
    files = [(f"{n:06}", b"x" * 300) for n in range(6000)]
    raw = tar(files)
    with FolderTarget(tmp_path) as target, pytest.raises(Broken):
        target.push(layer(raw), Watched(raw, fail_at=len(raw) - 100_000))

    again = Watched(raw)
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw), again)
        assert len(target.commit()) == 6000

    assert again.opened[0] > len(raw) // 2


@pytest.mark.parametrize("damage", ["file", "file's length", "frame", "frame's end", "no frame"])
def test_a_damaged_beginning_is_fetched_once_more(tmp_path: Path, damage: str) -> None:
    content = noise(7 * MIB)
    raw = tar([("models/a", b"small"), ("models/w", content)])
    with FolderTarget(tmp_path) as target, pytest.raises(Broken):
        target.push(layer(raw), Watched(raw, fail_at=6 * MIB))
    staged = next((tmp_path / PULL).rglob("w"))
    frame = next((tmp_path / PULL).rglob("frame.part"))
    if damage == "file":
        with staged.open("r+b") as file:
            file.write(b"?")
    elif damage == "file's length":
        os.truncate(staged, 8 * MIB)
    elif damage == "frame":
        frame.write_bytes(b"?" * frame.stat().st_size)
    elif damage == "frame's end":
        frame.write_bytes(frame.read_bytes()[:-3])
    else:
        frame.unlink()

    again = Watched(raw)
    with FolderTarget(tmp_path) as target:
        target.push(layer(raw), again)
        target.commit()

    assert (tmp_path / "w").read_bytes() == content
    assert again.opened[-1] == 0


def test_a_resumed_layer_that_is_wrong_at_its_source_is_refused_at_last(tmp_path: Path) -> None:
    raw = tar([("w", noise(7 * MIB))])
    with FolderTarget(tmp_path) as target, pytest.raises(Broken):
        target.push(layer(raw), Watched(raw, fail_at=6 * MIB))
    damaged = bytearray(raw)
    damaged[-2000] ^= 1
    content = Watched(bytes(damaged))

    with FolderTarget(tmp_path) as target:
        with pytest.raises(IntegrityError):
            target.push(layer(raw), content)
        assert leftovers(tmp_path) == ["lock"]

    assert len(content.opened) == 2


def test_an_interrupted_gzipped_layer_starts_again(tmp_path: Path) -> None:
    raw = gzipped(tar([("w", noise(5 * MIB))]))
    with FolderTarget(tmp_path) as target:
        with pytest.raises(Broken):
            target.push(layer(raw, GZIP), Watched(raw, fail_at=len(raw) - 100))
        assert leftovers(tmp_path) == ["lock"]
        again = Watched(raw)
        target.push(layer(raw, GZIP), again)
        assert target.commit() == ("w",)

    assert again.opened == [0]


class Slow(Watched):
    """Content that comes in small steps, so that a kill hits in the middle."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw, step=150_000)


@pytest.mark.parametrize("attempt", range(4))
def test_a_pull_that_is_killed_at_any_moment_succeeds_in_the_end(
    tmp_path: Path, attempt: int
) -> None:
    large = noise(12 * MIB + attempt)
    bundle = {f"models/small/{n:03}": noise(n, n) for n in range(300)}
    raws = [tar([("models/large", large)]), tar(sorted(bundle.items())), noise(5 * MIB, 7)]
    layers = [layer(raws[0]), layer(raws[1]), layer(raws[2], RAW, "models/raw")]

    def pull() -> None:
        with FolderTarget(tmp_path / "out") as target:
            for descriptor, raw in zip(layers, raws, strict=True):
                if not target.exists(descriptor):
                    target.push(descriptor, Slow(raw))
            target.commit()

    kills = 0
    for pause in _pauses(attempt):
        child = in_child(pull)
        kills += _killed_after(child, pause)
        if kills == 0:
            break
    pull()

    assert kills > 0
    present = found(tmp_path / "out")[0]
    assert present.pop("large") == large
    assert present.pop("raw") == raws[2]
    assert present == {path.removeprefix("models/"): raw for path, raw in bundle.items()}


def _pauses(attempt: int) -> Iterator[float]:
    for step in range(6):
        yield 0.004 + 0.011 * step + 0.003 * attempt


def _killed_after(child: int, pause: float) -> bool:
    """Whether the process was still there to be killed after a while."""
    time.sleep(pause)
    os.kill(child, 9)
    return ended(child) < 0


_STEPS = ("open", "write", "rename", "mkdir", "unlink", "rmdir", "ftruncate", "close")


def dying_after(steps: int, action: Callable[[], object]) -> Callable[[], object]:
    """The same, but the process is killed at so many steps on the disk."""

    def run() -> object:
        left = steps

        def counted(step: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **keywords: object) -> object:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), 9)
                left -= 1
                return step(*arguments, **keywords)

            return call

        for name in _STEPS:
            setattr(os, name, counted(getattr(os, name)))
        return action()

    return run


def test_a_pull_that_dies_at_any_step_on_the_disk_succeeds_afterwards(tmp_path: Path) -> None:
    files = {"a/large": noise(5 * MIB), "b": b"1", "c/d/e": noise(3000)}
    raws = [tar([("empty", None), *sorted(files.items())]), noise(4 * MIB, 3)]
    layers = [layer(raws[0]), layer(raws[1], RAW, "raw")]
    expected = files | {"raw": raws[1]}

    def pull() -> None:
        with FolderTarget(directory) as target:
            for descriptor, raw in zip(layers, raws, strict=True):
                if not target.exists(descriptor):
                    target.push(descriptor, Watched(raw, step=600_000))
            target.commit()

    for steps in range(0, 400, 7):
        directory = tmp_path / str(steps)
        if ended(in_child(dying_after(steps, pull))) == 0:
            break
        placed = found(directory)[0] if directory.exists() else {}
        assert {p: raw for p, raw in placed.items() if PULL not in p}.items() <= expected.items()
        ended(in_child(dying_after(steps // 2, pull)))
        pull()
        assert found(directory) == (expected, {"a", "c", "c/d", "empty"}), steps
        shutil.rmtree(directory)
    else:
        pytest.fail("it never came to its end")
    assert steps > 60


@pytest.mark.parametrize("moves", [0, 1, 7, 20])
def test_a_commit_that_is_killed_is_finished_by_the_next_run(tmp_path: Path, moves: int) -> None:
    files = {f"sub{n % 3}/{n}": b"%d" % n for n in range(20)}
    raw, twice = tar(sorted(files.items())), layer(b"same", RAW, "one")
    manifest = Manifest.build(
        Descriptor.of(b"{}", MODEL_CONFIG), (twice, layer(b"same", RAW, "two"))
    )

    def pull(*, fetch: bool) -> None:
        with FolderTarget(tmp_path / "out") as target:
            for descriptor, content in ((layer(raw), raw), (twice, b"same")):
                if not target.exists(descriptor):
                    assert fetch
                    target.push(descriptor, BytesContent(content))
            target.push(manifest.descriptor, BytesContent(manifest.raw))
            target.commit()

    def die_while_moving() -> None:
        rename, count = os.rename, 0

        def counted(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
            nonlocal count
            # Stages and lists only change their names; what is moved changes its folder.
            if src_dir_fd != dst_dir_fd:
                if count == moves:
                    os.kill(os.getpid(), 9)
                count += 1
            rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

        os.rename = counted  # type: ignore[assignment]  # in this process only
        pull(fetch=True)

    assert ended(in_child(die_while_moving)) == -9
    placed = len([p for p in found(tmp_path / "out")[0] if not p.startswith(PULL)])
    assert placed == moves

    pull(fetch=False)

    assert found(tmp_path / "out")[0] == files | {"one": b"same", "two": b"same"}


def test_a_second_puller_waits_for_the_first(tmp_path: Path) -> None:
    raw = tar([("a", noise(5000))])

    with FolderTarget(tmp_path) as target:
        child = in_child(lambda: unpack(tmp_path, raw))
        target.push(layer(raw), BytesContent(raw))
        time.sleep(0.1)
        waited = os.waitpid(child, os.WNOHANG)
        target.commit()

    assert waited == (0, 0)
    assert ended(child) == 0
    assert found(tmp_path) == ({"a": noise(5000)}, set())


def test_a_process_that_was_forked_meanwhile_keeps_nobody_waiting(tmp_path: Path) -> None:
    raw = tar([("a", b"1")])
    with FolderTarget(tmp_path):
        child = in_child(lambda: time.sleep(30))

    unpack(tmp_path, raw)

    os.kill(child, 9)
    ended(child)
    assert found(tmp_path)[0] == {"a": b"1"}


def test_many_pullers_of_one_folder_all_succeed(tmp_path: Path) -> None:
    raw = tar([(f"d{n % 5}/{n}", noise(n)) for n in range(50)])

    children = [in_child(lambda: unpack(tmp_path / "out", raw)) for _ in range(5)]

    assert [ended(child) for child in children] == [0] * 5
    assert len(found(tmp_path / "out")[0]) == 50


# This machine's disk


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of that size."""
    require("mount", root=True)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("form", ["tar", "gzip"])
def test_a_full_disk_leaves_nothing_under_a_final_name(tmp_path: Path, form: str) -> None:
    raw = tar([("first", b"1"), ("models/w", os.urandom(6 * MIB))])
    raw = raw if form == "tar" else gzipped(raw)
    descriptor = layer(raw) if form == "tar" else layer(raw, GZIP)

    with small_disk(tmp_path / "disk", "5m") as disk:
        with (
            pytest.raises(LocalFailure, match="No space left") as caught,
            FolderTarget(disk / "out") as target,
        ):
            target.push(descriptor, BytesContent(raw))
        assert set(os.listdir(disk / "out") if (disk / "out").exists() else []) <= {PULL}
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        again = Watched(raw)
        with FolderTarget(disk / "out") as target:
            target.push(descriptor, again)
            target.commit()
        assert sorted(os.listdir(disk / "out")) == ["first", "w"]

    assert caught.value.hint is not None and "goes on" in caught.value.hint
    assert (again.opened[0] > 2 * MIB) == (form == "tar")


def test_a_folder_that_may_not_be_written_to_is_named(open_folder: Path) -> None:
    (open_folder / "closed").mkdir(mode=0o755)
    raw = tar([("a", b"1")])

    said = as_nobody(lambda: unpack(open_folder / "closed", raw))
    beneath = as_nobody(lambda: unpack(open_folder / "closed/out", raw))

    hint = "choose a folder you may write to"
    failure = f"LocalFailure: cannot write to {open_folder}/closed"
    assert said == f"{failure}: Permission denied\n{hint}"
    assert beneath == f"{failure}/out: Permission denied\n{hint}"


def test_a_subfolder_that_may_not_be_written_to_changes_nothing(open_folder: Path) -> None:
    make(open_folder / "out", {"sub/mine": b"1"})
    (open_folder / "out").chmod(0o777)
    raw = tar([("a", b"1"), ("sub/b", b"2")])

    said = as_nobody(lambda: unpack(open_folder / "out", raw))

    assert said.startswith(f"LocalFailure: cannot write to {open_folder}/out")
    assert (open_folder / "out/sub/mine").exists()


def test_a_file_system_that_is_read_only_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        with pytest.raises(LocalFailure, match="Read-only file system"):
            unpack(disk / "out", tar([("a", b"1")]))


def test_a_path_that_is_too_long_for_the_disk_is_a_local_failure(tmp_path: Path) -> None:
    directory = tmp_path / ("n" * 300)

    with pytest.raises(LocalFailure, match="too long"):
        unpack(directory, tar([("a", b"1")]))


def test_descriptors_and_threads_are_given_back(tmp_path: Path) -> None:
    import threading

    raw = tar([("a/b/c", noise(9 * MIB))])
    before = len(os.listdir("/proc/self/fd")), threading.active_count()

    unpack(tmp_path / "one", raw)
    with pytest.raises(Broken), FolderTarget(tmp_path / "two") as target:
        target.push(layer(raw), Watched(raw, fail_at=8 * MIB))
    with pytest.raises(IntegrityError), FolderTarget(tmp_path / "two") as target:
        target.push(layer(raw), BytesContent(raw[:-1] + b"?"))

    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
