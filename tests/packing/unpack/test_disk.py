"""Files and folders by descriptor: no link is followed, nothing is left open."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packing.trees import found, make
from packing.unpack.layers import MIB, ended, in_child, noise

from lading.packing.unpack.disk import (
    Lock,
    Walker,
    copy_file,
    disk_failure,
    read_whole,
    remove_tree,
    same_bytes,
    write_whole,
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    fileno = os.open(tmp_path, os.O_RDONLY)
    yield fileno
    os.close(fileno)


def test_a_walker_finds_and_makes_folders(tmp_path: Path, root: int) -> None:
    walker = Walker(root, create=True)
    for path in ("a/b/c", "a/b", "", "d", "a/b/c"):
        os.close(os.open("mark", os.O_CREAT, dir_fd=walker.folder(path)))
    walker.close()

    assert set(found(tmp_path)[0]) == {"a/b/c/mark", "a/b/mark", "mark", "d/mark"}


@pytest.mark.parametrize("create", [False, True])
def test_a_walker_follows_no_link(tmp_path: Path, root: int, create: bool) -> None:
    make(tmp_path, {"real/inner/file": b"1"})
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/up").symlink_to("../real")
    walker = Walker(root, create=create)

    for path in ("link", "link/inner", "real/up", "real/up/inner", "real/inner/file"):
        with pytest.raises(OSError) as caught:
            walker.folder(path)
        assert caught.value.errno in (errno.ENOTDIR, errno.ELOOP)
    walker.close()


def test_a_walker_leaves_nothing_open(tmp_path: Path, root: int) -> None:
    make(tmp_path, {"a/b/f": b""})
    before = len(os.listdir("/proc/self/fd"))
    walker = Walker(root)

    walker.folder("a/b")
    walker.folder("a")
    with pytest.raises(FileNotFoundError):
        walker.folder("a/b/none")
    walker.close()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_tree_is_removed_without_following_its_links(tmp_path: Path, root: int) -> None:
    make(tmp_path, {"kept/f": b"1", "gone/sub/f": b"123", "gone/g": b"45"})
    (tmp_path / "gone/link").symlink_to("../kept")
    os.link(tmp_path / "kept/f", tmp_path / "gone/shared")

    freed = remove_tree("gone", root)

    assert freed >= 5
    assert found(tmp_path) == ({"kept/f": b"1"}, {"kept"})
    assert remove_tree("gone", root) == 0


def test_a_small_file_is_written_whole_or_not_at_all(
    tmp_path: Path, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole("f", root, b"old", fsync=True)
    monkeypatch.setattr(os, "rename", _refuse)

    with pytest.raises(OSError):
        write_whole("f", root, b"new")

    assert found(tmp_path)[0] == {"f": b"old"}
    assert read_whole("f", root, 3) == b"old"
    assert read_whole("f", root, 2) is None
    assert read_whole("none", root, 2) is None


def _refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, "broken")


@pytest.mark.parametrize("way", ["as it can", "by hand"])
def test_a_file_is_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "by hand":
        monkeypatch.setattr(os, "copy_file_range", _refuse, raising=False)
    content = noise(2 * MIB + 7)
    (tmp_path / "a").write_bytes(content)

    with (tmp_path / "a").open("rb") as source, (tmp_path / "b").open("wb") as target:
        copy_file(source.fileno(), target.fileno(), len(content))

    assert (tmp_path / "b").read_bytes() == content


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (b"", b"", True),
        (b"", b"1", False),
        (b"1", b"", False),
        (noise(MIB + 5), noise(MIB + 5), True),
        (noise(MIB + 5), noise(MIB + 4) + b"?", False),
        (noise(MIB), noise(MIB + 1), False),
        (noise(MIB + 1), noise(MIB), False),
    ],
)
def test_files_are_compared_byte_for_byte(
    tmp_path: Path, first: bytes, second: bytes, equal: bool
) -> None:
    (tmp_path / "a").write_bytes(first)
    (tmp_path / "b").write_bytes(second)

    with (tmp_path / "a").open("rb") as one, (tmp_path / "b").open("rb") as other:
        assert same_bytes(one.fileno(), other.fileno()) == equal
        assert same_bytes(one.fileno(), one.fileno())


def test_a_lock_is_held_by_one_at_a_time_and_leaves_no_file(tmp_path: Path, root: int) -> None:
    def count() -> None:
        for _ in range(40):
            with Lock("lock", root):
                number = int((tmp_path / "count").read_text())
                (tmp_path / "count").write_text(str(number + 1))

    (tmp_path / "count").write_text("0")

    children = [in_child(count) for _ in range(4)]

    assert [ended(child) for child in children] == [0] * 4
    assert found(tmp_path)[0] == {"count": b"160"}


def test_a_lock_dies_with_its_holder(tmp_path: Path, root: int) -> None:
    def hold_and_die() -> None:
        Lock("lock", root).take()
        os.kill(os.getpid(), 9)

    ended(in_child(hold_and_die))

    with Lock("lock", root):
        assert (tmp_path / "lock").exists()


def test_what_a_disk_refuses_is_told_with_what_helps() -> None:
    full = disk_failure(OSError(errno.ENOSPC, "No space left on device"), "/x", hint="other")
    denied = disk_failure(OSError(errno.EACCES, "Permission denied"), "/x", hint="other")
    unknown = disk_failure(OSError(errno.EIO, "Input/output error"), "/x")

    assert full.hint is not None and "make room" in full.hint
    assert denied.hint == "other"
    assert (str(unknown), unknown.hint) == ("cannot write to /x: Input/output error", None)
