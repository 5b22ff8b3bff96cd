"""What was pulled stays here until it is pruned, and is never trusted further than it should be."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import found, read, read_segments, trees
from packing.unpack.layers import (
    FORMATS,
    GZIP,
    MIB,
    RAW,
    Broken,
    Watched,
    ended,
    gzipped,
    in_child,
    layer,
    noise,
    open_folder,
    tar,
)
from parts.child import as_nobody
from parts.laws import tries

from lading.cache import Cache
from lading.cache.entry import SETTLED
from lading.errors import IntegrityError, LocalFailure, NotFound, Unavailable, Unsupported
from lading.packing.unpack.folder import FolderTarget
from lading.ports import Segmented
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Manifest
from lading.spec.mediatypes import MODEL_CONFIG

__all__ = ["open_folder"]

VERSION = Digest("sha256:" + "7" * 64)
OTHER = Digest("sha256:" + "8" * 64)
SELECTION = "0123456789ab"

FILES = {"models/config.json": b"{}", "models/sub/a": noise(700), "models/sub/empty": b""}
SHOWN = {path.removeprefix("models/"): content for path, content in FILES.items()}
BUNDLE = tar([("models", None), ("models/sub", None), *sorted(FILES.items())])
WEIGHTS = tar([("models/weights.bin", noise(5 * MIB))])


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def fill(cache: Cache, *raws: bytes) -> list[Descriptor]:
    """Push some layers into the cache."""
    with cache.target() as target:
        for raw in raws:
            target.push(layer(raw), BytesContent(raw))
    return [layer(raw) for raw in raws]


def rot(path: Path) -> None:
    """Change a byte of a file as a failing disk does: it shows nowhere."""
    status = path.stat()
    damage(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def damage(path: Path) -> None:
    """Change a byte of a read-only file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)


# Snapshots


def test_a_snapshot_holds_the_files_as_a_program_wants_them(cache: Cache) -> None:
    layers = fill(cache, BUNDLE, WEIGHTS)

    path = cache.make_snapshot(VERSION, layers)

    assert found(path) == ({**SHOWN, "weights.bin": noise(5 * MIB)}, {"sub"})
    assert path.name == VERSION.hex
    assert cache.snapshot(VERSION) == path


def test_a_snapshot_that_was_never_made_is_not_there(cache: Cache) -> None:
    assert cache.snapshot(VERSION) is None


def test_a_snapshots_files_are_read_only_and_the_layers_own(cache: Cache, tmp_path: Path) -> None:
    path = cache.make_snapshot(VERSION, fill(cache, BUNDLE, WEIGHTS))

    for file in (path / "config.json", path / "sub/a", path / "weights.bin"):
        status = file.stat()
        assert stat.S_IMODE(status.st_mode) == 0o444
        assert status.st_nlink == 2
    assert tmp_path in path.parents


def test_a_part_of_a_version_is_another_snapshot(cache: Cache) -> None:
    layers = fill(cache, BUNDLE)

    path = cache.make_snapshot(
        VERSION, layers, wanted=lambda path: path.startswith("sub/"), selection=SELECTION
    )

    assert path.name == f"{VERSION.hex}-{SELECTION}"
    assert set(found(path)[0]) == {"sub/a", "sub/empty"}
    assert cache.snapshot(VERSION) is None
    assert cache.snapshot(VERSION, SELECTION) == path


def test_the_document_is_left_out_and_another_prefix_may_be(cache: Cache) -> None:
    raw = tar([("models/lading.json", b"{}"), ("a/b", b"1")])
    layers = fill(cache, raw)

    assert found(cache.make_snapshot(VERSION, layers))[0] == {"a/b": b"1"}
    other = cache.make_snapshot(OTHER, layers, strip="a/", leave_out=frozenset())
    assert found(other)[0] == {"models/lading.json": b"{}", "b": b"1"}


def test_a_snapshot_needs_its_layers(cache: Cache) -> None:
    with pytest.raises(NotFound, match="not in the cache"):
        cache.make_snapshot(VERSION, [layer(BUNDLE)])

    assert cache.snapshot(VERSION) is None


