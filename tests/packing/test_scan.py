"""What is found in a folder, and what is refused before a byte moves."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packing.trees import make
from parts.child import as_nobody

from lading.errors import InvalidInput
from lading.packing.scan import FileIdentity, Tree, scan


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach too; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="lading-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def paths(tree: Tree) -> list[str]:
    return [member.path for member in tree.members]


def test_files_and_folders_are_sorted_by_the_bytes_of_their_paths(tmp_path: Path) -> None:
    files = {"é": b"", "z": b"", "a/b": b"", "a-b": b"", "A": b"", "模": b"", "\U0001f600": b""}
    make(tmp_path, files, ("empty/nested", "a/c"))

    tree = scan(tmp_path)

    assert paths(tree) == sorted(files, key=str.encode)
    assert tree.folders == ("a", "a/c", "empty", "empty/nested")


def test_a_file_is_known_by_what_its_stat_shows(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"12345"})

    (member,) = scan(tmp_path).members

    status = (tmp_path / "weights.bin").stat()
    assert member.location == tmp_path / "weights.bin"
    assert member.size == 5
    assert member.identity == FileIdentity(
        status.st_dev, status.st_ino, 5, status.st_mtime_ns, status.st_ctime_ns
    )


def test_a_single_file_is_a_tree_of_one(tmp_path: Path) -> None:
    make(tmp_path, {"model.gguf": b"weights", "other": b""})

    tree = scan(tmp_path / "model.gguf")

    assert paths(tree) == ["model.gguf"]
    assert tree.folders == ()
    assert tree.size == 7


def test_a_link_given_as_the_path_keeps_its_own_name(tmp_path: Path) -> None:
    make(tmp_path, {"blobs/0123": b"weights"})
    (tmp_path / "model.gguf").symlink_to("blobs/0123")

    (member,) = scan(tmp_path / "model.gguf").members

    assert member.path == "model.gguf"
    assert member.location == tmp_path / "blobs/0123"


def test_a_relative_path_is_found_from_anywhere_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, {"model/weights.bin": b"1"})
    monkeypatch.chdir(tmp_path)

    (member,) = scan(Path("model")).members

    assert member.location.is_absolute()


@pytest.mark.parametrize("name", ["nothing", "weights.bin/nothing"])
def test_a_path_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    make(tmp_path, {"weights.bin": b"1"})

    with pytest.raises(InvalidInput, match=r"no such file or folder: .*nothing"):
        scan(tmp_path / name)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {}, ("empty",))

    with pytest.raises(InvalidInput, match="holds no files"):
        scan(tmp_path)


def test_a_folder_of_ignored_files_is_refused_and_says_so(tmp_path: Path) -> None:
    make(tmp_path, {".DS_Store": b"1"})

    with pytest.raises(InvalidInput, match="everything in it is ignored"):
        scan(tmp_path)


@pytest.mark.parametrize("name", [".LADING-PULL", ".Lading-Pull.done"])
def test_what_a_pull_keeps_for_itself_is_refused_however_it_is_spelled(
    tmp_path: Path, name: str
) -> None:
    make(tmp_path, {"weights.bin": b"1", "sub/.LADING-PULL": b"1"})
    (tmp_path / name).touch()

    with pytest.raises(InvalidInput, match="unfinished pulls") as refusal:
        scan(tmp_path)

    assert refusal.value.what == f"cannot pack {tmp_path}/{name}"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        (b"bad\xff.bin", "not UTF-8"),
        (b"two\nlines", "control characters"),
        (b"\x7f", "control characters"),
        (b"next\xc2\x85line", "control characters"),
        (b"a\\b", "backslash"),
        (b".wh.config.json", "orders to remove"),
    ],
)
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_name_that_not_every_system_can_have_is_refused(
    tmp_path: Path, name: bytes, cause: str, is_folder: bool
) -> None:
    make(tmp_path, {"fine/weights.bin": b"1"})
    place = tmp_path / "fine" / os.fsdecode(name)
    place.mkdir() if is_folder else place.touch()

    with pytest.raises(InvalidInput) as refusal:
        scan(tmp_path)

    assert cause in str(refusal.value.cause)
    assert refusal.value.what == f"cannot pack {tmp_path}/fine/{os.fsdecode(name)}"
    assert refusal.value.hint == "rename it"


def test_what_no_pull_would_take_is_not_packed(tmp_path: Path) -> None:
    make(tmp_path, {"/".join(["d"] * 98) + "/fits": b"1"})
    deep = scan(tmp_path)

    make(tmp_path, {"/".join(["d"] * 99) + "/too-deep": b"1"})

    assert len(deep.members) == 1
    with pytest.raises(InvalidInput, match="folders deep"):
        scan(tmp_path)


@pytest.mark.parametrize("is_folder", [False, True])
def test_the_name_of_the_document_is_refused_at_the_root_only(
    tmp_path: Path, is_folder: bool
) -> None:
    make(tmp_path, {"deeper/lading.json": b"{}"})
    scan(tmp_path)
    make(tmp_path, {"lading.json/x" if is_folder else "lading.json": b"{}"})

    with pytest.raises(InvalidInput, match=r"lading\.json"):
        scan(tmp_path)


def test_the_document_alone_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {"lading.json": b"{}"})

    with pytest.raises(InvalidInput, match="its own document"):
        scan(tmp_path / "lading.json")


def test_pipes_and_sockets_are_refused(tmp_path: Path) -> None:
    make(tmp_path, {"pipe/weights.bin": b"1", "socket/weights.bin": b"1"})
    os.mkfifo(tmp_path / "pipe/p")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket/s"))

    with pytest.raises(InvalidInput, match="pipe/p: it is a named pipe"):
        scan(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="socket/s: it is a socket"):
        scan(tmp_path / "socket")


def test_devices_are_refused(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"1"})
    (tmp_path / "null").symlink_to("/dev/null")

    with pytest.raises(InvalidInput, match="it is a device"):
        scan(tmp_path, follow_links=True)
    with pytest.raises(InvalidInput, match="it is a device"):
        scan(Path("/dev/null"))


@pytest.mark.parametrize("unreadable", ["inner/weights.bin", "inner"])
def test_what_cannot_be_read_is_a_local_failure(open_folder: Path, unreadable: str) -> None:
    make(open_folder, {"inner/weights.bin": b"1"})
    (open_folder / unreadable).chmod(0)

    said = as_nobody(lambda: scan(open_folder))

    assert said == f"LocalFailure: cannot read {open_folder}/{unreadable}: Permission denied"


# Links


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    make(tmp_path, {"real/weights.bin": b"12345"})
    (tmp_path / "alias.bin").symlink_to("real/weights.bin")
    (tmp_path / "folder").symlink_to(tmp_path / "real")

    tree = scan(tmp_path)

    assert paths(tree) == ["alias.bin", "folder/weights.bin", "real/weights.bin"]
    assert {member.location for member in tree.members} == {tmp_path / "real/weights.bin"}
    assert not any(stat.S_ISLNK(member.location.lstat().st_mode) for member in tree.members)
    assert tree.folders == ("folder", "real")


def test_a_folder_reached_by_a_link_may_be_packed(tmp_path: Path) -> None:
    make(tmp_path, {"real/weights.bin": b"1"})
    (tmp_path / "real/alias").symlink_to("weights.bin")
    (tmp_path / "link").symlink_to("real")

    assert paths(scan(tmp_path / "link")) == ["alias", "weights.bin"]


@pytest.mark.parametrize("target", ["../outside.bin", "../outside"])
def test_a_link_that_leaves_the_folder_needs_to_be_allowed(tmp_path: Path, target: str) -> None:
    make(tmp_path, {"model/a.bin": b"1", "outside.bin": b"22", "outside/x.bin": b"333"})
    (tmp_path / "model/link").symlink_to(target)

    with pytest.raises(InvalidInput) as refusal:
        scan(tmp_path / "model")
    followed = scan(tmp_path / "model", follow_links=True)

    assert "--follow-links" in str(refusal.value.hint)
    assert "model/link" in refusal.value.what
    assert len(followed.members) == 2


def test_a_neighbour_whose_name_begins_the_same_is_outside(tmp_path: Path) -> None:
    make(tmp_path, {"model/a.bin": b"1", "model-2/b.bin": b"2"})
    (tmp_path / "model/link.bin").symlink_to("../model-2/b.bin")

    with pytest.raises(InvalidInput, match="leaves the folder"):
        scan(tmp_path / "model")


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_link_to_nothing_is_refused(tmp_path: Path, follow_links: bool) -> None:
    make(tmp_path, {"a.bin": b"1"})
    (tmp_path / "gone.bin").symlink_to("nowhere")

    with pytest.raises(InvalidInput, match=r"gone\.bin: it is a link to nothing"):
        scan(tmp_path, follow_links=follow_links)


@pytest.mark.parametrize(
    ("link", "target"), [("self", "self"), ("here", "."), ("deep/up", ".."), ("deep/er/up", "..")]
)
@pytest.mark.parametrize("follow_links", [False, True])
def test_links_that_lead_around_are_refused(
    tmp_path: Path, link: str, target: str, follow_links: bool
) -> None:
    make(tmp_path, {"a.bin": b"1", "deep/er/b.bin": b"2"})
    (tmp_path / link).symlink_to(target)

    with pytest.raises(InvalidInput, match="in a circle"):
        scan(tmp_path, follow_links=follow_links)


def test_a_hugging_face_snapshot_is_packed_from_its_blobs(tmp_path: Path) -> None:
    repository = make(tmp_path / "hub/models--acme--bert", {"blobs/11": b"1", "blobs/22": b"22"})
    snapshot = make(repository / "snapshots/0a1b", {}, ("onnx",))
    (snapshot / "config.json").symlink_to("../../blobs/11")
    (snapshot / "onnx/model.onnx").symlink_to("../../../blobs/22")

    tree = scan(snapshot)

    assert paths(tree) == ["config.json", "onnx/model.onnx"]
    assert [member.size for member in tree.members] == [1, 2]
    assert paths(scan(snapshot / "onnx")) == ["model.onnx"]


def test_a_hugging_face_snapshot_leads_nowhere_else(tmp_path: Path) -> None:
    repository = make(tmp_path / "models--acme--bert", {"blobs/11": b"1", "refs/main": b"0a1b"})
    snapshot = make(repository / "snapshots/0a1b", {"config.json": b"1"})
    (snapshot / "main").symlink_to("../../refs/main")

    with pytest.raises(InvalidInput, match="leaves the folder"):
        scan(snapshot)


def test_links_cannot_multiply_a_folder_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.packing.scan._MOST_ENTRIES", 1000)
    make(tmp_path, {f"{level:02}/weights.bin": b"1" for level in range(20)})
    for level in range(19):
        for name in ("left", "right"):
            (tmp_path / f"{level:02}" / name).symlink_to(f"../{level + 1:02}")

    with pytest.raises(InvalidInput, match="more than 1,000 files and folders"):
        scan(tmp_path)


def test_what_speaks_to_lading_is_no_part_of_the_model(tmp_path: Path) -> None:
    for name in ("model.bin", "lading.yaml", "lading.yml", ".ladingignore", "sub/lading.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    assert [member.path for member in scan(tmp_path).members] == ["model.bin", "sub/lading.yaml"]
