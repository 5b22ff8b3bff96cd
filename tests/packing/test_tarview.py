"""The tar that never is: any tree comes out of it again, from any offset, and nothing else."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import found, make, read, read_segments, settle, trees
from parts.child import as_nobody
from parts.laws import tries

from lading.errors import LocalFailure
from lading.packing.scan import FileIdentity, scan
from lading.packing.tarview import BytesMember, FileMember, TarView
from lading.ports import FileSlice, Segmented

GIB = 1024**3


def file_member(name: str, location: Path) -> FileMember:
    return FileMember(name, location, FileIdentity.of(location.stat()))


def view_of(folder: Path) -> TarView:
    """Everything in a folder, as a plan would show it in a single layer."""
    places = list(folder.rglob("*"))
    return TarView(
        [file_member(f"models/{p.relative_to(folder)}", p) for p in places if p.is_file()],
        [f"models/{p.relative_to(folder)}" for p in places if p.is_dir()],
    )


def extracted_by_gnu_tar(raw: bytes, into: Path) -> Path:
    subprocess.run(["tar", "-x", "-C", into], input=raw, check=True)
    return into / "models"


@given(trees())
@tries(40)
def test_any_tree_comes_out_of_gnu_tar_again(
    tree: tuple[dict[str, bytes], tuple[str, ...]],
) -> None:
    with TemporaryDirectory() as name:
        folder = make(Path(name, "in"), *tree)
        before = found(folder)
        view = view_of(folder)
        Path(name, "out").mkdir()

        raw = read(view)
        out = extracted_by_gnu_tar(raw, Path(name, "out"))

        assert view.size == len(raw)
        assert found(out) == before if any(before) else not out.exists()
        assert all(p.stat().st_mtime == 0 for p in out.rglob("*") if p.is_file())
        assert all(
            p.stat().st_mode & 0o777 == (0o755 if p.is_dir() else 0o644) for p in out.rglob("*")
        )


@given(trees(), st.data())
@tries(40)
def test_any_offset_goes_on_where_the_whole_does(
    tree: tuple[dict[str, bytes], tuple[str, ...]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        view = view_of(make(Path(name), *tree))
        whole = read(view)
        edges = [place + shift for place in range(0, len(whole), 512) for shift in (-1, 0, 1)]
        offsets = st.one_of(
            st.integers(0, len(whole)),
            st.sampled_from([edge for edge in edges if edge >= 0] or [0]),
        )
        offset = data.draw(offsets)
        step = data.draw(st.sampled_from([1 << 18, 4096, 513]))

        assert read(view, offset, step=step) == whole[offset:]
        assert read_segments(view, offset) == whole[offset:]


@given(trees())
@tries(25)
def test_it_is_the_tar_that_gnu_tar_would_write(
    tree: tuple[dict[str, bytes], tuple[str, ...]],
) -> None:
    with TemporaryDirectory() as name:
        folder = make(Path(name, "models"), *tree)
        for place in (folder, *folder.rglob("*")):
            place.chmod(0o755 if place.is_dir() else 0o644)
        view = TarView(view_of(folder).members, ["models", *view_of(folder).folders])
        names = [*view.folders, *(member.name for member in view.members)]
        written = subprocess.run(
            [
                *("tar", "-c", "-C", name, "--format=gnu", "--blocking-factor=1", "--mtime=@0"),
                *("--owner=0", "--group=0", "--numeric-owner", "--no-recursion"),
                *("--null", "--verbatim-files-from", "--files-from=-"),
            ],
            input="\0".join(names).encode(),
            capture_output=True,
            check=True,
        )

        assert read(view) == written.stdout


@given(st.integers(0, 1 << 62))
def test_any_size_is_written_as_tarfile_writes_it(size: int) -> None:
    # Nothing but the header is read: a file of that size exists nowhere.
    view = TarView([FileMember("weights.bin", Path("/nowhere"), FileIdentity(0, 0, size, 0, 0))])
    header = bytearray(512)
    theirs = tarfile.TarInfo("weights.bin")
    theirs.size = size

    with view.open() as reader:
        assert reader.readinto(memoryview(header)) == 512

    assert bytes(header) == theirs.tobuf(tarfile.GNU_FORMAT)


def test_folders_come_first_with_every_parent(tmp_path: Path) -> None:
    make(tmp_path, {"x": b"1"})
    member = file_member("models/b/deep/x", tmp_path / "x")
    other = file_member("models/a", tmp_path / "x")

    view = TarView([member, other], ["models/empty/inner"])

    with tarfile.open(fileobj=io.BytesIO(read(view))) as archive:
        entries = [(entry.name, entry.isdir()) for entry in archive]
    assert entries == [
        ("models", True),
        ("models/b", True),
        ("models/b/deep", True),
        ("models/empty", True),
        ("models/empty/inner", True),
        ("models/a", False),
        ("models/b/deep/x", False),
    ]


def test_an_archive_of_nothing_is_its_end(tmp_path: Path) -> None:
    assert read(TarView([])) == bytes(1024)


def test_files_in_memory_are_members_too() -> None:
    view = TarView([BytesMember("models/lading.json", b"{}" * 300)])

    with tarfile.open(fileobj=io.BytesIO(read(view))) as archive:
        (folder, file) = archive.getmembers()
        content = archive.extractfile(file)
        assert content is not None
        assert content.read() == b"{}" * 300
    assert (folder.name, file.name) == ("models", "models/lading.json")
    assert read(view, 1025) == read(view)[1025:]
    assert view.digest() == "sha256:" + hashlib.sha256(read(view)).hexdigest()


@pytest.mark.parametrize("size", [8 * GIB - 1, 8 * GIB, 9 * GIB + 513])
def test_a_member_around_8_gib_is_understood(tmp_path: Path, size: int) -> None:
    sparse = tmp_path / "weights.bin"
    with sparse.open("wb") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    make(tmp_path, {"z": b"after"})
    view = TarView(
        [
            file_member("models/weights.bin", sparse),
            file_member("models/z", tmp_path / "z"),
        ]
    )

    with tarfile.open(fileobj=Seekable(view)) as archive:
        large, after = archive.getmember("models/weights.bin"), archive.getmember("models/z")
        content = archive.extractfile(after)
        assert content is not None
        assert content.read() == b"after"
        assert large.size == size
        assert read(view, large.offset_data + size - 5)[:5] == b"\0\0end"


class Seekable(io.RawIOBase):
    """A view as a file that can be jumped in, so that nobody reads gigabytes of zeros."""

    def __init__(self, view: TarView) -> None:
        self._view = view
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._view.size}
        self._position = base[whence] + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        with self._view.open(self._position) as reader:
            count = reader.readinto(memoryview(buffer))  # type: ignore[arg-type]  # io's own type
        self._position += count
        return count


# What a caller may rely on


def test_buffers_are_filled_across_small_files(tmp_path: Path) -> None:
    make(tmp_path, {f"{number:03}": bytes(700) for number in range(100)})
    view = view_of(tmp_path)
    buffer = memoryview(bytearray(50_000))

    with view.open() as reader:
        counts = []
        while count := reader.readinto(buffer):
            counts.append(count)

    assert counts == [50_000] * (view.size // 50_000) + [view.size % 50_000]


def test_large_files_are_slices_and_small_ones_are_not(tmp_path: Path) -> None:
    make(tmp_path, {"a": bytes(10), "b": bytes(300_000), "c": bytes(10), "d": b""})
    view = view_of(tmp_path)

    assert isinstance(view, Segmented)
    lengths = [
        -piece.length if isinstance(piece, FileSlice) else len(piece) for piece in view.segments()
    ]

    # The folder, two headers, a's block; b; its padding, two headers, c's block and the end.
    assert lengths == [4 * 512, -300_000, 32 + 3 * 512 + 1024]


def test_a_slice_begins_where_it_is_asked_to(tmp_path: Path) -> None:
    make(tmp_path, {"b": bytes(300_000)})

    (first, *_) = view_of(tmp_path).segments(1024 + 1000)

    assert isinstance(first, FileSlice)
    assert (first.offset, first.length) == (1000, 299_000)


def test_every_file_is_closed_again(tmp_path: Path) -> None:
    make(tmp_path, {"a": bytes(300_000), "b": bytes(300_000)})
    view = view_of(tmp_path)
    before = open_files()

    read(view)
    read_segments(view)
    with view.open() as reader:
        reader.readinto(memoryview(bytearray(2000)))
    stopped = view.segments()
    next(piece for piece in stopped if isinstance(piece, FileSlice))
    stopped.close()  # type: ignore[attr-defined]  # a generator, as every caller knows

    assert open_files() == before


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_equal_trees_give_equal_bytes_whatever_else_differs(tmp_path: Path) -> None:
    files = {"b/ü": b"22", "a": b"1", "c": bytes(5000)}
    first = make(tmp_path / "first", files)
    settle()
    second = make(tmp_path / "second", dict(reversed(files.items())))
    for place in second.rglob("*"):
        place.chmod(0o700)
        os.utime(place, (1, 1))

    assert read(view_of(first)) == read(view_of(second))
    assert view_of(first).key != view_of(second).key


def test_a_key_changes_with_the_content_and_with_the_names(tmp_path: Path) -> None:
    make(tmp_path, {"a": b"1", "b": b"1"})
    one, other = file_member("models/x", tmp_path / "a"), file_member("models/x", tmp_path / "b")
    renamed = file_member("models/y", tmp_path / "a")
    keys = {
        TarView([one]).key,
        TarView([other]).key,
        TarView([renamed]).key,
        TarView([one], ["models/empty"]).key,
        TarView([one, renamed]).key,
        TarView([BytesMember("models/x", b"1")]).key,
        TarView([BytesMember("models/x", b"2")]).key,
    }

    assert len(keys) == 7
    assert TarView([one]).key == TarView([one]).key


# Files that do not stay what they were


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    path.write_bytes(b"\1" * path.stat().st_size)


def shorten(path: Path) -> None:
    os.truncate(path, 100)


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


def replace_by_a_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


CHANGES = [
    grow,
    rewrite,
    shorten,
    replace,
    replace_by_a_link,
    replace_by_a_pipe,
    replace_by_a_folder,
    Path.unlink,
    remove_folder,
]


def by_reader(view: TarView) -> None:
    read(view)


def by_segments(view: TarView) -> None:
    read_segments(view)


def by_digest(view: TarView) -> None:
    view.digest()


WAYS = [by_reader, by_segments, by_digest]


@pytest.mark.parametrize("size", [2000, 300_000])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_since_it_was_looked_at_is_detected(
    tmp_path: Path, change: Callable[[Path], None], way: Callable[[TarView], None], size: int
) -> None:
    folder = make(tmp_path / "model", {"weights.bin": bytes(size)})
    view = view_of(folder)
    settle()
    change(folder / "weights.bin")

    with pytest.raises(LocalFailure) as failure:
        way(view)

    assert failure.value.what == f"{folder}/weights.bin changed while it was read"
    assert failure.value.hint == "push again when nothing writes to it"


def test_an_empty_file_that_was_filled_is_detected(tmp_path: Path) -> None:
    make(tmp_path, {"empty": b""})
    view = view_of(tmp_path)
    settle()
    grow(tmp_path / "empty")

    for way in WAYS:
        with pytest.raises(LocalFailure, match="changed while it was read"):
            way(view)


@pytest.mark.parametrize("change", [grow, rewrite, shorten])
def test_a_file_that_changes_while_it_is_read_is_detected(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    make(tmp_path, {"weights.bin": bytes(300_000)})
    view = view_of(tmp_path)
    settle()
    buffer = memoryview(bytearray(100_000))

    with view.open() as reader:
        reader.readinto(buffer)
        change(tmp_path / "weights.bin")
        with pytest.raises(LocalFailure, match="changed while it was read"):
            while reader.readinto(buffer):
                pass


@pytest.mark.parametrize("change", [grow, rewrite, shorten])
def test_a_file_that_changes_while_the_kernel_sends_it_is_detected(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    make(tmp_path, {"weights.bin": bytes(300_000)})
    view = view_of(tmp_path)
    settle()

    def send(pieces: Iterable[bytes | FileSlice]) -> None:
        for piece in pieces:
            if isinstance(piece, FileSlice):
                change(tmp_path / "weights.bin")

    with pytest.raises(LocalFailure, match="changed while it was read"):
        send(view.segments())


def test_a_file_that_may_not_be_read_is_a_local_failure() -> None:
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        make(Path(name), {"weights.bin": b"1"})
        view = view_of(Path(name))
        (Path(name) / "weights.bin").chmod(0)
        identity = FileIdentity.of((Path(name) / "weights.bin").stat())
        member = FileMember("models/weights.bin", Path(name) / "weights.bin", identity)

        said = as_nobody(lambda: TarView([member]).digest())

    assert view.size
    assert said == f"LocalFailure: cannot read {name}/weights.bin: Permission denied"


def test_what_a_scan_finds_can_be_shown(tmp_path: Path) -> None:
    make(tmp_path, {"real/weights.bin": b"12345"})
    (tmp_path / "alias.bin").symlink_to("real/weights.bin")

    view = TarView([FileMember(m.path, m.location, m.identity) for m in scan(tmp_path).members])

    with tarfile.open(fileobj=io.BytesIO(read(view))) as archive:
        assert all(entry.isreg() or entry.isdir() for entry in archive)
        alias = archive.extractfile("alias.bin")
        assert alias is not None
        assert alias.read() == b"12345"