def test_layers_that_contradict_each_other_make_no_snapshot(cache: Cache) -> None:
    for other in (b"2", b"22"):
        layers = fill(cache, tar([("a", b"1")]), tar([("a", other)]))
        with pytest.raises(IntegrityError, match="contradict"):
            cache.make_snapshot(VERSION, layers)

    assert cache.entries() and all(entry.kind == "layer" for entry in cache.entries())


def test_finding_a_snapshot_is_one_look_at_the_disk(cache: Cache) -> None:
    cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    events: list[str] = []
    listening = True
    # Every opening, listing, importing and changing is told; a stat is not.
    sys.addaudithook(lambda event, _: events.append(event) if listening else None)

    path = cache.snapshot(VERSION)

    listening = False
    assert path is not None
    assert not events


def test_finding_a_snapshot_imports_next_to_nothing() -> None:
    code = (
        "import sys; from pathlib import Path; from lading.spec.digest import Digest;"
        "before = set(sys.modules); from lading.cache import Cache;"
        "Cache(Path('/nowhere')).snapshot(Digest('sha256:' + '7' * 64));"
        "print(*sorted(m for m in set(sys.modules) - before if 'lading' in m))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.split() == ["lading.cache", "lading.cache.cache", "lading.cache.entry"]


def test_a_snapshot_with_a_file_gone_is_made_again(cache: Cache) -> None:
    layers = fill(cache, BUNDLE)
    path = cache.make_snapshot(VERSION, layers)
    (path / "config.json").unlink()

    assert cache.snapshot(VERSION) is None
    assert found(cache.make_snapshot(VERSION, layers))[0] == SHOWN
    assert cache.snapshot(VERSION) == path


def test_a_snapshot_with_a_file_added_is_still_one(cache: Cache) -> None:
    path = cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    (path / ".ipynb_checkpoints").mkdir()

    assert cache.snapshot(VERSION) == path
    assert path.stat().st_mtime == SETTLED


def test_making_a_snapshot_twice_gives_the_same_one(cache: Cache) -> None:
    layers = fill(cache, BUNDLE)
    first = cache.make_snapshot(VERSION, layers)
    number = (first / "config.json").stat().st_ino

    second = cache.make_snapshot(VERSION, layers)

    assert second == first
    assert (second / "config.json").stat().st_ino == number


def test_a_snapshot_can_be_made_where_links_cannot(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    layers = fill(cache, BUNDLE)
    monkeypatch.setattr(os, "link", refuse)

    path = cache.make_snapshot(VERSION, layers)

    assert found(path)[0] == SHOWN
    assert stat.S_IMODE((path / "sub/a").stat().st_mode) == 0o444
    assert (path / "sub/a").stat().st_nlink == 1
    assert cache.verify() == ()


def test_a_raw_layer_is_shown_under_every_name_it_has(cache: Cache) -> None:
    named = [layer(b"same", RAW, "models/one"), layer(b"same", RAW, "models/two")]
    with cache.target() as target:
        target.push(named[0], BytesContent(b"same"))

    path = cache.make_snapshot(VERSION, named)

    assert found(path)[0] == {"one": b"same", "two": b"same"}


def test_a_deleted_cache_is_an_empty_one(cache: Cache, tmp_path: Path) -> None:
    layers = fill(cache, BUNDLE)
    cache.make_snapshot(VERSION, layers)

    shutil.rmtree(tmp_path / "cache")

    assert cache.snapshot(VERSION) is None
    assert not cache.has(layers[0])
    assert found(cache.make_snapshot(VERSION, fill(cache, BUNDLE)))[0] == SHOWN


def test_anybody_can_delete_their_own_cache(open_folder: Path) -> None:
    open_folder.chmod(0o777)

    def use_and_delete() -> None:
        cache = Cache(open_folder / "cache")
        cache.make_snapshot(VERSION, fill(cache, BUNDLE))
        shutil.rmtree(open_folder / "cache")

    assert as_nobody(use_and_delete) == "done"


# Layers


@tries(40)
@given(trees(), st.sampled_from(sorted(FORMATS)), st.data())
def test_any_layer_is_shown_again_byte_for_byte_from_any_offset(
    tmp_path_factory: pytest.TempPathFactory,
    tree: tuple[dict[str, bytes], tuple[str, ...]],
    form: str,
    data: st.DataObject,
) -> None:
    files, folders = tree
    try:
        raw = tar([*((f, None) for f in folders), *sorted(files.items())], form=form)
    except ValueError:
        return  # a name is too long for ustar
    cache = Cache(tmp_path_factory.mktemp("any"))
    fill(cache, raw)
    offset = data.draw(st.integers(0, len(raw)))

    content = cache.content(layer(raw))

    assert content is not None and isinstance(content, Segmented)
    assert content.size == len(raw)
    assert read(content, offset, step=data.draw(st.integers(1, 3000))) == raw[offset:]
    assert read_segments(content, offset) == raw[offset:]


def test_a_raw_layer_is_shown_again_too(cache: Cache) -> None:
    raw = noise(MIB)
    descriptor = layer(raw, RAW, "w")
    with cache.target() as target:
        target.push(descriptor, BytesContent(raw))

    content = cache.content(descriptor)

    assert content is not None
    assert read(content, 1000) == raw[1000:]


def test_a_compressed_layer_is_kept_and_placed_but_not_shown_again(
    cache: Cache, tmp_path: Path
) -> None:
    raw = gzipped(BUNDLE)
    descriptor = layer(raw, GZIP)
    with cache.target() as target:
        target.push(descriptor, BytesContent(raw))

    assert cache.has(descriptor)
    assert cache.content(descriptor) is None
    assert cache.verify() == ()
    assert found(cache.make_snapshot(VERSION, [descriptor]))[0] == SHOWN


def test_the_archive_and_the_raw_file_of_one_digest_are_kept_apart(cache: Cache) -> None:
    archive, raw = layer(BUNDLE), layer(BUNDLE, RAW, "bundle.tar")
    with cache.target() as target:
        for descriptor in (archive, raw):
            assert not target.exists(descriptor)
            target.push(descriptor, BytesContent(BUNDLE))

    path = cache.make_snapshot(VERSION, [archive, raw])

    assert found(path)[0] == {**SHOWN, "bundle.tar": BUNDLE}


def test_a_layer_that_is_there_is_not_read_again(cache: Cache) -> None:
    fill(cache, BUNDLE)
    content = Watched(BUNDLE)

    with cache.target() as target:
        assert target.exists(layer(BUNDLE))
        target.push(layer(BUNDLE), content)

    assert content.opened == []


@pytest.mark.parametrize("missing", ["file", "tree", "frame", "size", "edit", "damaged frame"])
def test_a_layer_that_is_half_deleted_is_fetched_again(
    cache: Cache, tmp_path: Path, missing: str
) -> None:
    (descriptor,) = fill(cache, BUNDLE)
    tree = next((tmp_path / "cache/layers/sha256").glob("*[0-9a-f]"))
    frame = tree.with_name(tree.name + ".frame")
    if missing == "file":
        (tree / "models/sub/a").unlink()
    elif missing == "tree":
        shutil.rmtree(tree)
    elif missing == "frame":
        frame.unlink()
    elif missing == "size":
        os.truncate(tree / "models/sub/a", 5)
        os.utime(tree / "models/sub/a", (SETTLED, SETTLED))
    elif missing == "edit":
        damage(tree / "models/sub/a")
    else:
        damage(frame)

    assert not cache.has(descriptor)
    assert cache.content(descriptor) is None
    assert found(cache.make_snapshot(VERSION, fill(cache, BUNDLE)))[0] == SHOWN


def test_a_layer_with_a_rotten_file_is_shown_but_never_verifies(
    cache: Cache, tmp_path: Path
) -> None:
    (descriptor,) = fill(cache, BUNDLE)
    content = cache.content(descriptor)
    rot(next((tmp_path / "cache/layers").rglob("models/sub/a")))

    assert content is not None
    with FolderTarget(tmp_path / "out") as target, pytest.raises(IntegrityError):
        target.push(descriptor, content)


def test_editing_a_snapshots_file_is_noticed(cache: Cache, tmp_path: Path) -> None:
    layers = fill(cache, BUNDLE)
    path = cache.make_snapshot(VERSION, layers)

    damage(path / "sub/a")

    assert not cache.has(layers[0])
    with FolderTarget(tmp_path / "out") as target:
        assert not cache.place(layers[0], target)


def test_a_layer_that_loses_a_file_while_it_is_read_is_an_integrity_error(
    cache: Cache, tmp_path: Path
) -> None:
    (descriptor,) = fill(cache, BUNDLE)
    content = cache.content(descriptor)
    next((tmp_path / "cache/layers").rglob("models/sub/a")).unlink()

    assert content is not None
    with pytest.raises(IntegrityError, match="damaged"):
        read(content)


def test_a_damaged_layer_is_not_kept(cache: Cache) -> None:
    damaged = BUNDLE[:600] + b"?" + BUNDLE[601:]

    with cache.target() as target, pytest.raises(IntegrityError):
        target.push(layer(BUNDLE), BytesContent(damaged))

    assert not cache.has(layer(BUNDLE))
    assert cache.entries() == ()


def test_a_layer_of_an_unknown_type_is_unsupported(cache: Cache) -> None:
    with cache.target() as target, pytest.raises(Unsupported):
        target.push(Descriptor.of(b"?", "application/x-unknown"), BytesContent(b"?"))


def test_an_interrupted_layer_goes_on_where_it_was(cache: Cache) -> None:
    raw = tar([("models/w", noise(7 * MIB))])
    with cache.target() as target, pytest.raises(Broken):
        target.push(layer(raw), Watched(raw, fail_at=6 * MIB))
    assert [entry.kind for entry in cache.entries()] == ["unfinished"]

    again = Watched(raw)
    with cache.target() as target:
        target.push(layer(raw), again)

    assert 5 * MIB < again.opened[0] <= 6 * MIB
    assert cache.verify() == ()
    file = cache.make_snapshot(VERSION, [layer(raw)]) / "w"
    assert stat.S_IMODE(file.stat().st_mode) == 0o444
    assert file.read_bytes() == noise(7 * MIB)


def test_anybody_goes_on_with_their_own_interrupted_layer(open_folder: Path) -> None:
    open_folder.chmod(0o777)
    raw = tar([("models/v", noise(4 * MIB)), ("models/w", noise(7 * MIB))])

    def pull_twice() -> None:
        cache = Cache(open_folder / "cache")
        for fail_at in (4 * MIB + 700, 8 * MIB):
            with cache.target() as target, pytest.raises(Broken):
                target.push(layer(raw), Watched(raw, fail_at=fail_at))
        again = Watched(raw)
        with cache.target() as target:
            target.push(layer(raw), again)
        assert again.opened[0] > 7 * MIB

    assert as_nobody(pull_twice) == "done"


def test_a_pull_into_the_cache_that_is_killed_succeeds_in_the_end(cache: Cache) -> None:
    raws = [tar([("models/w", noise(9 * MIB))]), BUNDLE]
    layers = [layer(raw) for raw in raws]

    def pull() -> None:
        with cache.target() as target:
            for descriptor, raw in zip(layers, raws, strict=True):
                if not target.exists(descriptor):
                    target.push(descriptor, Watched(raw, step=100_000))
        cache.make_snapshot(VERSION, layers)

    for step in range(6):
        child = in_child(pull)
        time.sleep(0.004 + 0.006 * step)
        os.kill(child, 9)
        ended(child)
        snapshot = cache.snapshot(VERSION)
        assert snapshot is None or set(found(snapshot)[0]) == {*SHOWN, "w"}
    pull()

    path = cache.snapshot(VERSION)
    assert path is not None
    assert found(path)[0] == {**SHOWN, "w": noise(9 * MIB)}
    assert cache.verify() == ()


def test_two_pulls_of_one_model_do_the_work_once(cache: Cache) -> None:
    contents = [Watched(WEIGHTS, step=50_000) for _ in range(4)]

    def pull(content: Watched) -> Path:
        with cache.target() as target:
            target.push(layer(WEIGHTS), content)
        return cache.make_snapshot(VERSION, [layer(WEIGHTS)])

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(pull, contents))

    assert len(paths) == 1
    assert sum(content.read for content in contents) == len(WEIGHTS)


def test_two_processes_pull_one_model_into_one_cache(cache: Cache) -> None:
    def pull() -> None:
        layers = fill(cache, BUNDLE, WEIGHTS)
        cache.make_snapshot(VERSION, layers)

    children = [in_child(pull) for _ in range(4)]

    assert [ended(child) for child in children] == [0] * 4
    assert {entry.kind for entry in cache.entries()} == {"snapshot", "layer"}
    assert cache.verify() == ()


# Blobs and names


def test_manifests_and_documents_are_kept_by_digest(cache: Cache) -> None:
    manifest = Manifest.build(Descriptor.of(b"{}", MODEL_CONFIG), ())
    with cache.target() as target:
        assert not target.exists(manifest.config)
        target.push(manifest.config, BytesContent(b"{}"))
        target.push(manifest.descriptor, BytesContent(manifest.raw), "latest")
        assert target.exists(manifest.config)

    assert cache.blob(manifest.config.digest) == b"{}"
    assert cache.resolve(manifest.descriptor.digest) == manifest.descriptor
    with cache.fetch(manifest.descriptor, 3) as reader:
        buffer = memoryview(bytearray(10_000))
        assert bytes(buffer[: reader.readinto(buffer)]) == manifest.raw[3:]


def test_what_is_not_here_is_not_found(cache: Cache) -> None:
    assert cache.blob(VERSION) is None
    with pytest.raises(NotFound):
        cache.resolve(VERSION)
    with pytest.raises(NotFound):
        cache.resolve("latest")
    with pytest.raises(NotFound):
        cache.fetch(layer(BUNDLE))


def test_a_layer_is_fetched_as_it_came(cache: Cache) -> None:
    (descriptor,) = fill(cache, BUNDLE)

    with cache.fetch(descriptor, 512) as reader:
        buffer = memoryview(bytearray(100))
        count = reader.readinto(buffer)

    assert bytes(buffer[:count]) == BUNDLE[512 : 512 + count]


def test_a_blob_that_is_not_its_digests_is_refused(cache: Cache) -> None:
    with pytest.raises(IntegrityError):
        cache.keep(Descriptor(MODEL_CONFIG, VERSION, 2), b"{}")


def test_a_damaged_blob_is_as_good_as_none(cache: Cache, tmp_path: Path) -> None:
    descriptor = Descriptor.of(b"{}", MODEL_CONFIG)
    cache.keep(descriptor, b"{}")
    damage(tmp_path / "cache/blobs/sha256" / descriptor.digest.hex)

    assert cache.blob(descriptor.digest) is None
    cache.keep(descriptor, b"{}")
    assert cache.blob(descriptor.digest) == b"{}"


def test_what_a_reference_meant_is_recalled(cache: Cache) -> None:
    descriptor = Descriptor.of(b"{}", MODEL_CONFIG)
    assert cache.recall("ml/fraud:1.0.0") is None

    cache.remember("ml/fraud:1.0.0", descriptor)
    cache.remember("ml/fraud:../../evil", Descriptor.of(b"[]", MODEL_CONFIG))

    assert cache.recall("ml/fraud:1.0.0") == descriptor
    assert cache.recall("ml/fraud:1.0.1") is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"descriptor": {"digest": 1}}'])
def test_a_damaged_memory_of_a_reference_is_none(cache: Cache, tmp_path: Path, raw: bytes) -> None:
    cache.remember("a", Descriptor.of(b"{}", MODEL_CONFIG))
    next((tmp_path / "cache/names").iterdir()).write_bytes(raw)

    assert cache.recall("a") is None


# Into a folder


@pytest.mark.parametrize("link", [False, True])
def test_a_folder_is_filled_from_the_cache(cache: Cache, tmp_path: Path, link: bool) -> None:
    layers = fill(cache, BUNDLE, WEIGHTS)

    with FolderTarget(tmp_path / "out") as target:
        assert all(cache.place(descriptor, target, link=link) for descriptor in layers)
        target.commit()

    assert found(tmp_path / "out") == ({**SHOWN, "weights.bin": noise(5 * MIB)}, {"sub"})
    for path in SHOWN:
        status = (tmp_path / "out" / path).stat()
        assert status.st_nlink == (2 if link else 1)
        assert stat.S_IMODE(status.st_mode) == (0o444 if link else 0o644)
    assert cache.verify() == ()


def test_nothing_is_pruned_while_a_layer_is_placed(cache: Cache, tmp_path: Path) -> None:
    (descriptor,) = fill(cache, BUNDLE)

    class Pruning(FolderTarget):
        def adopt(self, *given: Any, **more: Any) -> None:
            with pytest.raises(Unavailable, match="in use"):
                cache.prune(everything=True)
            super().adopt(*given, **more)

    with Pruning(tmp_path / "out") as target:
        assert cache.place(descriptor, target)
        target.commit()

    assert found(tmp_path / "out")[0] == SHOWN


def test_a_layer_that_is_not_in_the_cache_cannot_be_placed(cache: Cache, tmp_path: Path) -> None:
    with FolderTarget(tmp_path / "out") as target:
        assert not cache.place(layer(BUNDLE), target)
        assert target.commit() == ()


def test_only_wanted_files_are_taken_from_the_cache(cache: Cache, tmp_path: Path) -> None:
    (descriptor,) = fill(cache, BUNDLE)

    with FolderTarget(tmp_path / "out", wanted=lambda path: path == "sub/a") as target:
        cache.place(descriptor, target)
        assert target.commit() == ("sub/a",)

    assert set(found(tmp_path / "out")[0]) == {"sub/a"}


def test_equal_raw_files_are_taken_under_every_name(cache: Cache, tmp_path: Path) -> None:
    named = [layer(b"same", RAW, "one"), layer(b"same", RAW, "two")]
    with cache.target() as target:
        target.push(named[0], BytesContent(b"same"))

    with FolderTarget(tmp_path / "out") as folder:
        for descriptor in named:
            assert cache.place(descriptor, folder)
        folder.commit()

    assert found(tmp_path / "out")[0] == {"one": b"same", "two": b"same"}


def test_editing_a_placed_file_does_not_reach_the_cache(cache: Cache, tmp_path: Path) -> None:
    (descriptor,) = fill(cache, BUNDLE)
    with FolderTarget(tmp_path / "out") as target:
        cache.place(descriptor, target)
        target.commit()

    (tmp_path / "out/config.json").write_bytes(b"edited")

    assert cache.verify() == ()


# Upkeep


def test_entries_count_every_byte_once(cache: Cache) -> None:
    layers = fill(cache, BUNDLE, WEIGHTS)
    cache.make_snapshot(VERSION, layers)
    cache.make_snapshot(OTHER, layers[:1])
    cache.keep(Descriptor.of(b"{}", MODEL_CONFIG), b"{}")

    entries = cache.entries()

    total = sum(map(len, FILES.values())) + 5 * MIB
    assert [entry.kind for entry in entries] == ["snapshot"] * 2 + ["layer"] * 2 + ["blob"]
    assert sum(entry.size for entry in entries) == total + 2
    assert {entry.digest for entry in entries if entry.kind == "layer"} == {
        descriptor.digest for descriptor in layers
    }
    assert all(time.time() - entry.used < 60 for entry in entries)
    assert all(entry.path.exists() for entry in entries)


def test_pruning_everything_frees_what_was_there(cache: Cache, tmp_path: Path) -> None:
    layers = fill(cache, BUNDLE, WEIGHTS)
    cache.make_snapshot(VERSION, layers)
    cache.remember("a", layers[0])
    with cache.target() as target, pytest.raises(Broken):
        raw = tar([("models/w", noise(7 * MIB))])
        target.push(layer(raw), Watched(raw, fail_at=6 * MIB))
    stored = sum(entry.size for entry in cache.entries())

    freed = cache.prune(everything=True)

    assert stored <= freed < stored + 10_000
    assert cache.entries() == ()
    assert cache.snapshot(VERSION) is None
    assert cache.recall("a") is None
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()][1:]


def test_what_was_used_lately_is_not_pruned(cache: Cache) -> None:
    layers = fill(cache, BUNDLE)
    path = cache.make_snapshot(VERSION, layers)

    assert cache.prune() == 0
    assert cache.prune(older_than=60) == 0

    assert cache.snapshot(VERSION) == path
    assert cache.has(layers[0])


def test_a_layer_stays_while_a_snapshot_has_its_files(cache: Cache, tmp_path: Path) -> None:
    bundle, weights = fill(cache, BUNDLE, WEIGHTS)
    cache.make_snapshot(VERSION, [bundle])
    for path in (tmp_path / "cache/layers/sha256").iterdir():
        os.utime(path, (1000, 1000), follow_symlinks=False)

    freed = cache.prune()

    assert freed >= 5 * MIB
    assert cache.has(bundle)
    assert not cache.has(weights)


def test_an_old_snapshot_goes_with_its_layers(cache: Cache, tmp_path: Path) -> None:
    cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    os.utime(tmp_path / "cache/snapshots" / VERSION.hex, (1000, SETTLED))
    for path in (tmp_path / "cache/layers/sha256").iterdir():
        os.utime(path, (1000, 1000))

    assert cache.prune() >= sum(map(len, FILES.values()))
    assert cache.entries() == ()


def test_using_a_snapshot_keeps_it_from_being_pruned(cache: Cache, tmp_path: Path) -> None:
    cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    os.utime(tmp_path / "cache/snapshots" / VERSION.hex, (1000, SETTLED))

    assert cache.snapshot(VERSION)
    cache.prune()

    assert cache.snapshot(VERSION)


def test_leftovers_of_crashes_are_pruned(cache: Cache, tmp_path: Path) -> None:
    cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    (tmp_path / "cache/snapshots/.half.1.abcd/sub").mkdir(parents=True)
    (tmp_path / "cache/snapshots" / f"{OTHER.hex}.json").write_text("[]")

    cache.prune()

    assert sorted(os.listdir(tmp_path / "cache/snapshots")) == [
        VERSION.hex,
        f"{VERSION.hex}.json",
    ]


def test_nothing_is_pruned_while_something_is_pulled(cache: Cache) -> None:
    layers = fill(cache, BUNDLE)

    with cache.target(), pytest.raises(Unavailable, match="in use"):
        cache.prune(everything=True)

    assert cache.has(layers[0])


def test_an_empty_cache_is_pruned_and_verified_without_making_it(
    cache: Cache, tmp_path: Path
) -> None:
    assert cache.prune(everything=True) == 0
    assert cache.verify() == ()
    assert cache.entries() == ()
    assert os.listdir(tmp_path) == []


def test_what_others_put_into_the_cache_is_let_be(cache: Cache, tmp_path: Path) -> None:
    fill(cache, BUNDLE)
    (tmp_path / "cache/snapshots").mkdir()
    (tmp_path / "cache/snapshots/notes").mkdir()
    (tmp_path / "cache/digests.sqlite").write_bytes(b"")

    cache.prune(everything=True)

    assert cache.verify() == ()
    assert (tmp_path / "cache/snapshots/notes").exists()
    assert (tmp_path / "cache/digests.sqlite").exists()


def test_a_damaged_layer_and_its_snapshots_are_removed(cache: Cache, tmp_path: Path) -> None:
    bundle, weights = fill(cache, BUNDLE, WEIGHTS)
    cache.make_snapshot(VERSION, [bundle, weights])
    cache.make_snapshot(OTHER, [bundle])
    assert cache.verify() == ()
    rot(next((tmp_path / "cache/layers").rglob("weights.bin")))

    gone = cache.verify()

    assert [(entry.kind, entry.digest) for entry in gone] == [
        ("snapshot", VERSION),
        ("layer", weights.digest),
    ]
    assert cache.snapshot(VERSION) is None
    assert cache.snapshot(OTHER)
    assert cache.has(bundle)
    assert not cache.has(weights)


@pytest.mark.parametrize("spot", ["frame", "blob", "snapshot's file", "snapshot's list"])
def test_whatever_is_damaged_is_found(cache: Cache, tmp_path: Path, spot: str) -> None:
    layers = fill(cache, BUNDLE)
    path = cache.make_snapshot(VERSION, layers)
    cache.keep(Descriptor.of(b"{}", MODEL_CONFIG), b"{}")
    if spot == "frame":
        damage(next((tmp_path / "cache/layers").rglob("*.frame")))
    elif spot == "blob":
        damage(tmp_path / "cache/blobs/sha256" / Digest.of(b"{}").hex)
    elif spot == "snapshot's file":
        (path / "sub/a").unlink()
        (path / "sub/a").write_bytes(noise(700, 9))
    else:
        os.truncate(path.with_name(path.name + ".json"), 50)

    gone = cache.verify()

    kinds = {
        "frame": ["snapshot", "layer"],
        "blob": ["blob"],
        "snapshot's file": ["snapshot"],
        "snapshot's list": ["snapshot"],
    }
    assert [entry.kind for entry in gone] == kinds[spot]
    assert cache.verify() == ()


def test_a_compressed_layers_damage_is_found(cache: Cache, tmp_path: Path) -> None:
    raw = gzipped(BUNDLE)
    with cache.target() as target:
        target.push(layer(raw, GZIP), BytesContent(raw))
    rot(next((tmp_path / "cache/layers").rglob("models/sub/a")))

    assert [entry.kind for entry in cache.verify()] == ["layer"]


# This machine's disk


@pytest.fixture
def closed(open_folder: Path) -> Iterator[Cache]:
    """A cache that may be read by anybody and written by root only."""
    cache = Cache(open_folder / "cache")
    cache.make_snapshot(VERSION, fill(cache, BUNDLE))
    cache.remember("a", layer(BUNDLE))
    cache.keep(Descriptor.of(b"{}", MODEL_CONFIG), b"{}")
    yield cache


def test_a_cache_that_may_not_be_written_to_is_named_with_its_variable(closed: Cache) -> None:
    hints = []

    def push() -> None:
        try:
            fill(closed, WEIGHTS)
        except LocalFailure as error:
            hints.append(error.hint)
            assert error.hint == "set LADING_CACHE to a folder you may write to"
            raise

    assert as_nobody(push).startswith("LocalFailure: cannot write to")
    assert as_nobody(lambda: closed.make_snapshot(OTHER, [layer(BUNDLE)])).startswith("LocalFail")
    assert as_nobody(lambda: closed.prune(everything=True)).startswith("LocalFailure")


def test_a_cache_that_may_only_be_read_is_still_of_use(closed: Cache, open_folder: Path) -> None:
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o777)

    def use() -> None:
        assert closed.snapshot(VERSION)
        assert closed.recall("a") == layer(BUNDLE)
        assert closed.blob(Digest.of(b"{}")) == b"{}"
        assert closed.has(layer(BUNDLE))
        content = closed.content(layer(BUNDLE))
        assert content and read(content) == BUNDLE
        closed.remember("b", layer(BUNDLE))
        closed.keep(Descriptor.of(b"[]", MODEL_CONFIG), b"[]")
        with FolderTarget(open_folder / "out/model") as target:
            assert closed.place(layer(BUNDLE), target, link=True)
            target.commit()

    assert as_nobody(use) == "done"
    assert found(open_folder / "out/model")[0] == SHOWN


def test_the_list_of_a_snapshots_files_tells_the_layer_of_each(cache: Cache) -> None:
    path = cache.make_snapshot(VERSION, fill(cache, WEIGHTS))

    listed = json.loads(path.with_name(path.name + ".json").read_bytes())

    key = f"sha256/{layer(WEIGHTS).digest.hex}"
    assert listed == [["weights.bin", key, "models/weights.bin", 5 * MIB]]
